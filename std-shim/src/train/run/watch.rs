//! Looking at the layers in some steps of each epoch.

use flatgrad_core::net::{Plan, Slot};

use crate::error::Result;
use crate::train::Saved;
use crate::train::stats::{Collector, EpochStats};

/// At most so many steps of an epoch are looked at: a look costs a pass over everything that the step computes.
const STEPS_PER_EPOCH: u64 = 8;

/// Under this name the number of steps seen so far is kept.
const STEPS: &str = "stats.steps";

/// What the layers have computed since the epoch began.
pub(super) struct Watch {
    collector: Collector,
    /// Steps that were looked at.
    steps: usize,
    /// Whether the step under way is.
    looks: bool,
    /// The weights before the update.
    before: Vec<f32>,
}

impl Watch {
    pub(super) fn new<S: AsRef<[Slot]>>(plan: &Plan<S>) -> Self {
        Self { collector: Collector::new(plan), steps: 0, looks: false, before: Vec::new() }
    }

    /// Whether to look at a step, counted from 0: the epoch's first, and others evenly spread.
    pub(super) fn choose(&mut self, step_in_epoch: u64, steps_per_epoch: u64) {
        let phase = step_in_epoch.saturating_mul(STEPS_PER_EPOCH) % steps_per_epoch.max(1);
        self.looks = phase < STEPS_PER_EPOCH;
    }

    /// Who looks at the step under way, if anybody does.
    pub(super) fn collector(&mut self) -> Option<&mut Collector> {
        self.looks.then_some(&mut self.collector)
    }

    pub(super) fn before_update(&mut self, weights: &[f32]) {
        if self.looks {
            self.before.clear();
            self.before.extend_from_slice(weights);
        }
    }

    pub(super) fn after_update(&mut self, weights: &[f32]) {
        if self.looks {
            self.collector.update(&self.before, weights);
            self.steps += 1;
            self.looks = false;
        }
    }

    /// What was seen; the next epoch begins anew.
    pub(super) fn close(&mut self, epoch: usize, step: u64) -> EpochStats {
        let stats = EpochStats { epoch, step, steps: self.steps, layers: self.collector.describe() };
        self.collector.clear();
        self.steps = 0;
        stats
    }

    pub(super) fn save(&self, saved: &mut Saved) {
        saved.put(STEPS, &self.steps);
        self.collector.save(saved);
    }

    /// A checkpoint of a run that did not look at its layers has nothing to go on with.
    pub(super) fn load(&mut self, saved: &Saved) -> Result {
        self.steps = saved.get(STEPS)?.unwrap_or_default();
        self.collector.load(saved)
    }
}

#[cfg(test)]
mod tests {
    use flatgrad_core::net::{Config, Layer, Net, Optimizer};

    use super::*;

    #[test]
    fn the_steps_that_are_looked_at_are_evenly_spread() {
        let plan = Plan::try_new(&Net::new([2, 1, 1], &[Layer::dense(2)]), Config::new(1, Optimizer::sgd(0.1)));
        let mut watch = Watch::new(&plan.unwrap());
        let mut chosen = |steps: u64| -> Vec<u64> {
            let looks = |step: &u64| {
                watch.choose(*step, steps);
                watch.collector().is_some()
            };
            (0..steps).filter(looks).collect()
        };
        assert_eq!(chosen(45), [0, 6, 12, 17, 23, 29, 34, 40]);
        assert_eq!(chosen(800), [0, 100, 200, 300, 400, 500, 600, 700]);
        for steps in [1, 7, 8, 9, 15, 1000, 12345] {
            assert_eq!(chosen(steps).len() as u64, steps.min(STEPS_PER_EPOCH), "{steps}");
        }
    }
}
