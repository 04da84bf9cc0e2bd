//! How a correlation is cut into strips whose input fits in a small, fixed piece of scratch.

use super::axis::{Axis, Cover};
use crate::conv::ways::Uses;
use crate::scalar::ceil_div;
use crate::simd::MAX_LANES;

/// Floats of a strip's input: 64 KB, so that it stays in a second-level cache beside the weights.
pub(in crate::conv) const PATCH: usize = 16 * 1024;
/// The most outputs of a strip with several rows: their gradients are kept transposed.
pub(in crate::conv) const MAX_OUTS: usize = 512;
/// Columns of a strip.
const STRIP_COLS: usize = 64;

/// Floats that [`aligned`] may skip.
pub(in crate::conv) const ALIGN: usize = MAX_LANES - 1;

/// Scratch from its first 64-byte boundary on: a vector that crosses cache lines is loaded in two steps.
pub(in crate::conv) fn aligned(scratch: &mut [f32]) -> &mut [f32] {
    let skip = scratch.as_ptr().align_offset(4 * MAX_LANES).min(ALIGN);
    scratch.get_mut(skip..).unwrap_or_default()
}

/// One block of work: `channels` input channels, `rows x cols` outputs.
///
/// A strip has several rows only where it has all columns and all channels, so that its outputs are contiguous, and
/// strips in row-major order visit the outputs in row-major order.
#[derive(Clone, Copy)]
pub(in crate::conv) struct Plan {
    pub channels: usize,
    pub rows: usize,
    pub cols: usize,
    pub row_cover: Cover,
    pub col_cover: Cover,
}

impl Plan {
    /// The largest strip of at most `max_outs` outputs (but at least a row's part) whose input fits in `patch` floats;
    /// if one output's does not, that output.
    pub const fn new<U: Uses>(channels: usize, row: &Axis, col: &Axis, max_outs: usize, patch: usize) -> Self {
        let mut cols = balanced(col.outs, STRIP_COLS);
        let one_row = row.cover::<U>(1).len::<U>();
        while cols > 1 && one_row.saturating_mul(col.cover::<U>(cols).len::<U>()) > patch {
            cols = ceil_div(cols, 2);
        }
        let col_cover = col.cover::<U>(cols);
        let line = one_row.saturating_mul(col_cover.len::<U>());
        let fitting = match patch.checked_div(line) {
            Some(fitting) => fitting,
            None => channels, // nothing is read
        };
        let block = if channels == 0 { 0 } else { balanced(channels, fitting) };
        let mut rows = 1;
        if block == channels && cols == col.outs {
            let plane = channels.saturating_mul(col_cover.len::<U>());
            while rows < row.outs
                && (rows + 1) * cols <= max_outs
                && row.cover::<U>(rows + 1).len::<U>().saturating_mul(plane) <= patch
            {
                rows += 1;
            }
        }
        let rows = balanced(row.outs, rows);
        Self { channels: block, rows, cols, row_cover: row.cover::<U>(rows), col_cover }
    }

    /// Floats of one channel of a strip's input.
    pub const fn plane<U: Uses>(&self) -> usize {
        self.row_cover.len::<U>().saturating_mul(self.col_cover.len::<U>())
    }

    /// Floats of a strip's input; a vector's more, because vectors are read whole at its end.
    pub const fn patch_len<U: Uses>(&self) -> usize {
        self.channels.saturating_mul(self.plane::<U>()).saturating_add(MAX_LANES)
    }

    /// Whether `patch` holds a strip's input.
    pub fn fits<U: Uses>(&self, patch: &[f32]) -> bool {
        patch.len() >= self.channels.saturating_mul(self.plane::<U>())
    }

    /// Where tap `(kh, kw)` (counted along the axes) of channel 0 lies for the strip's first output.
    pub const fn place<U: Uses>(&self, row: &Axis, col: &Axis, kh: usize, kw: usize) -> usize {
        row.place::<U>(&self.row_cover, kh) * self.col_cover.len::<U>() + col.place::<U>(&self.col_cover, kw)
    }

    /// Fills `offsets` with the places of all taps of a channel block, channels outermost; returns how many there are.
    pub fn offsets<U: Uses>(&self, row: &Axis, col: &Axis, offsets: &mut [f32]) -> usize {
        let places = (0..self.channels).flat_map(|c| {
            (0..row.taps).flat_map(move |kh| {
                (0..col.taps).map(move |kw| c * self.plane::<U>() + self.place::<U>(row, col, kh, kw))
            })
        });
        let mut count = 0;
        for (offset, place) in offsets.iter_mut().zip(places) {
            // Scratch is made of floats; these hold the bits of an index, which is far below 2^32: see `PATCH`.
            *offset = f32::from_bits(place as u32);
            count += 1;
        }
        count
    }
}

/// The size of equal parts of `len`, as few as parts of at most `max` allow; at least 1.
pub(in crate::conv) const fn balanced(len: usize, max: usize) -> usize {
    if len == 0 {
        return 1;
    }
    let max = if max < 1 { 1 } else { max };
    ceil_div(len, ceil_div(len, max))
}

/// Cuts `len` into blocks of `size`, the last one shorter: where each begins, and its length.
#[inline(always)]
pub(in crate::conv) fn blocks(len: usize, size: usize) -> impl Iterator<Item = (usize, usize)> {
    let (mut left, size) = (len, if size > 0 { size } else { usize::MAX });
    // Not `step_by`, which divides: for small layers that is a good part of the time.
    core::iter::from_fn(
        #[inline(always)]
        move || {
            let (first, block) = (len - left, size.min(left));
            left -= block;
            (block > 0).then_some((first, block))
        },
    )
}
