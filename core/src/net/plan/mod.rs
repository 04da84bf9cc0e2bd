//! The memory plan: where everything lives, computed in `const` evaluation.
//!
//! | file | what is there |
//! |---|---|
//! | `config`, `head` | what a plan is made for, what it says of all layers together |
//! | `graph`, `wiring` | the layers in a row; who works in place, whose gradient is wanted |
//! | `planner`, `lifetimes`, `arena` | how a plan is made: which tensor lives when, and where |
//! | `map`, `tensors` | what a plan tells: its memory, its parameters by name |

mod arena;
mod config;
mod graph;
mod head;
mod lifetimes;
mod map;
mod network;
mod planner;
mod tensors;
#[cfg(test)]
mod tests;
mod wiring;

pub use arena::Draft;
pub use config::{Config, Decay};
pub use graph::MAX_LAYERS;
use head::Head;
pub(super) use head::View;
pub use map::{Phase, Region, RegionKind};
pub use network::Net;
pub use tensors::{Role, TensorInfo, TensorName};

use super::describe::{Kind, Options};
use super::layers::Slot;
use super::linked::Parts;
use crate::error::{NetError, Problem};
use graph::Graph;
use planner::Planner;

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
    head: Head,
    slots: S,
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

    /// What a program needs to contain to run this plan with its optimizer, and with other hyper-parameters as long as
    /// they are not of another kind (a weight decay or AMSGrad where there was none). Targets of cross-entropy are
    /// class indices; for probabilities add [`Parts::PROBABILITIES`].
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
    /// The plan for `net` in memory of the caller, a slot and a draft for each layer, for networks that are put
    /// together on a small machine: [`Plan::try_new`] takes the memory for [`MAX_LAYERS`] from the stack. The drafts
    /// are not needed afterwards.
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
    pub(in crate::net) fn view(&self) -> View<'_> {
        let slots = self.slots.as_ref();
        View { head: &self.head, slots: slots.get(..self.head.layers).unwrap_or(slots) }
    }
}

impl<'a> View<'a> {
    /// The plan itself.
    pub(in crate::net) fn plan(self) -> Plan<&'a [Slot]> {
        Plan { head: *self.head, slots: self.slots }
    }
}
