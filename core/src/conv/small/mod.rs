//! Convolutions for microcontrollers: the strips are those of the other targets, the kernels are few and small.
//!
//! | what | forward and input gradient | weight gradient |
//! |---|---|---|
//! | 1x1 | a product (`gemm/small`) | a product |
//! | 3x3, stride 1, 8 outputs or more in a row | [`three`](kernels::three): weights in place, neighbouring taps share a load | |
//! | all others | eight outputs at a time are unfolded to scratch, then a product | |
//! | all but 1x1 | | [`gradient`](kernels::gradient): `dy` and the strip in place |
//!
//! As in `gemm/small`, the kernels are assembly where there is a floating-point unit, and plain loops elsewhere.

#[cfg_attr(all(target_arch = "arm", target_abi = "eabihf", not(target_has_atomic = "64")), path = "thumb.rs")]
#[cfg_attr(not(all(target_arch = "arm", target_abi = "eabihf", not(target_has_atomic = "64"))), path = "plain.rs")]
mod kernels;

mod correlate;
mod job;
#[cfg(test)]
mod tests;
mod unfold;
mod weight;

pub(super) use weight::SmallWeightPass;

use super::axis::Axis;
use super::plan::Plan;

/// Floats of a strip's input: a small image's channels, some rows of a large one's.
const STRIP: usize = 2048;
/// The same where outputs are unfolded: channels need not lie in scratch all at once.
const UNFOLDED_STRIP: usize = 320;

/// Fills `offsets` with the places of the taps of one channel in a strip.
fn list_taps(plan: &Plan, row: &Axis, col: &Axis, offsets: &mut [f32]) {
    let taps = (0..row.taps).flat_map(|kh| (0..col.taps).map(move |kw| (kh, kw)));
    for (offset, (kh, kw)) in offsets.iter_mut().zip(taps) {
        // Scratch is made of floats; these hold the bits of an index.
        *offset = f32::from_bits(plan.place(row, col, kh, kw) as u32);
    }
}
