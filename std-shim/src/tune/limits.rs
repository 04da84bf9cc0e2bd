//! Where a figure begins to be a fault: all thresholds, with the runs that gave them.
//!
//! "Healthy" below are the healthy runs of the bench of planted faults, `std-shim/examples/fault_bench.rs`, on the
//! programs from which thresholds may be taken; other programs judge them.

use std::ops::Range;

/// Samples of a part that are looked at, evenly spread.
pub(super) const SAMPLES: usize = 4096;

/// A sample's values count as equal in all samples where their deviation is below this part of all deviation.
pub(super) const CONSTANT: f64 = 1e-5;
/// The root mean square of what a network sees; healthy: 0.3 to 1.1.
pub(super) const SCALED_RMS: Range<f64> = 0.03..8.0;
/// The test part's mean may differ by so many deviations of the training part, and its deviation by this factor.
pub(super) const SHIFT: f64 = 0.5;
pub(super) const SHIFT_FACTOR: f64 = 1.6;
/// The share of test samples that are training samples, beyond those that equal each other within training.
pub(super) const LEAKED: f64 = 0.02;
/// The majority's share of the samples.
pub(super) const MAJORITY: f64 = 0.9;
/// Samples of a class, the median over classes; for values, samples at all.
pub(super) const PER_CLASS: usize = 8;
pub(super) const FOR_VALUES: usize = 24;
/// A whole target with at most so many values looks like a class; a class name that is a number with more looks like
/// a number.
pub(super) const FEW_VALUES: usize = 10;
pub(super) const MANY_CLASSES: usize = 40;

/// The deviation of weights times the root of their number for an output: 0.58 by default, up to 1.4 by the usual
/// rules.
pub(super) const INIT_LARGE: f64 = 8.0;
pub(super) const INIT_SMALL: f64 = 0.04;
/// The first loss over what it must be; healthy: 0.9 to 1.6.
pub(super) const FIRST_LOSS: f64 = 3.0;
/// The gradients of the first layer's outputs over those of the last one's, as root mean squares for each weight.
pub(super) const VANISHING: f64 = 1e-4;
pub(super) const EXPLODING: f64 = 1e3;
/// The share of outputs at the ends of their range; of units that are 0 for every sample.
pub(super) const SATURATED: f64 = 0.6;
pub(super) const DEAD: f64 = 0.6;

/// A probability to drop that is too much for any layer.
pub(super) const DROPOUT: f32 = 0.8;
/// Weight decay that is too much at any rate.
pub(super) const DECAY: f32 = 0.5;
/// `eps` over the root mean square of a parameter's gradients.
pub(super) const EPS: f64 = 3.0;
pub(super) const LEAST_EPS: f32 = 1e-4;
/// Samples of a batch for batch normalization.
pub(super) const NORM_BATCH: usize = 4;
/// A small sample counts as learnt from this score on: the share of right answers, or of the variance.
pub(super) const LEARNT: f64 = 0.97;

/// How far the loss falls at the rate asked for, as a part of how far it falls at the best: as it is, and as a
/// logarithm.
pub(super) const PROGRESS: f64 = 0.45;
pub(super) const LOG_PROGRESS: f64 = 0.5;
/// Losses below this part of the first are all good.
pub(super) const GOOD: f64 = 0.04;
/// The size of the first update over that of the weights; healthy: 0.001 to 0.1.
pub(super) const UPDATE: f64 = 0.3;
/// How far it falls without regularization: beyond this part of it, regularization is too strong.
pub(super) const HELD_BACK: f64 = 0.5;
/// What is left of the score on augmented samples, of a network that knows them without augmentation.
pub(super) const RECOGNIZED: f64 = 0.3;

/// The last validation loss over the lowest.
pub(super) const RISE: f64 = 1.5;
/// The score on training samples less that on held-out ones.
pub(super) const GAP: f64 = 0.18;
/// How much the validation loss falls over the last third of a run, as a part of itself.
pub(super) const STILL_FALLING: f64 = 0.12;
/// The same, as a part of the first loss.
pub(super) const FALL_THAT_COUNTS: f64 = 0.05;
/// What the loss falls further in a longer run at the same rate, as a part of the first loss.
pub(super) const FALLS_FURTHER: f64 = 0.15;

/// Neighbours whose labels are asked for, and the share of the most frequent one among them.
pub(super) const NEIGHBOURS: usize = 15;
/// Where wrong answers come from wrong labels, the label's rank among the other classes is random: its mean is 0.5
/// (0 is next to the answer). Where classes are hard to tell apart it is far lower.
pub(super) const NOISE_RANK: f64 = 0.42;
/// The share of wrong answers: with fewer there is no noise, with more the network knows too little to tell.
pub(super) const NOISE_SHARE: Range<f64> = 0.15..0.6;
/// How much more the agreement of neighbours varies than by chance alone; healthy: 2.5 and more, uniform noise: 1.
pub(super) const NOISE_DISPERSION: f64 = 1.8;
