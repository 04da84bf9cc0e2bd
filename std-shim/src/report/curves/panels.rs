//! What is drawn: a history as curves on axes.

use crate::report::chart::{self, Curve, Dash, Line, Marker, Span, Style};
use crate::train::{EpochRecord, History};

const AVERAGE: Style = Style::plain(0);
const TRAINING: Style = Style { marker: Some(Marker::Up), ..Style::plain(0) };
const TRAINING_PART: Style = Style { marker: Some(Marker::Diamond), dash: Dash::Long, ..Style::plain(4) };
const VALIDATION: Style = Style { marker: Some(Marker::Square), ..Style::plain(1) };
const TEST: Style = Style { marker: Some(Marker::Circle), ..Style::plain(2) };
const RATE: Style = Style::plain(5);
/// Of the single steps' losses.
const PALE: f64 = 0.32;

pub(super) const WIDTH: u32 = 900;
pub(super) const TITLE_HEIGHT: f64 = 40.0;
pub(super) const HEADING_HEIGHT: f64 = 34.0;
/// Below the last part, for the axis of steps.
const STEPS_HEIGHT: f64 = 52.0;

/// Parts, one above the other, over the same steps.
pub(super) struct Picture {
    pub(super) steps: Span,
    pub(super) parts: Vec<Part>,
}

/// Curves on one axis.
pub(super) struct Part {
    pub(super) heading: &'static str,
    pub(super) height: f64,
    pub(super) axis: Span,
    pub(super) curves: Vec<Curve>,
}

impl Picture {
    /// `None` without a finite loss.
    pub(super) fn of(history: &History) -> Option<Self> {
        let steps = history.epoch_ends.iter().copied().fold(history.step_losses.len(), usize::max);
        let others = [accuracies(history), errors(history), rates(history)];
        let parts = [losses(history)?].into_iter().chain(others.into_iter().flatten()).collect();
        Some(Self { steps: Span::steps(steps), parts })
    }

    pub(super) fn size(&self) -> (u32, u32) {
        let parts: f64 = self.parts.iter().map(|part| part.height + HEADING_HEIGHT).sum();
        (WIDTH, (TITLE_HEIGHT + parts + STEPS_HEIGHT) as u32)
    }
}

fn losses(history: &History) -> Option<Part> {
    let raw: Vec<f64> = history.step_losses.iter().map(|&loss| f64::from(loss)).collect();
    let average = history.smoothed_losses();
    let evaluated = [
        evaluated(history, "training part", TRAINING_PART, |epoch| epoch.train_part_loss.map(f64::from)),
        evaluated(history, "validation", VALIDATION, |epoch| epoch.validation_loss.map(f64::from)),
        evaluated(history, "test", TEST, |epoch| Some(f64::from(epoch.test_loss))),
    ];
    let average = Curve::new("moving average", AVERAGE, chart::ends(&by_step(&average)));
    // A few batches far out do not press everything else together.
    let mut important: Vec<f64> = average.values().chain(evaluated.iter().flatten().flat_map(Curve::values)).collect();
    let logarithmic = Span::wide(&important).is_logarithmic();
    important.extend(high_quantile(&raw));
    important.first()?;
    let axis = Span::wide(&important);
    let heading = if logarithmic { "loss (logarithmic)" } else { "loss" };
    let axis = if logarithmic { axis } else { Span::from_zero(important) };
    let raw = Curve::new("training", AVERAGE, chart::peaks(&by_step(&raw)));
    let raw = Curve { width: 1.0, opacity: PALE, ..raw };
    let curves = [raw, average].into_iter().chain(evaluated.into_iter().flatten()).collect();
    Some(Part { heading, height: 270.0, axis, curves })
}

fn accuracies(history: &History) -> Option<Part> {
    let percent = |share: Option<f64>| share.map(|share| 100.0 * share);
    let curves = those_there([
        evaluated(history, "training", TRAINING, |epoch| percent(epoch.train_accuracy)),
        evaluated(history, "training part", TRAINING_PART, |epoch| percent(epoch.train_part_accuracy)),
        evaluated(history, "validation", VALIDATION, |epoch| percent(epoch.validation_accuracy)),
        evaluated(history, "test", TEST, |epoch| percent(epoch.test_accuracy)),
    ])?;
    let axis = Span::percent(curves.iter().flat_map(Curve::values));
    Some(Part { heading: "accuracy (%)", height: 170.0, axis, curves })
}

fn errors(history: &History) -> Option<Part> {
    let curves = those_there([
        evaluated(history, "training part", TRAINING_PART, |epoch| epoch.train_part_mae),
        evaluated(history, "validation", VALIDATION, |epoch| epoch.validation_mae),
        evaluated(history, "test", TEST, |epoch| epoch.test_mae),
    ])?;
    let axis = Span::wide(&curves.iter().flat_map(Curve::values).collect::<Vec<_>>());
    let logarithmic = axis.is_logarithmic();
    let heading = if logarithmic { "mean absolute error (logarithmic)" } else { "mean absolute error" };
    Some(Part { heading, height: 170.0, axis, curves })
}

fn rates(history: &History) -> Option<Part> {
    let rates: Vec<f64> = history.step_rates.iter().map(|&rate| f64::from(rate)).collect();
    let curve = Curve::new("", RATE, chart::ends(&by_step(&rates)));
    let axis = Span::from_zero(curve.values());
    let curves = Some(vec![curve]).filter(|curves| !curves[0].lines.is_empty())?;
    Some(Part { heading: "learning rate", height: 100.0, axis, curves })
}

/// A number of each epoch, at the epoch's end.
fn evaluated(
    history: &History,
    name: &'static str,
    style: Style,
    number: impl Fn(&EpochRecord) -> Option<f64>,
) -> Option<Curve> {
    let epochs = history.epoch_ends.iter().zip(&history.epochs);
    let points = epochs.map(|(&end, epoch)| (end as f64, number(epoch).unwrap_or(f64::NAN)));
    let lines: Vec<Line> = chart::lines(points);
    (!lines.is_empty()).then(|| Curve { all_marked: true, ..Curve::new(name, style, lines) })
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

/// The numbers of the steps, which are counted from 1.
fn by_step(values: &[f64]) -> Vec<(f64, f64)> {
    values.iter().enumerate().map(|(i, &y)| ((i + 1) as f64, y)).collect()
}
