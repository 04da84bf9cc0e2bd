//! Networks in files.

mod build;
mod checked;
mod fold;
mod init;
mod kinds;
mod learnt;
mod node;
mod parse;
mod testing;
mod variants;
mod write;

use std::path::Path;

use flatgrad_core::net::Kind;

pub use self::build::LayerStore;
pub(super) use self::fold::{Edit, Folding};
use self::node::Common;
pub(super) use self::node::Node;
use self::parse::Parsed;
use self::testing::Testing;
pub(crate) use self::write::{layer as layer_toml, shown as value_toml};
use super::Architecture;
use crate::data::{Columns, Scaling, TargetScaling};
use crate::error::Result;
use crate::toml::{self, LineColumn, Source};

/// A network in memory of its own: an [`Architecture`], or what a network file says.
///
/// A network file is TOML: `input`, the shape of a sample `[channels, height, width]`; `layers`, an array of tables; if
/// the file's name shall not be the network's, `name`; and if its outputs are classes, their names, `classes`. A run
/// also writes down `scaling`, what it measured of the samples; training measures it anew. If its recipe has operations
/// for testing, it writes these down, too, as `test`, with the shape of the `samples` that they are for; of a table,
/// the names of the `columns`; if its outputs are values, `targets`, the mean and deviation with which outputs become
/// values. A table has the key `kind`, a layer's name, and the layer's own keys; a layer that needs none may be just
/// its name.
///
/// ```
/// use flatgrad::model::{LayerStore, Network};
/// let text = r#"
/// input = [1, 8, 8]
/// layers = [
///   { kind = "conv2d", out_channels = 8, kernel = 3, padding = 1, bias = false },
///   "batch_norm",
///   "relu",
///   { kind = "residual", body = [{ kind = "depthwise", kernel = 3, padding = 1 }, "relu"] },
///   { kind = "max_pool", kernel = 2 },
///   "flatten",
///   { kind = "dense", outputs = 10, init = "kaiming_uniform", lr = 0.5 },
/// ]
/// "#;
/// let network = Network::parse("net.toml", text)?;
/// let store = LayerStore::default();
/// assert_eq!(network.net(&store)?.parameters(), 8 * 9 + 2 * 8 + 8 * 9 + 8 + 128 * 10 + 10);
/// # Ok::<(), flatgrad::Error>(())
/// ```
///
/// | `kind` | keys, with their defaults |
/// |---|---|
/// | `conv2d` | `out_channels`, `kernel`, `stride = 1`, `padding = 0`, `dilation = 1`, `groups = 1`, `bias = true` |
/// | `conv1d` | the same, for signals `[c, 1, len]` |
/// | `depthwise` | `kernel`, `multiplier = 1`, `stride = 1`, `padding = 0`, `dilation = 1`, `bias = true` |
/// | `dense` | `outputs`, `bias = true` |
/// | `batch_norm` | `eps = 1e-5`, `momentum = 0.1` |
/// | `group_norm` | `groups`, `eps = 1e-5`, `affine = true` |
/// | `instance_norm` | `eps = 1e-5`, `affine = false` |
/// | `layer_norm` | `eps = 1e-5`, `affine = true` |
/// | `rms_norm` | `eps = 1.1920929e-7`, `affine = true` |
/// | `relu`, `sigmoid`, `tanh`, `gelu`, `gelu_tanh`, `silu`, `hard_swish`, `mish` | none |
/// | `leaky_relu` | `slope = 0.01` |
/// | `elu` | `alpha = 1` |
/// | `softplus` | `beta = 1`, `threshold = 20` |
/// | `max_pool`, `max_pool1d` | `kernel`, `stride` (the kernel), `padding = 0` |
/// | `avg_pool`, `avg_pool1d` | the same, `count_include_pad = true` |
/// | `global_avg_pool`, `softmax`, `log_softmax`, `flatten` | none |
/// | `dropout` | `p`, the probability to drop, or `keep`, that to keep; `form = "inverted"` |
/// | `residual` | `body`, an array of layers; `shortcut = []` |
///
/// Dropout's `form` says what keeps the expectation. `"inverted"`, PyTorch's, divides by `keep` in training. At test
/// time `"scale_activations"` multiplies what dropout gives by `keep`, and `"scale_weights"` the weights of the next
/// convolution or dense layer; between the two may be flatten, pooling, relu, leaky relu and dropout. In every form a
/// network holds the weights of training, and infers what the form says.
///
/// `kernel`, `stride`, `padding` and `dilation` are one number, or for images two, `[down, across]`. Every layer may
/// have `frozen = false`, `lr = 1` and `decay = 1` (factors of learning rate and weight decay); convolutions and dense
/// layers `max_norm`, and `init`: `"default"`, `"kaiming_uniform"`, `"kaiming_normal"`, `"xavier_uniform"`,
/// `"xavier_normal"` or `"orthogonal"`, or a table such as `{ rule = "xavier_normal", gain = 2 }`,
/// `{ rule = "uniform", bound = 0.1 }`, `{ rule = "normal", std = 0.1 }`, `{ rule = "constant", value = 0 }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    name: String,
    input: [usize; 3],
    scaling: Option<Scaling>,
    classes: Vec<String>,
    testing: Option<Testing>,
    targets: Option<TargetScaling>,
    columns: Option<Columns>,
    nodes: Vec<Node>,
    origin: Origin,
}

/// Where things stand in a file.
#[derive(Clone, Debug, PartialEq)]
struct File {
    origin: String,
    layers: Vec<LineColumn>,
    input: LineColumn,
    /// The names of the classes, if they are the file's.
    classes: Option<LineColumn>,
}

/// Where a network comes from.
#[derive(Clone, Debug, PartialEq)]
enum Origin {
    Architecture(Architecture),
    File(File),
}

impl Network {
    /// The network of an architecture for images of `input`, `[channels, height, width]`. Layers that a batch norm
    /// follows have no bias: it would take the bias away again ([`Network::with_bias_before_norm`]).
    pub fn new(architecture: Architecture, input: [usize; 3], classes: usize) -> Self {
        let (name, mut nodes) = (architecture.name().to_string(), architecture.nodes(input, classes));
        node::set_biases_before_norm(&mut nodes, false);
        let (scaling, classes, origin) = (None, Vec::new(), Origin::Architecture(architecture));
        Self { name, input, scaling, classes, testing: None, targets: None, columns: None, nodes, origin }
    }

    /// The network that the text of a network file describes; errors call the text `origin`.
    ///
    /// # Errors
    ///
    /// [`Error::Network`](crate::Error::Network) with the place of what is not understood.
    pub fn parse(origin: &str, text: &str) -> Result<Self> {
        let Parsed { name, scaling, input, classes, testing, targets, columns, nodes, places } =
            parse::parse(Source { origin, text })?;
        let stem = Path::new(origin).file_stem().unwrap_or_default();
        let name = name.unwrap_or_else(|| stem.to_string_lossy().into_owned());
        Ok(Self { name, input, scaling, classes, testing, targets, columns, nodes, origin: Origin::File(places) })
    }

    /// The network of a file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io) if it cannot be read; as [`Network::parse`].
    pub fn load(path: &Path) -> Result<Self> {
        toml::load(path, Self::parse)
    }

    /// The same layers for samples of another shape.
    pub fn with_input(mut self, input: [usize; 3]) -> Self {
        self.scaling = self.scaling.filter(|scaling| scaling.mean.len() == input[0]);
        self.testing = self.testing.filter(|_| self.input == input);
        self.columns = self.columns.filter(|_| self.input == input);
        self.input = input;
        self
    }

    /// The same, with what training measured of the samples.
    pub fn with_scaling(mut self, scaling: Scaling) -> Self {
        self.scaling = Some(scaling);
        self
    }

    /// The same, with a limit for the norm of every neuron's incoming weights in all convolutions and dense layers
    /// ([`Layer::max_norm`](flatgrad_core::net::Layer::max_norm)).
    ///
    /// ```
    /// use flatgrad::model::{Architecture, Network};
    /// let limited = Network::new(Architecture::Mlp, [1, 8, 8], 10).with_max_norm(2.0);
    /// assert_eq!(limited.to_toml().matches("max_norm = 2").count(), 3);
    /// ```
    pub fn with_max_norm(mut self, limit: f32) -> Self {
        limit_norms(&mut self.nodes, limit);
        self
    }

    /// The same, with biases in the convolutions and dense layers that a batch norm follows: PyTorch's layers have them
    /// unless told otherwise.
    ///
    /// ```
    /// use flatgrad::model::{Architecture, LayerStore, Network};
    /// let (resnet, store) = (Network::new(Architecture::ResNet8, [3, 32, 32], 10), LayerStore::default());
    /// let with = resnet.clone().with_bias_before_norm();
    /// // A number for each channel of the seven normalized convolutions.
    /// assert_eq!(with.net(&store)?.parameters() - resnet.net(&store)?.parameters(), 3 * 16 + 2 * 32 + 2 * 64);
    /// # Ok::<(), flatgrad::Error>(())
    /// ```
    pub fn with_bias_before_norm(mut self) -> Self {
        node::set_biases_before_norm(&mut self.nodes, true);
        self
    }

    /// How a sample becomes the network's input, if that is known: weights of a run say it.
    pub fn scaling(&self) -> Option<&Scaling> {
        self.scaling.as_ref()
    }

    /// The same, with names for its outputs, the first output's first; names of fewer than all, or none, are fine.
    /// Control characters in them become U+FFFD.
    ///
    /// ```
    /// use flatgrad::model::{Architecture, Network};
    /// let network = Network::new(Architecture::ResNet8, [3, 32, 32], 2).with_classes(["cat", "dog"]);
    /// assert!(network.to_toml().contains(r#"classes = ["cat", "dog"]"#));
    /// assert_eq!(Network::parse("net.toml", &network.to_toml())?.classes(), ["cat", "dog"]);
    /// # Ok::<(), flatgrad::Error>(())
    /// ```
    pub fn with_classes<S: AsRef<str>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        let printable = |name: S| name.as_ref().replace(char::is_control, "\u{fffd}");
        self.classes = names.into_iter().map(printable).collect();
        if let Origin::File(file) = &mut self.origin {
            file.classes = None;
        }
        self
    }

    /// The names of the classes, or nothing if they are not known. [`Network::net`] refuses more names than outputs.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The architecture's name, what the file says, or the file's name without its ending.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The shape of a sample, `[channels, height, width]`.
    pub fn input(&self) -> [usize; 3] {
        self.input
    }

    /// The text of a network file, with all keys of every layer.
    ///
    /// ```
    /// use flatgrad::model::{Architecture, LayerStore, Network};
    /// let tiny = Network::new(Architecture::Tiny, [1, 8, 8], 10);
    /// let again = Network::parse("tiny", &tiny.to_toml())?;
    /// let store = LayerStore::default();
    /// assert_eq!(again.net(&store)?, tiny.net(&store)?);
    /// # Ok::<(), flatgrad::Error>(())
    /// ```
    pub fn to_toml(&self) -> String {
        write::network(self)
    }
}

fn limit_norms(nodes: &mut [Node], limit: f32) {
    for node in nodes {
        match node {
            Node::Single(layer) if matches!(layer.kind(), Kind::Conv2d { .. } | Kind::Dense { .. }) => {
                *layer = layer.max_norm(limit);
            }
            Node::Single(_) => {}
            Node::Depthwise { layer, .. } => *layer = layer.max_norm(limit),
            Node::Residual { body, shortcut, .. } => {
                limit_norms(body, limit);
                limit_norms(shortcut, limit);
            }
        }
    }
}
