//! The way of a tile's accumulators to memory.

use crate::Fused;
use crate::conv::strips::blocks;
use crate::simd::{MAX_LANES, Simd};

/// What becomes of an accumulator on its way to memory.
#[derive(Clone, Copy)]
pub(super) enum Finish<'a> {
    /// Stored as it is: another block of the chain follows.
    Partial,
    /// `activation((acc + 0.0) + bias)`; the bias of the tile's channels, or none.
    Final(Option<&'a [f32]>, Fused),
}

impl Finish<'_> {
    /// The same for the channels from `channel` on.
    #[inline(always)]
    pub(super) fn from(self, channel: usize) -> Self {
        match self {
            Finish::Partial => self,
            Finish::Final(bias, activation) => Finish::Final(bias.and_then(|bias| bias.get(channel..)), activation),
        }
    }

    /// What is stored of accumulators that share a vector of biases.
    #[inline(always)]
    pub(super) fn apply<S: Simd, const N: usize>(
        self,
        s: S,
        acc: [S::V; N],
        bias: impl FnOnce(&[f32]) -> S::V,
    ) -> [S::V; N] {
        let Finish::Final(biases, activation) = self else { return acc };
        let bias = biases.map(bias);
        let (zero, mut y) = (s.splat(0.0), acc);
        // A loop and not `map`, which some compilations do not inline.
        for y in &mut y {
            *y = s.add(*y, zero);
            if let Some(bias) = bias {
                *y = s.add(*y, bias);
            }
            if activation == Fused::Relu {
                *y = s.max(zero, *y);
            }
        }
        y
    }
}

/// Channels, rows, and pixels of a row: of a tile, or to its first output from the strip's first.
#[derive(Clone, Copy)]
pub(super) struct Size {
    pub channels: usize,
    pub rows: usize,
    pub pixels: usize,
}

/// Lines of outputs that a block of vectors goes to or comes from, one a vector.
#[derive(Clone, Copy)]
pub(super) struct Lines {
    /// From one to the next.
    pub distance: usize,
    /// How many there are.
    pub count: usize,
    /// Pixels of each.
    pub pixels: usize,
}

/// Where a tile's outputs lie: the first, and the distances between channels, rows and pixels.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub at: *mut f32,
    pub channel: usize,
    pub row: usize,
    pub pixel: usize,
}

impl Place {
    /// Asks for the tile after the next one below, of the same size.
    #[inline(always)]
    pub(super) fn fetch_below<S: Simd>(self, s: S, Size { channels, rows, pixels }: Size) {
        if self.pixel != 1 {
            return; // scattered: there are other costs
        }
        for c in 0..channels {
            for r in 2 * rows..3 * rows {
                let row = self.at.wrapping_add(c * self.channel).wrapping_add(r.wrapping_mul(self.row));
                for (line, _) in blocks(pixels, MAX_LANES) {
                    s.prefetch(row.wrapping_add(line));
                }
            }
        }
    }

    /// The pixels of the lines from `at` on, of as many as there are vectors.
    ///
    /// # Safety
    /// The pixels of the lines must be readable.
    #[inline(always)]
    pub(super) unsafe fn load<S: Simd>(self, s: S, at: *const f32, lines: Lines, block: &mut [S::V]) {
        let tail = s.tail(lines.pixels);
        for (l, v) in block.iter_mut().enumerate() {
            if l >= lines.count {
                continue;
            }
            let at = at.wrapping_add(l * lines.distance);
            // SAFETY: the caller grants the pixels; the array holds the longest vector.
            unsafe {
                if self.pixel == 1 {
                    *v = s.load_tail(at, tail);
                } else {
                    let mut lanes = [0.0; MAX_LANES];
                    for i in 0..lines.pixels.min(S::LANES) {
                        lanes[i] = *at.add(i * self.pixel);
                    }
                    *v = s.load(lanes.as_ptr());
                }
            }
        }
    }

    /// The way back of [`Place::load`].
    ///
    /// # Safety
    /// The pixels of the lines must be writable.
    #[inline(always)]
    pub(super) unsafe fn store<S: Simd>(self, s: S, at: *mut f32, lines: Lines, block: &[S::V]) {
        let tail = s.tail(lines.pixels);
        for (l, &v) in block.iter().enumerate() {
            if l >= lines.count {
                continue;
            }
            let at = at.wrapping_add(l * lines.distance);
            // SAFETY: the caller grants the pixels; the array holds the longest vector.
            unsafe {
                if self.pixel == 1 {
                    s.store_tail(at, v, tail);
                } else if self.pixel == 2 && S::LANES >= 16 {
                    // Shorter vectors store tails in pieces, which takes as long as element by element.
                    store_every_other(s, at, v, lines.pixels.min(S::LANES));
                } else {
                    let mut lanes = [0.0; MAX_LANES];
                    s.store(lanes.as_mut_ptr(), v);
                    for i in 0..lines.pixels.min(S::LANES) {
                        *at.add(i * self.pixel) = lanes[i];
                    }
                }
            }
        }
    }
}

/// `at[2 * i]` is lane `i` of `v`, for `n` lanes; what lies between stays.
///
/// # Safety
/// `at` must be readable and writable for `2 * n - 1` floats, `n` at most `LANES`.
#[inline(always)]
unsafe fn store_every_other<S: Simd>(s: S, at: *mut f32, v: S::V, n: usize) {
    const SIGNS: [f32; MAX_LANES] = {
        let (mut signs, mut i) = ([1.0; MAX_LANES], 0);
        while i < MAX_LANES {
            signs[i] = -1.0;
            i += 2;
        }
        signs
    };
    let len = (2 * n).saturating_sub(1);
    let (low, high) = s.zip(v, v);
    // SAFETY: the array holds the longest vector; both tails together select `len` floats.
    unsafe {
        let even = s.lt(s.load(SIGNS.as_ptr()), s.splat(0.0));
        let tail = s.tail(len);
        s.store_tail(at, s.select(even, low, s.load_tail(at, tail)), tail);
        if len > S::LANES {
            let (at, tail) = (at.add(S::LANES), s.tail(len - S::LANES));
            s.store_tail(at, s.select(even, high, s.load_tail(at, tail)), tail);
        }
    }
}
