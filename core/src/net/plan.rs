//! The memory plan: where everything lives, computed in `const` evaluation.

use super::graph::Graph;
use super::kind::Kind;
use super::layer::Options;
use super::linked::Parts;
use super::loss::Loss;
use super::optimizer::Optimizer;
use super::place::Draft;
use super::planner::Planner;
use super::slot::Slot;
use super::{MAX_LAYERS, Net};
use crate::error::{NetError, Problem};

/// What a plan is made for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config {
    /// The most samples a pass takes at once.
    pub batch: usize,
    /// Whose state is kept.
    pub optimizer: Optimizer,
    /// What is minimized.
    pub loss: Loss,
    /// What weight decay reaches.
    pub decay: Decay,
    /// Layers before this one are frozen: only what comes after is fine-tuned.
    pub train_from: usize,
    /// Threads that get scratch of their own.
    pub threads: usize,
    /// Tensors start at multiples of this many elements (16 is a cache line; 1 wastes nothing).
    pub align: usize,
}

/// What an optimizer's weight decay reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decay {
    /// All parameters, as in PyTorch.
    All,
    /// The weights of convolutions and dense layers; neither biases nor the parameters of normalizations.
    Weights,
}

impl Config {
    /// Cross-entropy, decay of all parameters, no frozen layers, one thread, no alignment.
    pub const fn new(batch: usize, optimizer: Optimizer) -> Self {
        let loss = Loss::CrossEntropy { label_smoothing: 0.0 };
        Self { batch, optimizer, loss, decay: Decay::All, train_from: 0, threads: 1, align: 1 }
    }

    /// What is minimized.
    pub const fn loss(mut self, loss: Loss) -> Self {
        self.loss = loss;
        self
    }

    /// What weight decay reaches.
    pub const fn decay(mut self, decay: Decay) -> Self {
        self.decay = decay;
        self
    }

    /// Freezes the layers before `layer`, whatever they say themselves: they take no memory for gradients and optimizer
    /// state, and no backward pass.
    pub const fn train_from(mut self, layer: usize) -> Self {
        self.train_from = layer;
        self
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

/// One layer of a plan, for tables and reports.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerInfo {
    /// What it computes.
    pub kind: Kind,
    /// How it learns.
    pub options: Options,
    /// `[c, h, w]`
    pub input: [usize; 3],
    /// `[c, h, w]`
    pub output: [usize; 3],
    /// Learnt parameters, without running averages.
    pub parameters: usize,
    /// Works on its input's memory.
    pub in_place: bool,
}

/// Where everything of a network lives in its arena: parameters, running averages, gradients, optimizer state, work.
///
/// `S` is what holds the layers: room for [`MAX_LAYERS`], or, where every byte of flash counts, for exactly as many as
/// there are ([`Plan::trimmed`]), or a slice in somebody's memory.
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
pub struct Plan<S = [Slot; MAX_LAYERS]> {
    pub(super) head: Head,
    pub(super) slots: S,
}

/// All of a plan but its layers.
#[derive(Clone, Copy)]
pub(super) struct Head {
    pub(super) config: Config,
    pub(super) input: [usize; 3],
    pub(super) outputs: usize,
    pub(super) layers: usize,
    pub(super) params: usize,
    /// Those that are not frozen.
    pub(super) trained: usize,
    pub(super) running: usize,
    pub(super) train_work: usize,
    pub(super) infer_work: usize,
    /// What training needs of a program, beside what the layers need.
    pub(super) training: Parts,
    /// The layer at work when most of the work region is in use.
    pub(super) peak: (usize, &'static str),
}

/// A plan, whatever holds its layers, as the passes see it.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    head: &'a Head,
    pub(super) slots: &'a [Slot],
}

impl core::ops::Deref for View<'_> {
    type Target = Head;
    fn deref(&self) -> &Head {
        self.head
    }
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
    /// // error: layer 1 (dense): sets the peak: the plan needs 14876 bytes, the budget is 8192
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
        let needed = self.head.train_len().saturating_mul(size_of::<f32>());
        if needed <= bytes {
            return Ok(());
        }
        let problem = Problem::OverBudget { needed, budget: bytes };
        Err(NetError { layer: self.head.peak.0, kind: self.head.peak.1, problem })
    }

    /// The plan for `net`.
    ///
    /// # Errors
    ///
    /// [`NetError`] if a size overflows, or batch, threads or alignment is 0.
    pub const fn try_new(net: &Net, config: Config) -> Result<Self, NetError> {
        let (mut slots, mut drafts) = ([Slot::EMPTY; MAX_LAYERS], [Draft::EMPTY; MAX_LAYERS]);
        match draw_up(net, config, &mut slots, &mut drafts) {
            Ok(head) => Ok(Plan { head, slots }),
            Err(e) => Err(e),
        }
    }

    /// The same plan with room for `N` layers: 20 KB less in flash for a small network.
    ///
    /// # Panics
    ///
    /// If there are more layers than `N`: in a `const` item, a compile error.
    ///
    /// ```
    /// use flatgrad_core::net::{Config, Layer, Net, Optimizer, Plan, Trimmed};
    /// const NET: Net = Net::new([1, 8, 8], &[Layer::flatten(), Layer::dense(10)]);
    /// const PLAN: Plan = Plan::new(&NET, Config::new(4, Optimizer::adam(1e-3)));
    /// static SMALL: Trimmed<{ PLAN.layer_count() }> = PLAN.trimmed();
    /// assert!(size_of_val(&SMALL) < 1024);
    /// ```
    pub const fn trimmed<const N: usize>(&self) -> Trimmed<N> {
        assert!(self.head.layers <= N, "the plan has more layers");
        let (mut slots, mut i) = ([Slot::EMPTY; N], 0);
        while i < self.head.layers {
            slots[i] = self.slots[i];
            i += 1;
        }
        Plan { head: self.head, slots }
    }

    /// What a program needs to contain to run this plan with its optimizer, and with other hyper-parameters as long as they
    /// are not of another kind (a weight decay or AMSGrad where there was none). Targets of cross-entropy are class indices;
    /// for probabilities add [`Parts::PROBABILITIES`].
    pub const fn parts(&self) -> Parts {
        let (mut parts, mut i) = (self.head.training, 0);
        while i < self.head.layers {
            parts = parts.and(self.slots[i].parts);
            i += 1;
        }
        parts
    }
}

impl<'s> Plan<&'s [Slot]> {
    /// The plan for `net` in memory of the caller, a slot and a draft for each layer, for networks that are put together
    /// on a small machine: [`Plan::try_new`] takes the memory for [`MAX_LAYERS`] from the stack. The drafts are not needed
    /// afterwards.
    ///
    /// # Errors
    ///
    /// As [`Plan::try_new`]; [`Problem::TooManyLayers`] for more layers than slots or drafts.
    ///
    /// ```
    /// use flatgrad_core::net::{Config, Draft, Layer, Net, Optimizer, Plan, Slot};
    /// let layers = [Layer::flatten(), Layer::dense(10)];
    /// let net = Net::try_new([1, 8, 8], &layers)?;
    /// let (mut slots, mut drafts) = ([Slot::EMPTY; 2], [Draft::EMPTY; 2]);
    /// let plan = Plan::try_new_in(&net, Config::new(4, Optimizer::adam(1e-3)), &mut slots, &mut drafts)?;
    /// assert_eq!(plan.train_len(), Plan::try_new(&net, plan.config())?.train_len());
    /// # Ok::<(), flatgrad_core::net::NetError>(())
    /// ```
    pub const fn try_new_in(
        net: &Net,
        config: Config,
        slots: &'s mut [Slot],
        drafts: &mut [Draft],
    ) -> Result<Self, NetError> {
        match draw_up(net, config, slots, drafts) {
            Ok(head) => Ok(Plan { head, slots }),
            Err(e) => Err(e),
        }
    }
}

/// Makes a plan, its layers in `slots`.
const fn draw_up(net: &Net, config: Config, slots: &mut [Slot], drafts: &mut [Draft]) -> Result<Head, NetError> {
    let graph = match Graph::new(net.input(), net.layers(), slots) {
        Ok(graph) => graph,
        Err(e) => return Err(e),
    };
    if config.batch == 0 || config.threads == 0 || config.align == 0 {
        return Err(graph.blame(0, Problem::Zero { what: "batch, threads and alignment" }));
    }
    if drafts.len() < graph.count {
        let problem = Problem::TooManyLayers { max: drafts.len() };
        return Err(NetError { layer: graph.count, kind: "network", problem });
    }
    let mut planner = Planner::new(graph, config);
    match planner.plan(net, drafts) {
        Ok(head) => Ok(head),
        Err((layer, problem)) => Err(planner.graph.blame(layer, problem)),
    }
}

/// A plan with room for `N` layers.
pub type Trimmed<const N: usize> = Plan<[Slot; N]>;

impl<S> Plan<S> {
    /// What the plan was made for.
    pub const fn config(&self) -> Config {
        self.head.config
    }
    /// The input's shape, `[c, h, w]`.
    pub const fn input(&self) -> [usize; 3] {
        self.head.input
    }
    /// The number of elements of the output of one sample: for a classifier, the number of classes.
    pub const fn outputs(&self) -> usize {
        self.head.outputs
    }
    /// Learnt parameters, frozen ones included.
    pub const fn parameters(&self) -> usize {
        self.head.params
    }
    /// Learnt parameters that are not frozen.
    pub const fn trained_parameters(&self) -> usize {
        self.head.trained
    }
    /// Parameters and running averages: all that inference needs to know, in elements.
    pub const fn weights_len(&self) -> usize {
        self.head.weights_len()
    }
    /// Elements of work memory that inference needs beside the weights.
    pub const fn infer_work_len(&self) -> usize {
        self.head.infer_work
    }
    /// Elements of the arena for training: weights, gradients, optimizer state and work.
    pub const fn train_len(&self) -> usize {
        self.head.train_len()
    }
    /// How many layers run, additions of residual blocks included.
    pub const fn layer_count(&self) -> usize {
        self.head.layers
    }
}

impl<S: AsRef<[Slot]>> Plan<S> {
    /// The layers in the order in which they run.
    ///
    /// ```
    /// use flatgrad_core::net::{Config, Layer, Net, Optimizer, Plan};
    /// const NET: Net = Net::new([1, 8, 8], &[Layer::conv2d(4, 3), Layer::relu(), Layer::flatten(), Layer::dense(10)]);
    /// const PLAN: Plan = Plan::new(&NET, Config::new(4, Optimizer::sgd(0.1)));
    /// let parameters: Vec<usize> = PLAN.layers().map(|l| l.parameters).collect();
    /// assert_eq!(parameters, [4 * 9 + 4, 0, 0, 144 * 10 + 10]);
    /// ```
    pub fn layers(&self) -> impl Iterator<Item = LayerInfo> + '_ {
        self.view().slots.iter().map(|s| LayerInfo {
            kind: s.kind,
            options: s.options,
            input: s.input,
            output: s.output,
            parameters: s.parameters(),
            in_place: s.in_place,
        })
    }
    pub(super) fn view(&self) -> View<'_> {
        let slots = self.slots.as_ref();
        View { head: &self.head, slots: slots.get(..self.head.layers).unwrap_or(slots) }
    }
}

impl<'a> View<'a> {
    /// The plan itself.
    pub(super) fn plan(self) -> Plan<&'a [Slot]> {
        Plan { head: *self.head, slots: self.slots }
    }
}

impl Head {
    pub(super) const fn weights_len(&self) -> usize {
        self.params + self.running
    }
    pub(super) const fn train_len(&self) -> usize {
        self.weights_len() + self.trained * (1 + self.config.optimizer.slots()) + self.work_len()
    }
    /// A training arena serves evaluation too.
    pub(super) const fn work_len(&self) -> usize {
        if self.train_work > self.infer_work { self.train_work } else { self.infer_work }
    }
    /// The arena's bytes, if they do not overflow.
    pub(super) const fn checked_bytes(&self) -> Option<usize> {
        let copies = self.config.optimizer.slots() + 1;
        let Some(training) = self.trained.checked_mul(copies) else { return None };
        let Some(weights) = self.params.checked_add(self.running) else { return None };
        let Some(both) = weights.checked_add(training) else { return None };
        match both.checked_add(self.work_len()) {
            Some(elements) => elements.checked_mul(size_of::<f32>()),
            None => None,
        }
    }
}
