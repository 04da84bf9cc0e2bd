//! What is drawn: a history as curves on axes.

use plotters::style::RGBColor;

use super::axis::Axis;
use super::thin::{self, Line};
use crate::train::{EpochRecord, History};

const PALE: RGBColor = RGBColor(184, 205, 236);
const BLUE: RGBColor = RGBColor(31, 90, 180);
const ORANGE: RGBColor = RGBColor(226, 121, 21);
const RED: RGBColor = RGBColor(196, 46, 52);
const GREY: RGBColor = RGBColor(70, 76, 86);

const WIDTH: u32 = 900;
pub(super) const TITLE_HEIGHT: u32 = 40;
pub(super) const HEADING_HEIGHT: u32 = 34;
/// Below the last panel, for the axis of steps.
pub(super) const STEPS_HEIGHT: u32 = 52;

/// Panels, one above the other, over the same steps.
pub(super) struct Picture {
    pub(super) steps: Axis,
    pub(super) panels: Vec<Panel>,
}

/// Curves on one axis.
pub(super) struct Panel {
    pub(super) heading: &'static str,
    pub(super) height: u32,
    pub(super) axis: Axis,
    pub(super) curves: Vec<Curve>,
}

/// Lines of one colour.
pub(super) struct Curve {
    /// In the legend; empty if it needs none.
    pub(super) name: &'static str,
    pub(super) color: RGBColor,
    pub(super) width: u32,
    /// Whether each point is marked.
    pub(super) marked: bool,
    pub(super) lines: Vec<Line>,
}

impl Picture {
    /// `None` without a finite loss.
    pub(super) fn of(history: &History) -> Option<Self> {
        let steps = history.epoch_ends.iter().copied().fold(history.step_losses.len(), usize::max);
        let others = [accuracies(history), errors(history), rates(history)];
        let panels = [losses(history)?].into_iter().chain(others.into_iter().flatten()).collect();
        Some(Self { steps: Axis::steps(steps), panels })
    }

    pub(super) fn size(&self) -> (u32, u32) {
        let panels: u32 = self.panels.iter().map(|panel| panel.height + HEADING_HEIGHT).sum();
        (WIDTH, TITLE_HEIGHT + panels + STEPS_HEIGHT)
    }
}

fn losses(history: &History) -> Option<Panel> {
    let raw: Vec<f64> = history.step_losses.iter().map(|&loss| f64::from(loss)).collect();
    let average = history.smoothed_losses();
    let curve = |name, color, width, lines| Curve { name, color, width, marked: false, lines };
    let evaluated = [
        evaluated(history, "training part", GREY, |epoch| epoch.train_part_loss.map(f64::from)),
        evaluated(history, "validation", ORANGE, |epoch| epoch.validation_loss.map(f64::from)),
        evaluated(history, "test", RED, |epoch| Some(f64::from(epoch.test_loss))),
    ];
    let average = curve("moving average", BLUE, 2, thin::ends(&average));
    // A few batches far out do not press everything else together.
    let mut important: Vec<f64> = average.values().chain(evaluated.iter().flatten().flat_map(Curve::values)).collect();
    let logarithmic = Axis::wide(&important).is_logarithmic();
    important.extend(high_quantile(&raw));
    important.first()?;
    let axis = Axis::wide(&important);
    let heading = if logarithmic { "loss (logarithmic)" } else { "loss" };
    let axis = if logarithmic { axis } else { Axis::from_zero(important) };
    let raw = curve("training", PALE, 1, thin::peaks(&raw));
    let curves = [raw, average].into_iter().chain(evaluated.into_iter().flatten()).collect();
    Some(Panel { heading, height: 270, axis, curves })
}

fn accuracies(history: &History) -> Option<Panel> {
    let percent = |share: Option<f64>| share.map(|share| 100.0 * share);
    let curves = those_there([
        evaluated(history, "training", BLUE, |epoch| percent(epoch.train_accuracy)),
        evaluated(history, "training part", GREY, |epoch| percent(epoch.train_part_accuracy)),
        evaluated(history, "validation", ORANGE, |epoch| percent(epoch.validation_accuracy)),
        evaluated(history, "test", RED, |epoch| percent(epoch.test_accuracy)),
    ])?;
    let axis = Axis::percent(curves.iter().flat_map(Curve::values));
    Some(Panel { heading: "accuracy (%)", height: 170, axis, curves })
}

fn errors(history: &History) -> Option<Panel> {
    let curves = those_there([
        evaluated(history, "training part", GREY, |epoch| epoch.train_part_mae),
        evaluated(history, "validation", ORANGE, |epoch| epoch.validation_mae),
        evaluated(history, "test", RED, |epoch| epoch.test_mae),
    ])?;
    let axis = Axis::wide(&curves.iter().flat_map(Curve::values).collect::<Vec<_>>());
    let logarithmic = axis.is_logarithmic();
    let heading = if logarithmic { "mean absolute error (logarithmic)" } else { "mean absolute error" };
    Some(Panel { heading, height: 170, axis, curves })
}

fn rates(history: &History) -> Option<Panel> {
    let rates: Vec<f64> = history.step_rates.iter().map(|&rate| f64::from(rate)).collect();
    let curve = Curve { name: "", color: GREY, width: 2, marked: false, lines: thin::ends(&rates) };
    let axis = Axis::from_zero(curve.values());
    let curves = Some(vec![curve]).filter(|curves| !curves[0].lines.is_empty())?;
    Some(Panel { heading: "learning rate", height: 100, axis, curves })
}

/// A number of each epoch, at the epoch's end.
fn evaluated(
    history: &History,
    name: &'static str,
    color: RGBColor,
    number: impl Fn(&EpochRecord) -> Option<f64>,
) -> Option<Curve> {
    let epochs = history.epoch_ends.iter().zip(&history.epochs);
    let points = epochs.map(|(&end, epoch)| (end as f64, number(epoch).unwrap_or(f64::NAN)));
    let lines = thin::lines(points);
    (!lines.is_empty()).then_some(Curve { name, color, width: 2, marked: true, lines })
}

/// The curves that there are, if there are any.
fn those_there<const N: usize>(curves: [Option<Curve>; N]) -> Option<Vec<Curve>> {
    Some(curves.into_iter().flatten().collect::<Vec<_>>()).filter(|curves| !curves.is_empty())
}

/// What 98 % of the finite numbers do not exceed.
fn high_quantile(values: &[f64]) -> Option<f64> {
    let mut finite: Vec<f64> = values.iter().copied().filter(|y| y.is_finite()).collect();
    finite.sort_by(f64::total_cmp);
    finite.get(finite.len().saturating_sub(1) * 98 / 100).copied()
}

impl Curve {
    fn values(&self) -> impl Iterator<Item = f64> {
        self.lines.iter().flatten().map(|&(_, y)| y)
    }
}
