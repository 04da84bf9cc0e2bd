//! What is drawn: the statistics of some layers, over spans of epochs.

use crate::report::chart::{Curve, Dash, Line, Scale, Span, Style};
use crate::train::stats::{EpochStats, LayerStats, ValueStats};

const OUTPUTS: Style = Style::plain(0);
const GRADIENTS: Style = Style::plain(4);
const DEAD: Style = Style::plain(2);
const AT_ENDS: Style = Style { dash: Dash::Short, ..Style::plain(1) };
const UPDATES: Style = Style::plain(3);

/// More layers than this have no room.
const MOST_ROWS: usize = 32;
/// More epochs than this could not be told apart.
const MOST_EPOCHS: usize = 160;

/// From where to where on the axis of epochs.
type Stretch = [f64; 2];

/// The axes that all layers share.
pub(super) struct Columns {
    pub(super) epochs: Span,
    pub(super) gradients: Span,
    pub(super) shares: Span,
    pub(super) updates: Span,
}

/// A layer.
pub(super) struct Row {
    pub(super) name: String,
    /// Of the outputs.
    pub(super) axis: Span,
    /// The median, with bands of percentiles.
    pub(super) outputs: Curve,
    pub(super) gradients: Curve,
    /// In per cent.
    pub(super) dead: Curve,
    /// In per cent.
    pub(super) at_ends: Curve,
    pub(super) updates: Curve,
}

/// Axes, rows, and how many layers could have one.
pub(super) fn of(stats: &[EpochStats]) -> Option<(Columns, Vec<Row>, usize)> {
    let last = stats.last()?;
    let (chosen, layers) = chosen(&last.layers);
    let stride = stats.len().div_ceil(MOST_EPOCHS).max(1);
    let epochs: Vec<(Stretch, &EpochStats)> = stats
        .chunks(stride)
        .filter_map(|some| Some(([some.first()?.epoch as f64 - 1.0, some.last()?.epoch as f64], some.last()?)))
        .collect();
    let rows: Vec<Row> = chosen.into_iter().map(|layer| Row::of(layer, &last.layers, &epochs)).collect();
    let all = |of: fn(&Row) -> &Curve| rows.iter().flat_map(move |row| of(row).values());
    let columns = Columns {
        epochs: Span::steps(last.epoch),
        gradients: Span::logarithmic(all(|row| &row.gradients)),
        shares: Span::exactly(0.0, 100.0, Scale::Linear),
        updates: Span::logarithmic(all(|row| &row.updates)),
    };
    (!rows.is_empty()).then_some((columns, rows, layers))
}

/// The layers to draw, and how many could be.
fn chosen(layers: &[LayerStats]) -> (Vec<usize>, usize) {
    let computes = |layer: &LayerStats| !["flatten", "dropout"].contains(&layer.kind);
    let mut chosen: Vec<usize> = (0..layers.len()).filter(|&layer| computes(&layers[layer])).collect();
    let count = chosen.len();
    if count > MOST_ROWS {
        chosen.retain(|&layer| layers[layer].update_ratio.is_some() || layers[layer].saturated.is_some());
    }
    if chosen.len() > MOST_ROWS {
        let (len, last) = (chosen.len(), MOST_ROWS - 1);
        chosen = (0..MOST_ROWS).map(|row| chosen[row * (len - 1) / last]).collect();
    }
    (chosen, count)
}

impl Row {
    fn of(layer: usize, layers: &[LayerStats], epochs: &[(Stretch, &EpochStats)]) -> Self {
        let curve = |name: &str, style: Style, of: &dyn Fn(&LayerStats) -> Option<f64>| {
            let level = |(stretch, stats): &(Stretch, &EpochStats)| Some((*stretch, [of(stats.layers.get(layer)?)?]));
            let levels: Vec<_> = epochs.iter().filter_map(level).collect();
            Curve::new(name, style, stairs(&levels, |(x, [y])| (x, y)))
        };
        let outputs: Vec<(Stretch, [f64; 5])> = epochs
            .iter()
            .filter_map(|(stretch, stats)| {
                Some((*stretch, stats.layers.get(layer)?.outputs.percentiles.map(f64::from)))
            })
            .collect();
        let finite = outputs.iter().flat_map(|(_, percentiles)| *percentiles).filter(|y| y.is_finite());
        Self {
            name: layers.get(layer).map_or(String::new(), LayerStats::name),
            axis: Span::from_zero(finite),
            outputs: percentiles(&outputs),
            gradients: curve("", GRADIENTS, &|layer| layer.gradients.as_ref().map(ValueStats::rms)),
            dead: curve("dead", DEAD, &|layer| Some(100.0 * layer.dead)),
            at_ends: curve("at ends", AT_ENDS, &|layer| layer.saturated.map(|share| 100.0 * share)),
            updates: curve("", UPDATES, &|layer| layer.update_ratio),
        }
    }
}

fn percentiles(outputs: &[(Stretch, [f64; 5])]) -> Curve {
    let medians: Vec<Line> = stairs(outputs, |(x, [_, _, median, ..])| (x, median));
    let outer = stairs(outputs, |(x, [p5, .., p95])| (x, p5, p95));
    let inner = stairs(outputs, |(x, [_, p15, _, p85, _])| (x, p15, p85));
    Curve { bands: outer.into_iter().chain(inner).collect(), ..Curve::new("median, 15-85 %, 5-95 %", OUTPUTS, medians) }
}

/// A level for each stretch; a gap between stretches is a gap in the line, and so is what is not finite.
fn stairs<const N: usize, P>(levels: &[(Stretch, [f64; N])], point: impl Fn((f64, [f64; N])) -> P) -> Vec<Vec<P>> {
    let finite: Vec<_> = levels.iter().filter(|(_, level)| level.iter().all(|y| y.is_finite())).collect();
    let ends = |&&([from, to], level): &&(Stretch, [f64; N])| [point((from, level)), point((to, level))];
    let runs = finite.chunk_by(|([_, end], _), ([start, _], _)| end == start);
    runs.map(|run| run.iter().flat_map(ends).collect()).collect()
}
