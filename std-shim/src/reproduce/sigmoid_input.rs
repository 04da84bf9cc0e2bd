//! What goes into the last sigmoids of a network in training.

use flatgrad_core::net::{Config, Layer, Optimizer, Plan, infer};

use super::course::Moment;
use super::lab::Lab;
use super::nets::net;
use super::spread::percentile;
use crate::error::Result;

/// Of a unit's inputs over the probe, as in Ioffe and Szegedy's figure 1.
pub(super) const SHARES: [f64; 3] = [0.15, 0.5, 0.85];

/// The percentiles of every unit at one moment.
pub(super) type Percentiles = Vec<[f64; 3]>;

/// The network up to its last sigmoid, and samples to look at.
pub(super) struct Probe {
    plan: Plan,
    x: Vec<f32>,
    units: usize,
}

impl Probe {
    /// Of `layers`, with the first `samples` training samples.
    pub(super) fn new(lab: &Lab, layers: &[Layer], moment: &Moment, samples: usize) -> Result<Self> {
        let sigmoid = |layer: &Layer| layer.kind() == Layer::sigmoid().kind();
        let end = layers.iter().rposition(sigmoid).unwrap_or(layers.len());
        let before = net(lab, layers.get(..end).unwrap_or(layers))?;
        let x = moment.probe(samples)?;
        let batch = x.len() / lab.data().train.shape().iter().product::<usize>().max(1);
        let config = Config::new(batch.max(1), Optimizer::sgd(0.0));
        let plan = Plan::try_new(&before, config).map_err(flatgrad_core::Error::Net)?;
        Ok(Self { units: plan.outputs(), plan, x })
    }

    /// What the units get now, with batch norm's averages taken anew.
    pub(super) fn look(&self, lab: &Lab, moment: &mut Moment) -> Result<Percentiles> {
        moment.calibrate()?;
        let all = moment.trainer.plan().parameters();
        let (parameters, running) = moment.trainer.weights().split_at(all);
        // Both lie layer by layer: those of the first layers come first.
        let own = self.plan.parameters();
        let averages = self.plan.weights_len() - own;
        let weights = [parameters.get(..own).unwrap_or_default(), running.get(..averages).unwrap_or_default()].concat();
        let mut work = vec![0.0; self.plan.infer_work_len()];
        let inputs = infer(lab.context(), &self.plan, &weights, &self.x, &mut work)?;
        let unit = |unit: usize| {
            let mut sorted: Vec<f32> = inputs.iter().copied().skip(unit).step_by(self.units.max(1)).collect();
            sorted.sort_unstable_by(f32::total_cmp);
            SHARES.map(|share| percentile(&sorted, share))
        };
        Ok((0..self.units).map(unit).collect())
    }
}

/// How far a unit's percentiles move over all moments: the mean, over the three, of the largest minus the smallest.
pub(super) fn drift(looks: &[Percentiles], unit: usize) -> f64 {
    let of = |k: usize| looks.iter().filter_map(move |look| look.get(unit)).map(move |percentiles| percentiles[k]);
    let range = |k: usize| of(k).fold(f64::NEG_INFINITY, f64::max) - of(k).fold(f64::INFINITY, f64::min);
    (range(0) + range(1) + range(2)) / 3.0
}

/// The typical unit, of the middle drift, and its drift.
pub(super) fn typical(looks: &[Percentiles]) -> (usize, f64) {
    let units = looks.first().map_or(0, Vec::len);
    let mut drifts: Vec<(usize, f64)> = (0..units).map(|unit| (unit, drift(looks, unit))).collect();
    drifts.sort_by(|a, b| a.1.total_cmp(&b.1));
    drifts.get(units / 2).copied().unwrap_or((0, f64::NAN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_typical_unit_has_the_middle_drift() {
        let look = |a: f64, b: f64, c: f64| vec![[a; 3], [b; 3], [c; 3]];
        let looks = [look(0.0, 0.0, 0.0), look(1.0, 9.0, -4.0), look(0.5, 1.0, 1.0)];
        assert_eq!([0, 1, 2].map(|unit| drift(&looks, unit)), [1.0, 9.0, 5.0]);
        assert_eq!(typical(&looks), (2, 5.0));
    }
}
