//! Dropout.

use crate::dropout::{Dropout, DropoutMask};

/// Dropout: [`dropout`](crate::dropout::dropout()).
pub fn dropout(dropout: Dropout, mask: DropoutMask, x: &[f32], y: &mut [f32]) {
    for i in 0..x.len() {
        let word = mask.stream.bits(mask.first.wrapping_add(i as u64));
        y[i] = if word as u64 >= dropout.threshold() { dropout.scale() * x[i] } else { 0.0 };
    }
}
