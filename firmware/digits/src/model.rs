//! The network and its memory, fixed at compile time.

use flatgrad_core::net::{Config, Layer, Linked, Net, Optimizer, Parts, Plan, Trimmed};

const LAYERS: [Layer; 8] = [
    Layer::conv2d(8, 3).padding(1),
    Layer::relu(),
    Layer::max_pool(2),
    Layer::conv2d(16, 3).padding(1),
    Layer::relu(),
    Layer::max_pool(2),
    Layer::flatten(),
    Layer::dense(10),
];
const NET: Net = Net::new([1, 8, 8], &LAYERS);

/// Samples of a step. They are passed through the network one by one, and their gradients added up: that takes the
/// memory of one, and gives the bits of a batch.
pub const BATCH: usize = 4;
pub const OPTIMIZER: Optimizer =
    if cfg!(feature = "sgd") { Optimizer::momentum(0.01, 0.9) } else { Optimizer::adam(3e-3) };
/// The layers before this one are frozen: no gradients, no optimizer state.
const TRAIN_FROM: usize = if cfg!(feature = "last-layer") { LAYERS.len() - 1 } else { 0 };
/// All the memory that training may take; a network that needs more does not compile. Fast machines spend more on
/// scratch.
const BUDGET: usize = match () {
    () if cfg!(not(target_os = "none")) => 1 << 20,
    () if cfg!(feature = "sgd") => 30 * 1024,
    () => 38 * 1024,
};

const MADE: Plan = Plan::new(&NET, Config::new(1, OPTIMIZER).train_from(TRAIN_FROM)).within(BUDGET);
pub static PLAN: Trimmed<{ MADE.layer_count() }> = MADE.trimmed();
/// Elements of the arena.
pub const ARENA: usize = MADE.train_len();

/// What the program contains.
pub struct Used;

impl Linked for Used {
    const PARTS: Parts = MADE.parts();
}
