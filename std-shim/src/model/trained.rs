//! What a network in training shows of itself: its weights as a state dict, its layers as rows of a table.

use flatgrad_core::net::{Kind, LayerInfo, Plan, Trainer};

use super::{StateDict, named_weights};
use crate::error::Result;
use crate::report::LayerRow;

/// The weights under PyTorch's names, in the order of its `state_dict()`, with `num_batches_tracked` after each batch
/// norm's running averages.
///
/// # Errors
///
/// None in practice: names differ and lengths fit by construction of a network.
pub fn state_dict(trainer: &Trainer) -> Result<StateDict> {
    named_weights(&trainer.plan(), trainer.weights(), i64::from(trainer.steps()))
}

/// One row per layer, with the bytes that it takes for the batches of the plan.
pub fn layer_rows(plan: &Plan) -> Vec<LayerRow> {
    let batch = plan.config().batch;
    let row = |layer: LayerInfo| {
        let LayerInfo { output, parameters, .. } = layer;
        let own = if layer.in_place { 0 } else { batch * output.iter().product::<usize>() };
        let flat = output[1..] == [1, 1]
            && !matches!(layer.kind, Kind::Conv2d { .. } | Kind::MaxPool2d { .. } | Kind::AvgPool2d { .. });
        LayerRow {
            layer: description(&layer.kind),
            output: if flat { output[..1].to_vec() } else { output.to_vec() },
            parameters,
            bytes: 4 * (parameters + own),
        }
    };
    plan.layers().map(row).collect()
}

fn description(kind: &Kind) -> String {
    let name = kind.name();
    match kind {
        Kind::Conv2d { kernel: [h, w], .. }
        | Kind::MaxPool2d { kernel: [h, w], .. }
        | Kind::AvgPool2d { kernel: [h, w], .. } => format!("{name} {h}x{w}"),
        Kind::Dropout { p, .. } => format!("{name} {p}"),
        _ => name.to_string(),
    }
}
