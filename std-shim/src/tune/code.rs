//! What can be found, by name.

/// What a verdict says; its name in JSON is [`Code::name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Code {
    /// No other code.
    Healthy,
    /// A value of a sample is NaN or infinite.
    InputsNotFinite,
    /// All samples are equal, or nearly.
    InputsConstant,
    /// Softmax or log-softmax is the last layer, and the loss applies it again.
    DoubleSoftmax,
    /// A loss for numbers on classes, or a loss for classes on numbers.
    WrongLoss,
    /// The last layer cannot give the values to predict.
    OutputRange,
    /// All weights of a layer start from one value: its units learn the same.
    InitZero,
    /// The weights start far too large.
    InitTooLarge,
    /// The weights start far too small.
    InitTooSmall,
    /// The network sees values far from mean 0 and deviation 1.
    InputsUnscaled,
    /// The test part differs from the training part.
    PartShift,
    /// Test samples that are training samples.
    Leakage,
    /// One class has nearly all samples.
    ClassImbalance,
    /// Too few samples to learn from.
    TooFewSamples,
    /// Labels that have nothing to do with the samples.
    LabelsRandom,
    /// A good part of the labels is wrong.
    LabelsNoisy,
    /// The loss or a layer's values are not finite, or grow from layer to layer.
    Exploding,
    /// Gradients fade on their way to the first layers.
    Vanishing,
    /// Sigmoids or tanhs at the ends of their range.
    Saturated,
    /// Units that give 0 for every sample.
    DeadRelu,
    /// A layer is too narrow for what must pass it.
    ModelTooSmall,
    /// So many units are dropped that nothing passes.
    BottleneckDropout,
    /// The recipe takes away what tells the classes apart.
    AugmentationDestroys,
    /// Adam's `eps` is larger than the gradients it stands beside.
    EpsTooLarge,
    /// Weight decay outweighs the loss.
    DecayTooHigh,
    /// The batch has too few samples for batch normalization, or the loss jumps.
    BatchTooSmall,
    /// The learning rate is too high.
    LrTooHigh,
    /// The learning rate is too low.
    LrTooLow,
    /// Regularization keeps the network from learning.
    Underfitting,
    /// The network learns its samples by heart.
    Overfitting,
    /// Training ends while the loss still falls.
    TooFewEpochs,
}

impl Code {
    /// All of them, likely causes before what they bring about.
    pub const ALL: [Self; 31] = [
        Self::Healthy,
        Self::InputsNotFinite,
        Self::InputsConstant,
        Self::DoubleSoftmax,
        Self::WrongLoss,
        Self::OutputRange,
        Self::InitZero,
        Self::InitTooLarge,
        Self::InitTooSmall,
        Self::InputsUnscaled,
        Self::PartShift,
        Self::Leakage,
        Self::ClassImbalance,
        Self::TooFewSamples,
        Self::LabelsRandom,
        Self::LabelsNoisy,
        Self::Exploding,
        Self::Vanishing,
        Self::Saturated,
        Self::DeadRelu,
        Self::ModelTooSmall,
        Self::BottleneckDropout,
        Self::AugmentationDestroys,
        Self::EpsTooLarge,
        Self::DecayTooHigh,
        Self::BatchTooSmall,
        Self::LrTooHigh,
        Self::LrTooLow,
        Self::Underfitting,
        Self::Overfitting,
        Self::TooFewEpochs,
    ];

    /// The name in JSON.
    ///
    /// ```
    /// use flatgrad::tune::Code;
    /// assert_eq!(Code::LrTooHigh.name(), "lr_too_high");
    /// assert!(Code::ALL.iter().all(|code| Code::by_name(code.name()) == Some(*code)));
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::InputsNotFinite => "inputs_not_finite",
            Self::InputsConstant => "inputs_constant",
            Self::DoubleSoftmax => "double_softmax",
            Self::WrongLoss => "wrong_loss",
            Self::OutputRange => "output_range",
            Self::InitZero => "init_zero",
            Self::InitTooLarge => "init_too_large",
            Self::InitTooSmall => "init_too_small",
            Self::InputsUnscaled => "inputs_unscaled",
            Self::PartShift => "part_shift",
            Self::Leakage => "leakage",
            Self::ClassImbalance => "class_imbalance",
            Self::TooFewSamples => "too_few_samples",
            Self::LabelsRandom => "labels_random",
            Self::LabelsNoisy => "labels_noisy",
            Self::Exploding => "exploding",
            Self::Vanishing => "vanishing",
            Self::Saturated => "saturated",
            Self::DeadRelu => "dead_relu",
            Self::ModelTooSmall => "model_too_small",
            Self::BottleneckDropout => "bottleneck_dropout",
            Self::AugmentationDestroys => "augmentation_destroys",
            Self::EpsTooLarge => "eps_too_large",
            Self::DecayTooHigh => "decay_too_high",
            Self::BatchTooSmall => "batch_too_small",
            Self::LrTooHigh => "lr_too_high",
            Self::LrTooLow => "lr_too_low",
            Self::Underfitting => "underfitting",
            Self::Overfitting => "overfitting",
            Self::TooFewEpochs => "too_few_epochs",
        }
    }

    /// The code of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.name() == name)
    }

    /// What to do, with fields of the settings in backticks.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Healthy => "Nothing to mend was found.",
            Self::InputsNotFinite => "Remove or fill in the samples named here.",
            Self::InputsConstant => "Look at the samples: the reader may have taken the wrong columns or files.",
            Self::DoubleSoftmax => "Remove the last layer: cross entropy takes logits and applies softmax itself.",
            Self::WrongLoss => "Say which it is: `regression` for numbers, without it for classes.",
            Self::OutputRange => "Remove the last activation, or scale the targets into its range.",
            Self::InitZero => "Use the default initialization, or a random one such as kaiming_uniform.",
            Self::InitTooLarge | Self::InitTooSmall => {
                "Use the default initialization: weights within 1 / sqrt(inputs of a unit)."
            }
            Self::InputsUnscaled => "Use `normalize` standard: mean 0 and deviation 1, measured on the training part.",
            Self::PartShift => "Prepare both parts in the same way, or take the test part from the training data.",
            Self::Leakage => "Remove the duplicates, or split by group so that no test sample is a training sample.",
            Self::ClassImbalance => "Use `class_weights`, and judge by the recall of each class, not by accuracy.",
            Self::TooFewSamples => "Gather more samples, augment them, or use a much smaller network.",
            Self::LabelsRandom => "Compare samples with their labels: they may be shifted or shuffled.",
            Self::LabelsNoisy => "Look through the labels; try `label_smoothing` and early stopping.",
            Self::Exploding => "Add batch or layer normalization, start with smaller weights, or use `clip_norm`.",
            Self::Vanishing => "Use relu in place of sigmoid or tanh, add normalization or residual blocks.",
            Self::Saturated => "Scale the inputs, start with smaller weights, or add normalization before it.",
            Self::DeadRelu => "Lower `lr`, start with biases near 0, or use leaky_relu.",
            Self::ModelTooSmall => "Make the layer named here wider.",
            Self::BottleneckDropout => "Lower the probability to drop: 0.5 in wide layers, 0.2 elsewhere.",
            Self::AugmentationDestroys => "Weaken the recipe; look at it with the command augment.",
            Self::EpsTooLarge => "Use the default `eps`: it only guards a division by 0.",
            Self::DecayTooHigh => "Lower `weight_decay`: 1e-4 is usual.",
            Self::BatchTooSmall => "Use a larger `batch`: 16 or more with batch normalization.",
            Self::LrTooHigh => "Lower `lr`.",
            Self::LrTooLow => "Raise `lr`.",
            Self::Underfitting => "Weaken dropout, weight decay or augmentation, or make the network larger.",
            Self::Overfitting => "Stop early (`patience`), add dropout, weight decay or augmentation, or more samples.",
            Self::TooFewEpochs => "Train for more `epochs`.",
        }
    }
}
