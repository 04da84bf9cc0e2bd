//! Convolutions for microcontrollers: the strips are those of the other targets, the kernels are few and small.
//!
//! | what | forward and input gradient | weight gradient |
//! |---|---|---|
//! | 1x1 | a product (`gemm/scalar`) | a product |
//! | 3x3, stride 1, 8 outputs or more in a row | [`three`](kernels::three): weights in place, neighbouring taps share a load | |
//! | all others | eight outputs at a time are unfolded to scratch, then a product | |
//! | all but 1x1 | | [`gradient`](kernels::gradient): `dy` and the strip in place |
//!
//! As in `gemm/scalar`, the kernels are assembly where there is a floating-point unit, and plain loops elsewhere.

crate::machine::target::kernels!(pub(super));

mod correlate;
mod job;
#[cfg(test)]
mod tests;
mod unfold;
mod weight;

pub(super) use correlate::Scalar;
pub(crate) use correlate::parts;
pub(super) use weight::ScalarWeightPass;

use crate::conv::strips::{Axis, Plan};
use crate::conv::ways::Uses;
use crate::scalar::nonzero;

/// Floats of a strip's input: a small image's channels, some rows of a large one's.
const STRIP: usize = 2048;
/// The same where outputs are unfolded: channels need not lie in scratch all at once.
const UNFOLDED_STRIP: usize = 320;

/// Fills `offsets` with the places of the taps of one channel in a strip.
fn list_taps<U: Uses>(plan: &Plan, row: &Axis, col: &Axis, offsets: &mut [f32]) {
    let taps = (0..row.taps).flat_map(|kh| (0..col.taps).map(move |kw| (kh, kw)));
    for (offset, (kh, kw)) in offsets.iter_mut().zip(taps) {
        // Scratch is made of floats; these hold the bits of an index.
        *offset = f32::from_bits(plan.place::<U>(row, col, kh, kw) as u32);
    }
}

/// Copies what the strip of outputs from `(first_row, first_col)` reads of the planes `[channels, h, w]` of `x` to
/// `patch`, zeros around the image: what `patch::fill_patch` does, in less code.
fn fill<U: Uses>(
    plan: &Plan,
    [row, col]: [&Axis; 2],
    [first_row, first_col]: [usize; 2],
    x: &[f32],
    [h, w]: [usize; 2],
    patch: &mut [f32],
) {
    let (rows, cols) = (&plan.row_cover, &plan.col_cover);
    let (size, plane, pitch) = (h * w, plan.plane::<U>(), cols.len::<U>());
    let channels = x.len() / nonzero(size);
    let Some(patch) = patch.get_mut(..channels * plane) else { return };
    // SAFETY: the patch is a slice.
    unsafe { kernels::clear(patch.as_mut_ptr(), patch.len()) };
    for g in 0..rows.groups::<U>() * cols.groups::<U>() {
        let (down, across) = (g / nonzero(cols.groups::<U>()), g % nonzero(cols.groups::<U>()));
        let (to_row, to_col) = (down * rows.pitch, across * cols.pitch);
        let (down, across) = (row.line::<U>(rows, first_row, down), col.line::<U>(cols, first_col, across));
        let ((top, bottom), (left, right)) = (down.inside(rows.pitch), across.inside(cols.pitch));
        let (Some(from_row), Some(from_col), true, true) = (down.at(top), across.at(left), top < bottom, left < right)
        else {
            continue;
        };
        let (len, from, to) = (right - left, from_row * w + from_col, (to_row + top) * pitch + to_col + left);
        let mut job = job::Rows {
            rows: bottom - top,
            len,
            from: core::ptr::null(),
            from_step: across.step * size_of::<f32>(),
            from_next: (down.step * w).wrapping_sub(len * across.step).wrapping_mul(size_of::<f32>()),
            to: core::ptr::null_mut(),
            to_next: (pitch - len) * size_of::<f32>(),
        };
        for channel in 0..channels {
            job.from = x.as_ptr().wrapping_add(channel * size + from);
            job.to = patch.as_mut_ptr().wrapping_add(channel * plane + to);
            // SAFETY: the image's rows and columns that exist, into their places in the strip.
            unsafe { kernels::copy(&job) };
        }
    }
}
