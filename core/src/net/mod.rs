//! Networks as data: a list of layers, checked and memory-planned in `const` evaluation, trained in one arena.
//!
//! ```
//! use flatgrad_core::net::{Config, Layer, Net, Optimizer, Plan, Trainer};
//! use flatgrad_core::{Context, Isa};
//!
//! // A wrong shape here, or a plan over its budget, does not compile.
//! const NET: Net = Net::new([1, 8, 8], &[Layer::conv2d(4, 3), Layer::relu(), Layer::max_pool(2), Layer::flatten(), Layer::dense(3)]);
//! const PLAN: Plan = Plan::new(&NET, Config::new(2, Optimizer::adam(1e-3)));
//!
//! let mut arena = [0.0; PLAN.train_len()];
//! let mut trainer = Trainer::new(Context::serial(Isa::detect()), &PLAN, &mut arena, 0)?;
//! let (images, labels) = ([0.5; 2 * 64], [0, 2]);
//! let first = trainer.step(&Optimizer::adam(1e-3), &images, &labels)?;
//! for _ in 0..20 {
//!     trainer.step(&Optimizer::adam(1e-3), &images, &labels)?;
//! }
//! assert!(trainer.step(&Optimizer::adam(1e-3), &images, &labels)?.loss_sum < first.loss_sum);
//! # Ok::<(), flatgrad_core::Error>(())
//! ```

mod add;
mod backward;
mod forward;
mod graph;
mod infer;
mod kind;
mod layer;
mod linked;
mod lives;
mod loss;
mod map;
mod optimizer;
mod options;
mod parts;
mod pass;
mod place;
mod plan;
mod planner;
mod slot;
mod tensors;
#[cfg(test)]
mod tests;
mod trainer;
mod update;
mod wiring;
mod work;

pub use crate::error::{NetError, Problem};
pub use crate::loss::Target;
pub use forward::{infer, infer_linked};
pub use kind::Kind;
pub use layer::{Layer, Options};
pub use linked::{Everything, Linked, Parts};
pub use loss::Loss;
pub use map::{Phase, Region, RegionKind};
pub use optimizer::Optimizer;
pub use place::Draft;
pub use plan::{Config, Decay, LayerInfo, Plan, Trimmed};
pub use slot::Slot;
pub use tensors::{Role, TensorInfo, TensorName};
pub use trainer::Trainer;

use graph::Graph;

/// The most layers a network may have, those inside blocks counted one by one, and one more for each block's addition.
pub const MAX_LAYERS: usize = 96;

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
