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
//! let mut trainer = Trainer::new(Context::serial(Isa::detect()), NET, &PLAN, &mut arena, 0)?;
//! let (images, labels) = ([0.5; 2 * 64], [0, 2]);
//! let first = trainer.step(&Optimizer::adam(1e-3), &images, &labels)?;
//! for _ in 0..20 {
//!     trainer.step(&Optimizer::adam(1e-3), &images, &labels)?;
//! }
//! assert!(trainer.step(&Optimizer::adam(1e-3), &images, &labels)?.loss_sum < first.loss_sum);
//! # Ok::<(), flatgrad_core::Error>(())
//! ```

mod backward;
mod error;
mod forward;
mod infer;
mod layer;
mod optimizer;
mod place;
mod plan;
mod planner;
mod slot;
mod tensors;
mod text;
mod trainer;
mod work;

pub use error::{NetError, Problem};
pub use forward::infer;
pub use layer::{Kind, Layer};
pub use optimizer::Optimizer;
pub use plan::{Config, Plan};
pub use tensors::{Role, TensorInfo, TensorName};
pub use trainer::Trainer;

/// The most layers a network may have.
pub const MAX_LAYERS: usize = 64;

/// A checked network: an input shape and a list of layers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Net<'a> {
    input: [usize; 3],
    layers: &'a [Layer],
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
    pub const fn new(input: [usize; 3], layers: &'a [Layer]) -> Self {
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
    pub const fn try_new(input: [usize; 3], layers: &'a [Layer]) -> Result<Self, NetError> {
        if layers.is_empty() {
            return Err(NetError { layer: 0, kind: "network", problem: Problem::NoLayers });
        }
        if layers.len() > MAX_LAYERS {
            let problem = Problem::TooManyLayers { max: MAX_LAYERS };
            return Err(NetError { layer: layers.len(), kind: "network", problem });
        }
        if input[0] == 0 || input[1] == 0 || input[2] == 0 {
            return Err(NetError {
                layer: 0,
                kind: layers[0].kind_name(),
                problem: Problem::Zero { what: "the input" },
            });
        }
        let (mut shape, mut i) = (input, 0);
        while i < layers.len() {
            match infer::infer_at(i, &layers[i], shape) {
                Ok(inferred) => shape = inferred.output,
                Err(e) => return Err(e),
            }
            i += 1;
        }
        Ok(Self { input, layers })
    }

    /// The input's shape, `[c, h, w]`.
    pub const fn input(&self) -> [usize; 3] {
        self.input
    }

    /// The layers, first to last.
    pub const fn layers(&self) -> &'a [Layer] {
        self.layers
    }

    /// The shape of the output of layer `index`, `[c, h, w]`; past the last layer, the network's output.
    pub const fn output_shape(&self, index: usize) -> [usize; 3] {
        let (mut shape, mut i) = (self.input, 0);
        while i < self.layers.len() && i <= index {
            if let Ok(inferred) = infer::infer(&self.layers[i], shape) {
                shape = inferred.output;
            }
            i += 1;
        }
        shape
    }

    /// The number of elements of the output of one sample: for a classifier, the number of classes.
    pub const fn outputs(&self) -> usize {
        let [c, h, w] = self.output_shape(self.layers.len());
        c * h * w
    }

    /// Learnt parameters of layer `index`: weights and biases, without running averages.
    pub const fn layer_parameters(&self, index: usize) -> usize {
        if index >= self.layers.len() {
            return 0;
        }
        let input = if index == 0 { self.input } else { self.output_shape(index - 1) };
        match infer::infer(&self.layers[index], input) {
            Ok(i) => i.weight + i.bias,
            Err(_) => 0,
        }
    }

    /// Learnt parameters of all layers.
    pub const fn parameters(&self) -> usize {
        let (mut sum, mut i) = (0, 0);
        while i < self.layers.len() {
            sum += self.layer_parameters(i);
            i += 1;
        }
        sum
    }
}
