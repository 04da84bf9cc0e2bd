//! Networks as data: a list of layers, checked and memory-planned in `const` evaluation, trained in one arena.
//!
//! ```
//! use flatgrad_core::net::{Config, Layer, Net, Optimizer, Plan, Trainer};
//! use flatgrad_core::{Context, Isa};
//!
//! // A wrong shape here, or a plan over its budget, does not compile.
//! const LAYERS: [Layer; 5] =
//!     [Layer::conv2d(4, 3), Layer::relu(), Layer::max_pool(2), Layer::flatten(), Layer::dense(3)];
//! const NET: Net = Net::new([1, 8, 8], &LAYERS);
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

mod describe;
mod layers;
mod learn;
mod linked;
mod plan;
mod run;

pub use crate::error::{NetError, Problem, Text};
pub use crate::keys::{Keys, Value};
pub use crate::loss::Target;
pub use describe::{Kind, Layer, Options};
pub use layers::Slot;
pub use learn::{Loss, Optimizer};
pub use linked::{Everything, Linked, Parts};
pub use plan::{
    Config, Decay, Draft, LayerInfo, MAX_LAYERS, Net, Phase, Plan, Region, RegionKind, Role, TensorInfo, TensorName,
    Trimmed,
};
pub use run::{Observer, Trainer, infer, infer_linked};
