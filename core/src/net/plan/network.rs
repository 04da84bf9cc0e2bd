//! A checked network.

use super::graph::Graph;
use crate::error::NetError;
use crate::net::describe::Layer;

/// A checked network: an input shape and a list of layers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Net<'a> {
    input: [usize; 3],
    output: [usize; 3],
    parameters: usize,
    layers: &'a [Layer<'a>],
}

impl<'a> Net<'a> {
    /// The network that runs `layers` one after the other on an input `[c, h, w]`, for `const` items: a mistake is a
    /// compile error that names the layer. At run time use [`Net::try_new`], which does not panic.
    ///
    /// # Panics
    ///
    /// If a layer does not fit its input: in a `const` item, that is a compile error.
    ///
    /// ```compile_fail
    /// use flatgrad_core::net::{Layer, Net};
    /// // error: layer 1 (max_pool2d): kernel 4x4 does not fit the padded image 2x2
    /// const NET: Net = Net::new([1, 4, 4], &[Layer::conv2d(8, 3), Layer::max_pool(4)]);
    /// # fn main() { let _ = NET; }
    /// ```
    pub const fn new(input: [usize; 3], layers: &'a [Layer<'a>]) -> Self {
        match Self::try_new(input, layers) {
            Ok(net) => net,
            Err(e) => panic!("{}", e.text().as_str()),
        }
    }

    /// The same, for networks that are put together at run time.
    ///
    /// # Errors
    ///
    /// [`NetError`] names the first layer that does not fit.
    pub const fn try_new(input: [usize; 3], layers: &'a [Layer<'a>]) -> Result<Self, NetError> {
        match Graph::check(input, layers) {
            Ok(Graph { output, parameters, .. }) => Ok(Self { input, output, parameters, layers }),
            Err(e) => Err(e),
        }
    }

    /// The input's shape, `[c, h, w]`.
    pub const fn input(&self) -> [usize; 3] {
        self.input
    }

    /// The output's shape, `[c, h, w]`.
    pub const fn output(&self) -> [usize; 3] {
        self.output
    }

    /// The layers, first to last.
    pub const fn layers(&self) -> &'a [Layer<'a>] {
        self.layers
    }

    /// The number of elements of the output of one sample: for a classifier, the number of classes.
    pub const fn outputs(&self) -> usize {
        let [c, h, w] = self.output;
        c * h * w
    }

    /// Learnt parameters of all layers, without running averages.
    pub const fn parameters(&self) -> usize {
        self.parameters
    }
}
