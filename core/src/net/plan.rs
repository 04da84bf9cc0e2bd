//! The memory plan: where everything lives, computed in `const` evaluation.

use super::error::{NetError, Problem};
use super::optimizer::Optimizer;
use super::planner::Planner;
use super::slot::Slot;
use super::{MAX_LAYERS, Net};

/// What a plan is made for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config {
    /// The most samples a pass takes at once.
    pub batch: usize,
    /// Whose state is kept.
    pub optimizer: Optimizer,
    /// Threads that get scratch of their own.
    pub threads: usize,
    /// Tensors start at multiples of this many elements (16 is a cache line; 1 wastes nothing).
    pub align: usize,
}

impl Config {
    /// One thread, no alignment.
    pub const fn new(batch: usize, optimizer: Optimizer) -> Self {
        Self { batch, optimizer, threads: 1, align: 1 }
    }

    /// Scratch for `n` threads.
    pub const fn threads(mut self, n: usize) -> Self {
        self.threads = n;
        self
    }

    /// Tensors start at multiples of `elements`.
    pub const fn align(mut self, elements: usize) -> Self {
        self.align = elements;
        self
    }
}

/// Where everything of a network lives in its arena: parameters, running averages, gradients, optimizer state, work.
///
/// ```
/// use flatgrad_core::net::{Config, Layer, Net, Optimizer, Plan};
/// const NET: Net = Net::new([1, 8, 8], &[Layer::flatten(), Layer::dense(10)]);
/// const PLAN: Plan = Plan::new(&NET, Config::new(4, Optimizer::adam(1e-3))).within(16 * 1024);
/// static ARENA: [f32; PLAN.train_len()] = [0.0; PLAN.train_len()];
/// assert_eq!(PLAN.parameters(), 650);
/// assert!(ARENA.len() * size_of::<f32>() <= 16 * 1024);
/// ```
#[derive(Clone, Copy)]
pub struct Plan {
    pub(super) config: Config,
    pub(super) layers: usize,
    pub(super) slots: [Slot; MAX_LAYERS],
    /// The first layer with parameters: backward passes end there.
    pub(super) first: usize,
    pub(super) params: usize,
    pub(super) running: usize,
    pub(super) train_work: usize,
    pub(super) infer_work: usize,
    /// The layer at work when most of the work region is in use.
    pub(super) peak: (usize, &'static str),
}

impl Plan {
    /// The plan for `net`, for `const` items: a mistake is a compile error. At run time use [`Plan::try_new`].
    ///
    /// # Panics
    ///
    /// If a size overflows or the configuration is empty: in a `const` item, that is a compile error.
    pub const fn new(net: &Net, config: Config) -> Self {
        match Self::try_new(net, config) {
            Ok(plan) => plan,
            Err(e) => panic!("{}", e.text().as_str()),
        }
    }

    /// The plan itself if training needs at most `bytes` for the arena; for `const` items.
    ///
    /// # Panics
    ///
    /// If it needs more: in a `const` item, a compile error that names the layer at which memory peaks.
    ///
    /// ```compile_fail
    /// use flatgrad_core::net::{Config, Layer, Net, Optimizer, Plan};
    /// const NET: Net = Net::new([1, 8, 8], &[Layer::flatten(), Layer::dense(10)]);
    /// // error: layer 1 (dense): sets the peak: the plan needs 14816 bytes, the budget is 8192
    /// const PLAN: Plan = Plan::new(&NET, Config::new(4, Optimizer::adam(1e-3))).within(8192);
    /// # fn main() { let _ = PLAN; }
    /// ```
    pub const fn within(self, bytes: usize) -> Self {
        match self.check_budget(bytes) {
            Ok(()) => self,
            Err(e) => panic!("{}", e.text().as_str()),
        }
    }

    /// Whether training fits in `bytes`.
    ///
    /// # Errors
    ///
    /// [`Problem::OverBudget`] with the layer at which memory peaks.
    pub const fn check_budget(&self, bytes: usize) -> Result<(), NetError> {
        let needed = self.train_len().saturating_mul(size_of::<f32>());
        if needed <= bytes {
            return Ok(());
        }
        let problem = Problem::OverBudget { needed, budget: bytes };
        Err(NetError { layer: self.peak.0, kind: self.peak.1, problem })
    }

    /// The plan for `net`.
    ///
    /// # Errors
    ///
    /// [`NetError`] if a size overflows, or batch, threads or alignment is 0.
    pub const fn try_new(net: &Net, config: Config) -> Result<Self, NetError> {
        if config.batch == 0 || config.threads == 0 || config.align == 0 {
            let problem = Problem::Zero { what: "batch, threads and alignment" };
            return Err(NetError { layer: 0, kind: net.layers[0].kind_name(), problem });
        }
        match Planner::new(net, config).plan() {
            Ok(plan) => Ok(plan),
            Err((layer, problem)) => Err(NetError { layer, kind: net.layers[layer].kind_name(), problem }),
        }
    }

    /// What the plan was made for.
    pub const fn config(&self) -> Config {
        self.config
    }
    /// Learnt parameters.
    pub const fn parameters(&self) -> usize {
        self.params
    }
    /// Parameters and running averages: all that inference needs to know, in elements.
    pub const fn weights_len(&self) -> usize {
        self.params + self.running
    }
    /// Elements of work memory that inference needs beside the weights.
    pub const fn infer_work_len(&self) -> usize {
        self.infer_work
    }
    /// Elements of the arena for training: weights, gradients, optimizer state and work.
    pub const fn train_len(&self) -> usize {
        self.weights_len() + self.params * (1 + self.config.optimizer.slots()) + self.work_len()
    }
    /// A training arena serves evaluation too.
    pub(super) const fn work_len(&self) -> usize {
        if self.train_work > self.infer_work { self.train_work } else { self.infer_work }
    }
    pub(super) fn slots(&self) -> &[Slot] {
        self.slots.get(..self.layers).unwrap_or(&[])
    }
}
