//! What would fit, if the plan asked for does not.

use flatgrad_core::net::{Config, Kind, Net, Optimizer, Plan};

/// A plan that fits in memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alternative {
    /// Samples at once. Gradients accumulated over several such calls have the bits of one large batch, unless there is
    /// batch normalization.
    pub batch: usize,
    /// The first layer that is trained.
    pub train_from: usize,
    /// The optimizer.
    pub optimizer: Optimizer,
    /// The training arena's bytes.
    pub bytes: usize,
}

/// Plans that fit in `bytes`, each as near to `config` as it can be: a smaller batch, fewer trained layers, an
/// optimizer with less state, and combinations. Empty if nothing fits.
///
/// The learning rates of other optimizers are not adapted.
///
/// ```
/// use flatgrad::memory::alternatives;
/// use flatgrad::model::{Architecture, LayerStore, Network};
/// use flatgrad_core::net::{Config, Optimizer};
/// let store = LayerStore::default();
/// let net = Network::new(Architecture::Tiny, [1, 8, 8], 10).net(&store)?;
/// let found = alternatives(&net, Config::new(32, Optimizer::adam(1e-3)), 64 * 1024);
/// assert!(found[0].batch < 32 && found.iter().all(|one| one.bytes <= 64 * 1024));
/// assert!(alternatives(&net, Config::new(32, Optimizer::adam(1e-3)), 1024).is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn alternatives(net: &Net, config: Config, bytes: usize) -> Vec<Alternative> {
    let search = Search { net, config, limit: bytes, least: least_batch(net, config) };
    let lr = config.optimizer.lr();
    let others = [Optimizer::momentum(lr, 0.9), Optimizer::sgd(lr)];
    let cheaper = others.into_iter().filter(|other| other.slots() < config.optimizer.slots());
    let mut found: Vec<Alternative> = Vec::new();
    for optimizer in std::iter::once(config.optimizer).chain(cheaper) {
        for one in search.with(optimizer) {
            // Giving up the optimizer, too, must win something.
            if !found.iter().any(|old| old.batch >= one.batch && old.train_from <= one.train_from) {
                found.push(one);
            }
        }
    }
    found
}

/// The fewest bytes that training can do with: one sample, plain gradient descent, the last layer only.
pub fn least_bytes(net: &Net, config: Config) -> Option<usize> {
    let search = Search { net, config, limit: usize::MAX, least: least_batch(net, config) };
    let last = search.starts().last().unwrap_or(config.train_from);
    let all = [config.train_from, last].map(|from| search.plan(Optimizer::sgd(1.0), search.least, from));
    all.into_iter().flatten().map(|one| one.bytes).min()
}

struct Search<'a> {
    net: &'a Net<'a>,
    config: Config,
    limit: usize,
    least: usize,
}

impl Search<'_> {
    /// What fits with this optimizer: as it is, or with a smaller batch, with fewer trained layers, or with both.
    fn with(&self, optimizer: Optimizer) -> Vec<Alternative> {
        let (batch, from) = (self.config.batch, self.config.train_from);
        if let Some(one) = self.fits(optimizer, batch, from) {
            return vec![one];
        }
        let smaller = self.largest_batch(optimizer, from);
        let frozen = self.starts().find_map(|from| self.fits(optimizer, batch, from));
        let both = || {
            let from = self.starts().find(|&from| self.fits(optimizer, self.least, from).is_some())?;
            self.largest_batch(optimizer, from)
        };
        let both = if smaller.is_none() && frozen.is_none() { both() } else { None };
        [smaller, frozen, both].into_iter().flatten().collect()
    }

    fn fits(&self, optimizer: Optimizer, batch: usize, from: usize) -> Option<Alternative> {
        self.plan(optimizer, batch, from).filter(|one| one.bytes <= self.limit)
    }

    fn plan(&self, optimizer: Optimizer, batch: usize, train_from: usize) -> Option<Alternative> {
        let plan = Plan::try_new(self.net, Config { batch, train_from, optimizer, ..self.config }).ok()?;
        Some(Alternative { batch, train_from, optimizer, bytes: size_of::<f32>() * plan.train_len() })
    }

    /// The largest batch that fits, by halving: more samples never take less memory, or hardly ever.
    fn largest_batch(&self, optimizer: Optimizer, from: usize) -> Option<Alternative> {
        let (mut low, mut high) = (self.least, self.config.batch);
        let mut best = self.fits(optimizer, low, from).filter(|_| low < high)?;
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            match self.fits(optimizer, middle, from) {
                Some(one) => (low, best) = (middle, one),
                None => high = middle,
            }
        }
        Some(best)
    }

    /// The layers with parameters to learn, without the first: training may start from each of them.
    fn starts(&self) -> impl Iterator<Item = usize> {
        let plan = Plan::try_new(self.net, Config { batch: 1, ..self.config }).ok();
        let learns = plan.iter().flat_map(Plan::layers).map(|layer| layer.parameters > 0 && !layer.options.frozen);
        let starts: Vec<usize> = learns.enumerate().filter(|(_, learns)| *learns).map(|(i, _)| i).collect();
        starts.into_iter().skip(1)
    }
}

/// Batch normalization of features needs two samples.
fn least_batch(net: &Net, config: Config) -> usize {
    let plan = Plan::try_new(net, Config { batch: 1, ..config }).ok();
    let single = plan.iter().flat_map(Plan::layers).any(|layer| {
        matches!(layer.kind, Kind::BatchNorm { .. }) && !layer.options.frozen && layer.input[1..] == [1, 1]
    });
    if single { 2 } else { 1 }
}
