//! Dropout.

use crate::dropout::{Dropout, DropoutMask};

/// Dropout: [`dropout`](crate::dropout::dropout()).
pub fn dropout(dropout: Dropout, mask: DropoutMask, x: &[f32], y: &mut [f32]) {
    for i in 0..x.len() {
        let word = mask.stream.bits(mask.first.wrapping_add(i as u64));
        y[i] = if word as u64 >= dropout.threshold() { dropout.scale() * x[i] } else { 0.0 };
    }
}

/// An activation at inference: [`dropout_infer`](crate::dropout::dropout_infer).
pub fn infer(dropout: Dropout, x: f32) -> f32 {
    dropout.infer_scale() * x
}

/// A weight for inference: [`scale_weights`](crate::dropout::scale_weights).
pub fn weight(dropout: Dropout, weight: f32) -> f32 {
    dropout.weight_scale() * weight
}
