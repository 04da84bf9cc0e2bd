//! Names and places of a network's tensors, as a state dict lists them.

use super::Plan;
use crate::net::layers::Slot;
use core::fmt;
use core::ops::Range;

/// What a tensor is to its layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Weights; a normalization's scale.
    Weight,
    /// Biases; a normalization's shift.
    Bias,
    /// Running mean of a batch norm; not learnt.
    RunningMean,
    /// Running variance of a batch norm; not learnt.
    RunningVar,
}

/// A name as PyTorch users give it: `conv1.weight`, `bn2.running_mean`, `fc1.bias`; layers of a kind are counted from
/// 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TensorName {
    /// `conv`, `fc`, or of a normalization `bn`, `gn`, `in` (instance), `ln` or `rms`.
    pub stem: &'static str,
    /// Counted from 1 among the layers of this stem.
    pub ordinal: usize,
    /// What follows the dot.
    pub role: Role,
}

impl fmt::Display for TensorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = match self.role {
            Role::Weight => "weight",
            Role::Bias => "bias",
            Role::RunningMean => "running_mean",
            Role::RunningVar => "running_var",
        };
        write!(f, "{}{}.{suffix}", self.stem, self.ordinal)
    }
}

/// One tensor of a network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TensorInfo {
    /// Its name in a state dict.
    pub name: TensorName,
    /// Index of its layer.
    pub layer: usize,
    /// Its shape in memory; the first `rank` sizes count. A dense weight is `[inputs, outputs]`: PyTorch's is the
    /// transpose. A convolution's is `[out_channels, in_channels / groups, kh, kw]`, as PyTorch's.
    pub dims: [usize; 4],
    /// How many of `dims` count.
    pub rank: usize,
    /// Start of the tensor in the weights: the first [`Plan::weights_len`] elements of an arena.
    pub offset: usize,
}

impl TensorInfo {
    /// The sizes.
    pub fn shape(&self) -> &[usize] {
        self.dims.get(..self.rank).unwrap_or(&self.dims)
    }
    /// Number of elements.
    pub fn elements(&self) -> usize {
        self.shape().iter().product()
    }
    /// Where it lies in the weights.
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.elements()
    }
    /// Whether it is a dense layer's weight, which PyTorch keeps transposed.
    pub fn is_dense_weight(&self) -> bool {
        self.rank == 2
    }
}

impl<S: AsRef<[Slot]>> Plan<S> {
    /// The tensors, layer by layer: weight, bias, running mean, running variance.
    ///
    /// ```
    /// use flatgrad_core::net::{Config, Layer, Net, Optimizer, Plan};
    /// let layers = [Layer::conv2d(8, 3).no_bias(), Layer::batch_norm(), Layer::flatten(), Layer::dense(10)];
    /// let net = Net::try_new([1, 8, 8], &layers)?;
    /// let plan = Plan::try_new(&net, Config::new(4, Optimizer::adam(1e-3)))?;
    /// let names: Vec<String> = plan.tensors().map(|t| t.name.to_string()).collect();
    /// assert_eq!(names[..3], ["conv1.weight", "bn1.weight", "bn1.bias"]);
    /// assert_eq!(names[3..], ["bn1.running_mean", "bn1.running_var", "fc1.weight", "fc1.bias"]);
    /// # Ok::<(), flatgrad_core::net::NetError>(())
    /// ```
    pub fn tensors(&self) -> impl Iterator<Item = TensorInfo> + '_ {
        self.view().slots.iter().enumerate().flat_map(|(i, slot)| self.layer_tensors(i, slot)).flatten()
    }

    fn layer_tensors(&self, i: usize, slot: &Slot) -> [Option<TensorInfo>; 4] {
        let about = slot.kind.about();
        let Some(stem) = about.stem else { return [None; 4] };
        let same = self.view().slots.iter().take(i).filter(|s| s.kind.about().stem == Some(stem));
        let ordinal = 1 + same.count();
        let info = |role, dims, rank, offset| {
            Some(TensorInfo { name: TensorName { stem, ordinal, role }, layer: i, dims, rank, offset })
        };
        let vector = |n| [n, 1, 1, 1];
        let (dims, rank) = slot.drawn().map_or((vector(slot.weight_len), 1), |drawn| (drawn.dims, drawn.rank));
        let weight = info(Role::Weight, dims, rank, slot.weight).filter(|_| slot.weight_len > 0);
        let bias = info(Role::Bias, vector(slot.bias_len), 1, slot.bias()).filter(|_| slot.bias_len > 0);
        let (running, c) = (self.parameters() + slot.running, slot.input[0]);
        let mean = info(Role::RunningMean, vector(c), 1, running).filter(|_| about.has_averages);
        let var = info(Role::RunningVar, vector(c), 1, running + c).filter(|_| about.has_averages);
        [weight, bias, mean, var]
    }
}
