//! The networks the program knows by name.

mod mlperf;
mod plain;

use super::network::Node;
use crate::data::{Dataset, is_rows};

/// A network for images, whatever their size and channels.
///
/// Layers start with PyTorch's default initialization. Layers that a batch norm follows have no bias, which it would
/// take away again; [`Network::with_bias_before_norm`] gives them one, as PyTorch's layers have it and as the published
/// networks of MLPerf Tiny do. Weights with such biases fit after [`fold_norm_biases`]. Keras counts running averages
/// among the parameters, too, which [`Net::parameters`] does not.
///
/// | architecture | parameters | for |
/// |---|---|---|
/// | [`Architecture::Cnn`] | 468,010 | 1 x 28 x 28, 10 classes |
/// | [`Architecture::Mlp`] | 1,276,810 | 1 x 28 x 28, 10 classes |
/// | [`Architecture::Tiny`] | 1,898 | 1 x 8 x 8, 10 classes |
/// | [`Architecture::LeNet`] | 61,706 | 1 x 28 x 28, 10 classes |
/// | [`Architecture::VggSmall`] | 288,746 | 3 x 32 x 32, 10 classes |
/// | [`Architecture::ResNet8`] | 77,946 | 3 x 32 x 32, 10 classes |
/// | [`Architecture::DsCnn`] | 23,180 | 1 x 49 x 10, 12 classes |
/// | [`Architecture::MobileNet`] | 213,586 | 3 x 96 x 96, 2 classes |
///
/// [`Net::parameters`]: flatgrad_core::net::Net::parameters
/// [`Network::with_bias_before_norm`]: super::Network::with_bias_before_norm
/// [`fold_norm_biases`]: super::fold_norm_biases
///
/// ```
/// use flatgrad::model::{Architecture, LayerStore, Network};
/// let network = Network::new(Architecture::ResNet8, [3, 32, 32], 10);
/// let store = LayerStore::default();
/// assert_eq!(network.net(&store)?.parameters(), 77_946);
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Architecture {
    /// Convolutions with batch norm and relu.
    ///
    /// From 16 x 16 pixels on: two 3x3 convolutions of 32 channels, pooling by 2, two of 64 channels, pooling by 2, a
    /// dense layer of 128 with relu and dropout 0.5, a dense layer of the classes. Below: 3x3 convolutions of 16 and
    /// 32 channels, pooling by 2, a dense layer.
    Cnn,
    /// Two dense layers of 800 with relu, and one of the classes.
    Mlp,
    /// For microcontrollers: 3x3 convolutions of 8 and 16 channels, each with relu and pooling by 2, and a dense layer
    /// of the classes. For the 8 x 8 digits, 1,898 parameters.
    Tiny,
    /// LeNet-5 (LeCun et al., "Gradient-Based Learning Applied to Document Recognition", 1998) as it is written today.
    ///
    /// 5x5 convolutions of 6 and 16 channels, each with relu and pooling by 2, and dense layers of 120, 84 and the
    /// classes. Relu and the maximum take the place of the scaled tanh and the learnt average of the paper: they train
    /// faster, and the number of parameters that people know, 61,706, is that of this form. The paper's images have 32
    /// x 32 pixels, those of MNIST with a border of 2; below that size the first convolution pads by 2 instead.
    LeNet,
    /// Simonyan and Zisserman's blocks ("Very Deep Convolutional Networks", 2015) for small images: twice a 3x3
    /// convolution with batch norm and relu, of 32, 64 and 128 channels.
    ///
    /// Between the blocks pooling by 2 and dropout 0.25; at the end the mean of each channel, dropout 0.5, and a dense
    /// layer of the classes.
    VggSmall,
    /// ResNet-8 of MLPerf Tiny, image classification (Banbury et al., "MLPerf Tiny Benchmark", 2021; He et al., "Deep
    /// Residual Learning for Image Recognition", 2015).
    ///
    /// A 3x3 convolution of 16 channels with batch norm and relu; residual blocks of 16, 32 and 64 channels with two
    /// 3x3 convolutions each, the last two at stride 2 with a 1x1 convolution on the shortcut; the mean of each
    /// channel, a dense layer of the classes. Keras counts 78,666 parameters: 480 of them are running averages, 240
    /// biases before batch norm. At stride 2 Keras pads one side, and this both, to the same size.
    ResNet8,
    /// DS-CNN of MLPerf Tiny, keyword spotting (Zhang et al., "Hello Edge: Keyword Spotting on Microcontrollers",
    /// 2017).
    ///
    /// A convolution of 64 channels at stride 2; four blocks of a 3x3 depthwise and a 1x1 convolution; each with batch
    /// norm and relu; the mean of each channel, a dense layer of the classes. Dropout 0.2 after the first convolution,
    /// 0.4 before the mean. Of inputs at least twice as high as wide (frames of features, in the paper 49 x 10) the
    /// first kernel is 10x4, of others 3x3. Keras counts 24,908 parameters: 1,152 of them are running averages, 576
    /// biases before batch norm. (The 38.6 K of the paper are bytes of memory.)
    DsCnn,
    /// MobileNet of MLPerf Tiny, visual wake words: version 1 (Howard et al., "MobileNets", 2017), a quarter as wide.
    ///
    /// A 3x3 convolution of 8 channels; thirteen blocks of a 3x3 depthwise and a 1x1 convolution, up to 256 channels;
    /// each with batch norm and relu; the mean of each channel, a dense layer of the classes. Images of 96 x 96 pixels
    /// and more are halved five times: by the first convolution and by blocks 2, 4, 6 and 12. Smaller ones are halved
    /// no more than leaves 3 pixels: the first of these strides become 1, for 64 x 64 one, for 28 x 28 and 32 x 32 two.
    /// Keras counts 221,794 parameters: 5,472 of them are running averages, 2,736 biases before batch norm.
    MobileNet,
}

impl Architecture {
    /// All architectures.
    pub const ALL: [Self; 8] =
        [Self::Cnn, Self::Mlp, Self::Tiny, Self::LeNet, Self::VggSmall, Self::ResNet8, Self::DsCnn, Self::MobileNet];

    /// The architecture of this name.
    ///
    /// ```
    /// use flatgrad::model::Architecture;
    /// assert_eq!(Architecture::by_name("tiny"), Some(Architecture::Tiny));
    /// assert_eq!(Architecture::by_name("huge"), None);
    /// ```
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|architecture| architecture.name() == name)
    }

    /// The one to begin with: [`Architecture::Mlp`] for rows of numbers, else [`Architecture::Cnn`].
    pub fn usual(data: &dyn Dataset) -> Self {
        if is_rows(data) { Self::Mlp } else { Self::Cnn }
    }

    /// The architecture whose name is close to this one.
    ///
    /// ```
    /// use flatgrad::model::Architecture;
    /// assert_eq!(Architecture::close_to("ResNet-8"), Some(Architecture::ResNet8));
    /// assert_eq!(Architecture::close_to("transformer"), None);
    /// ```
    pub fn close_to(name: &str) -> Option<Self> {
        if name.len() > 40 {
            return None;
        }
        let name = name.to_lowercase();
        let close = |architecture: Self| (strsim::jaro_winkler(&name, architecture.name()), architecture);
        let best = Self::ALL.into_iter().map(close).max_by(|a, b| a.0.total_cmp(&b.0));
        best.filter(|(score, _)| *score > 0.8).map(|(_, architecture)| architecture)
    }

    /// The name: `cnn`, `mlp`, `tiny`, `lenet`, `vgg-small`, `resnet8`, `ds-cnn` or `mobilenet`.
    pub const fn name(self) -> &'static str {
        self.words()[0]
    }

    /// What it is, in a few words.
    pub const fn summary(self) -> &'static str {
        self.words()[1]
    }

    const fn words(self) -> [&'static str; 2] {
        match self {
            Self::Cnn => ["cnn", "convolutions with batch norm"],
            Self::Mlp => ["mlp", "two hidden layers of 800"],
            Self::Tiny => ["tiny", "for microcontrollers, 1,898 parameters for the digits"],
            Self::LeNet => ["lenet", "LeNet-5 with relu, for 28 x 28"],
            Self::VggSmall => ["vgg-small", "six 3x3 convolutions with batch norm and dropout"],
            Self::ResNet8 => ["resnet8", "residual blocks, for 32 x 32"],
            Self::DsCnn => ["ds-cnn", "depthwise separable, for spectrograms 49 x 10 or small images"],
            Self::MobileNet => ["mobilenet", "MobileNet v1, a quarter as wide, for 96 x 96"],
        }
    }

    /// The fewest pixels, down and across, of the images that it takes.
    ///
    /// ```
    /// use flatgrad::model::{Architecture, LayerStore, Network};
    /// assert_eq!(Architecture::LeNet.least_side(), 12);
    /// let error = Network::new(Architecture::LeNet, [1, 8, 8], 10).net(&LayerStore::default()).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "lenet on 1 x 8 x 8: layer 3 (conv2d): kernel 5x5 does not fit the padded image 4x4; \
    ///      images must have at least 12 x 12 pixels",
    /// );
    /// ```
    pub const fn least_side(self) -> usize {
        match self {
            Self::Mlp => 1,
            Self::Cnn => 2,
            // Its first kernel.
            Self::DsCnn => 3,
            // What is left to take the mean of.
            Self::MobileNet => mlperf::LAST_SIDE,
            // Halved twice.
            Self::Tiny | Self::VggSmall | Self::ResNet8 => 4,
            Self::LeNet => 12,
        }
    }

    /// The layers for images of `[c, h, w]`, as they are published: with biases before batch norm.
    pub(super) fn nodes(self, [_, height, width]: [usize; 3], classes: usize) -> Vec<Node> {
        let side = height.min(width);
        match self {
            Self::Cnn => plain::cnn(side, classes),
            Self::Mlp => plain::mlp(classes),
            Self::Tiny => plain::tiny(classes),
            Self::LeNet => plain::lenet(side, classes),
            Self::VggSmall => plain::vgg_small(classes),
            Self::ResNet8 => mlperf::resnet8(classes),
            Self::DsCnn => mlperf::ds_cnn([height, width], classes),
            Self::MobileNet => mlperf::mobilenet(side, classes),
        }
    }
}

/// Layers one after the other.
fn nodes<const N: usize>(layers: [flatgrad_core::net::Layer<'static>; N]) -> Vec<Node> {
    layers.into_iter().map(Node::from).collect()
}
