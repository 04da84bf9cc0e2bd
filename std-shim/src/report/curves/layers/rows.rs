//! What is drawn: the statistics of some layers, over spans of epochs.

use super::super::axis::Axis;
use crate::train::stats::{EpochStats, LayerStats, ValueStats};

/// More layers than this have no room.
const MOST_ROWS: usize = 32;
/// More epochs than this could not be told apart.
const MOST_EPOCHS: usize = 160;

/// From where to where on the axis of epochs.
pub(super) type Span = [f64; 2];

/// The axes that all layers share.
pub(super) struct Columns {
    pub(super) epochs: Axis,
    pub(super) gradients: Axis,
    pub(super) shares: Axis,
    pub(super) updates: Axis,
}

/// A layer.
pub(super) struct Row {
    pub(super) name: String,
    /// Of the outputs.
    pub(super) axis: Axis,
    pub(super) outputs: Vec<(Span, [f64; 5])>,
    pub(super) gradients: Vec<(Span, f64)>,
    /// In per cent.
    pub(super) dead: Vec<(Span, f64)>,
    /// In per cent.
    pub(super) saturated: Vec<(Span, f64)>,
    pub(super) updates: Vec<(Span, f64)>,
}

/// Axes, rows, and how many layers could have one.
pub(super) fn of(stats: &[EpochStats]) -> Option<(Columns, Vec<Row>, usize)> {
    let last = stats.last()?;
    let (chosen, layers) = chosen(&last.layers);
    let stride = stats.len().div_ceil(MOST_EPOCHS).max(1);
    let epochs: Vec<(Span, &EpochStats)> = stats
        .chunks(stride)
        .filter_map(|some| Some(([some.first()?.epoch as f64 - 1.0, some.last()?.epoch as f64], some.last()?)))
        .collect();
    let rows: Vec<Row> = chosen.into_iter().map(|layer| Row::of(layer, &last.layers, &epochs)).collect();
    let all = |of: fn(&Row) -> &Vec<(Span, f64)>| rows.iter().flat_map(of).map(|&(_, value)| value);
    let columns = Columns {
        epochs: Axis::steps(last.epoch),
        gradients: Axis::logarithmic(all(|row| &row.gradients)),
        shares: Axis::shares(),
        updates: Axis::logarithmic(all(|row| &row.updates)),
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
    fn of(layer: usize, layers: &[LayerStats], epochs: &[(Span, &EpochStats)]) -> Self {
        let each = |of: &dyn Fn(&LayerStats) -> Option<f64>| -> Vec<(Span, f64)> {
            let value = |(span, stats): &(Span, &EpochStats)| Some((*span, of(stats.layers.get(layer)?)?));
            epochs.iter().filter_map(value).filter(|(_, value)| value.is_finite()).collect()
        };
        let outputs: Vec<(Span, [f64; 5])> = epochs
            .iter()
            .filter_map(|(span, stats)| Some((*span, stats.layers.get(layer)?.outputs.percentiles.map(f64::from))))
            .collect();
        let saturated = each(&|layer| layer.saturated.map(|share| 100.0 * share));
        Self {
            name: layers.get(layer).map_or(String::new(), LayerStats::name),
            axis: Axis::from_zero(outputs.iter().flat_map(|(_, percentiles)| *percentiles)),
            outputs,
            gradients: each(&|layer| layer.gradients.as_ref().map(ValueStats::rms)),
            dead: each(&|layer| Some(100.0 * layer.dead)),
            saturated,
            updates: each(&|layer| layer.update_ratio),
        }
    }
}
