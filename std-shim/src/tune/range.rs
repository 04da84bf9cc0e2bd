//! Step 3: a range test, in which the rate grows from step to step, and which rate it speaks for.

use flatgrad_core::net::{Config, Plan, Trainer};

use super::subject::Lab;
use super::trial::Trial;
use crate::data::Loader;
use crate::error::Result;
use crate::model::LayerStore;
use crate::train::loss_for;

/// The rates, from the first step to the last.
const LOWEST: f64 = 1e-6;
const HIGHEST: f64 = 10.0;
/// A loss of so many times the lowest ends the test.
const BLOWN_UP: f64 = 4.0;
/// The weight of the loss so far in the moving average.
const SMOOTHING: f64 = 0.9;
/// A rate is this part of the one at which the loss is lowest, at most: there it is about to rise.
const BELOW_LOWEST: f64 = 0.3;

/// Losses at growing rates.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RangeTest {
    /// The rate of each step.
    pub rates: Vec<f64>,
    /// The loss of each step's batch.
    pub losses: Vec<f64>,
}

impl RangeTest {
    /// The losses as a moving average whose start is not pulled to zero.
    pub fn smoothed(&self) -> Vec<f64> {
        let (mut average, mut weight) = (0.0, 1.0);
        let smooth = |&loss: &f64| {
            average = SMOOTHING * average + (1.0 - SMOOTHING) * loss;
            weight *= SMOOTHING;
            average / (1.0 - weight)
        };
        self.losses.iter().map(smooth).collect()
    }

    /// The rate at which the smoothed loss falls fastest for each factor of the rate: the slope is taken against the
    /// rate's logarithm, over a sixth of the test, and up to the lowest loss. `None` if the loss never falls.
    ///
    /// ```
    /// use flatgrad::tune::RangeTest;
    /// // The loss falls around 1e-3, and rises again from 1 on.
    /// let rates: Vec<f64> = (0..140).map(|step| 1e-6 * 10f64.powf(step as f64 / 20.0)).collect();
    /// let loss = |rate: &f64| 2.3 / (1.0 + (rate / 1e-3)) + rate.powi(2);
    /// let test = RangeTest { losses: rates.iter().map(loss).collect(), rates };
    /// let rate = test.suggestion().unwrap();
    /// assert!(rate > 3e-4 && rate < 3e-3, "{rate}");
    /// ```
    pub fn suggestion(&self) -> Option<f64> {
        let smooth = self.smoothed();
        let lowest = (0..smooth.len()).min_by(|&a, &b| smooth[a].total_cmp(&smooth[b]))?;
        let width = (self.rates.len() / 6).max(2);
        // The first means are of a few losses and swing; so do slopes of a few points.
        let settled = (1.0 / (1.0 - SMOOTHING)) as usize;
        let slope = |at: usize| {
            let (from, to) = (at - width / 2, (at + width / 2).min(lowest));
            let points = (from..=to).map(|i| (self.rates[i].ln(), smooth[i]));
            (to >= from + width / 2).then(|| line(points))
        };
        let slopes = (settled + width / 2..lowest).filter_map(|at| Some((at, slope(at)?)));
        let (at, steepest) = slopes.min_by(|a, b| a.1.total_cmp(&b.1))?;
        // The moving average lags behind by about as many steps as it looks back.
        let lag = (1.0 / (1.0 - SMOOTHING)) as usize / 2;
        let at = at.saturating_sub(lag);
        let most = BELOW_LOWEST * self.rates[lowest.saturating_sub(lag)];
        (steepest < 0.0).then(|| self.rates[at].min(most))
    }
}

/// The slope of the line closest to some points.
fn line(points: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let n = points.clone().count() as f64;
    let (x, y) = points.clone().fold((0.0, 0.0), |sum, point| (sum.0 + point.0 / n, sum.1 + point.1 / n));
    let products = points.fold((0.0, 0.0), |sum, (px, py)| (sum.0 + (px - x) * (py - y), sum.1 + (px - x).powi(2)));
    products.0 / products.1
}

/// The test of a trial: `steps` steps from its first weights.
pub(super) fn test(lab: &Lab, trial: &Trial, steps: usize) -> Result<RangeTest> {
    let (store, settings) = (LayerStore::default(), &trial.settings);
    let net = trial.network.net(&store)?;
    let loss = loss_for(lab.train.task());
    let config = Config::new(settings.batch, settings.optimizer).threads(lab.ctx.threads()).align(16);
    let plan = Plan::try_new(&net, config.loss(loss)).map_err(|error| trial.network.explain(error))?;
    let mut arena = vec![0.0; plan.train_len()];
    let mut trainer = Trainer::new(lab.ctx, &plan, &mut arena, settings.seed)?;
    let normalizer = settings.normalize.fit(&*trial.train, settings.loading.workers)?;
    let pipeline = trial.augmentation.as_ref().map(crate::augment::Augmentation::train);
    let loader = Loader::new(&*trial.train, &normalizer, settings.batch).seed(settings.seed).pipeline(pipeline);
    let loader = loader.workers(settings.loading.workers);
    let (mut test, mut lowest) = (RangeTest::default(), f64::INFINITY);
    let growth = (HIGHEST / LOWEST).powf(1.0 / steps.max(2) as f64);
    for epoch in 0.. {
        let over = loader.epoch(epoch, |batches| {
            while let Some(batch) = batches.next_batch()? {
                let step = test.rates.len();
                if step >= steps {
                    return Ok(true);
                }
                // The last batch of an epoch may be too small to normalize.
                if batch.len() < settings.batch && step > 0 {
                    continue;
                }
                let rate = LOWEST * growth.powi(step as i32);
                let report = trainer.accumulate(batch.x(), batch.target(), batch.len())?;
                trainer.update(&settings.optimizer.with_lr(rate as f32))?;
                let loss = f64::from(report.loss_sum) / batch.len() as f64;
                if !loss.is_finite() || loss > BLOWN_UP * lowest.max(1e-3) && step > 10 {
                    return Ok(true);
                }
                lowest = lowest.min(loss);
                test.rates.push(rate);
                test.losses.push(loss);
            }
            Ok(false)
        })?;
        if over {
            break;
        }
    }
    Ok(test)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the noise is as large as what the loss falls by, a slope against the rate itself, which is steepest where
    /// rates are dense, is decades off.
    #[test]
    fn the_decade_is_right_in_spite_of_noise() {
        let mut state = 7u64;
        let mut noise = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f64 / f64::from(1 << 24) - 0.5
        };
        for best in [1e-4, 1e-3, 1e-2] {
            let rates: Vec<f64> = (0..280).map(|step| 1e-6 * 10f64.powf(f64::from(step) / 40.0)).collect();
            let loss = |rate: &f64| 2.3 - 1.8 / (1.0 + (best / rate).powi(2)) + (rate / (60.0 * best)).powi(2);
            let losses: Vec<f64> = rates.iter().map(|rate| loss(rate) + 0.5 * noise()).collect();
            let test = RangeTest { rates, losses };
            let found = test.suggestion().unwrap();
            assert!((found / best).log10().abs() < 0.5, "{best}: {found}");
            let naive = (1..test.rates.len())
                .min_by(|&a, &b| {
                    let slope = |i: usize| (test.losses[i] - test.losses[i - 1]) / (test.rates[i] - test.rates[i - 1]);
                    slope(a).total_cmp(&slope(b))
                })
                .unwrap();
            assert!((test.rates[naive] / best).log10().abs() > 1.0, "{best}: {}", test.rates[naive]);
        }
    }

    /// Batches of a regression differ from one another by more than the loss falls in the first steps.
    #[test]
    fn the_swings_of_the_first_batches_are_no_fall() {
        let mut losses: Vec<f64> = (0..200).map(|step| if step % 3 == 0 { 1.5 } else { 0.8 }).collect();
        losses[0] = 3.0;
        losses[120..].iter_mut().enumerate().for_each(|(i, loss)| *loss *= (-0.08 * i as f64).exp());
        let rates: Vec<f64> = (0..200).map(|step| 1e-6 * 10f64.powf(7.0 * f64::from(step) / 200.0)).collect();
        let from = rates[120];
        let found = RangeTest { rates, losses }.suggestion().unwrap();
        assert!(found > from / 3.0 && found < from * 30.0, "{found} {from}");
    }

    #[test]
    fn a_loss_that_never_falls_gives_no_rate() {
        let rates: Vec<f64> = (0..50).map(|step| 1e-6 * 1.3f64.powi(step)).collect();
        let rising = RangeTest { losses: rates.iter().map(|rate| 1.0 + rate).collect(), rates };
        assert_eq!(rising.suggestion(), None);
        assert_eq!(RangeTest::default().suggestion(), None);
    }
}
