//! Tiles whose lanes are neighbouring pixels of a row: for few output channels, down to one (depthwise).

use super::tile::{Finish, Place};
use crate::simd::Simd;

/// The most channels and rows of a tile.
const CHANNELS: usize = 6;
const ROWS: usize = 8;

/// How many channels and rows a tile takes of those that are left.
pub(super) const fn pixel_tile_size(lanes: usize, channels: usize, rows: usize) -> [usize; 2] {
    let channels = match channels {
        6.. if lanes == 16 => 6, // 24 accumulators of 32 registers; with 16 registers 3 x 4
        3.. => 3,
        _ => channels,
    };
    let rows = match rows {
        8.. if channels == 1 => 8,
        4.. => 4,
        3 => 2,
        _ => rows,
    };
    [channels, rows]
}

/// `acc[c][r] = fma(weight[c * all + p], x[offset[p] + r * pitch ..], acc[c][r])` for `p` in `0..k` ascending.
///
/// # Safety
/// `offsets` must be readable for `k` elements, `x` for a vector at each of them and at the `R - 1` multiples of `pitch`
/// behind, `weight` for `k` elements at each of the `C` multiples of `all`.
#[inline(always)]
unsafe fn pixel_chain<S: Simd, const C: usize, const R: usize>(
    s: S,
    [k, all]: [usize; 2],
    [offsets, x, weight]: [*const f32; 3],
    pitch: usize,
    memory: &mut [[S::V; ROWS]; CHANNELS],
) {
    if C > 3 && S::LANES < 16 {
        return; // decided at compile time: there is no such tile
    }
    let mut acc: [[S::V; R]; C] = core::array::from_fn(
        #[inline(always)]
        |c| {
            core::array::from_fn(
                #[inline(always)]
                |r| memory[c][r],
            )
        },
    );
    for p in 0..k {
        // SAFETY: granted by the caller.
        unsafe {
            let x = x.add((*offsets.add(p)).to_bits() as usize);
            let x: [S::V; R] = core::array::from_fn(
                #[inline(always)]
                |r| s.load(x.add(r * pitch)),
            );
            for c in 0..C {
                let w = s.splat(*weight.add(c * all + p));
                for r in 0..R {
                    acc[c][r] = s.mul_add(x[r], w, acc[c][r]);
                }
            }
        }
    }
    for c in 0..C {
        for r in 0..R {
            memory[c][r] = acc[c][r];
        }
    }
}

/// A tile of `channels x rows` vectors (a size that [`pixel_tile_size`] gives) of `pixels` pixels each.
///
/// # Safety
/// As [`pixel_chain`]; `place` must be readable and writable for the pixels of the rows of the channels.
#[inline(always)]
pub(super) unsafe fn pixel_tile<S: Simd>(
    s: S,
    size: [usize; 2],
    pixels: usize,
    k: [usize; 2],
    sources: [*const f32; 3],
    pitch: usize,
    place: Place,
    resume: bool,
    finish: Finish,
) {
    let mut acc = [[s.splat(0.0); ROWS]; CHANNELS];
    let [channels, rows] = size;
    // SAFETY: granted by the caller.
    unsafe {
        if resume {
            for (c, acc) in acc.iter_mut().enumerate().take(channels) {
                for (r, acc) in acc.iter_mut().enumerate().take(rows) {
                    *acc = place.load(s, place.at.add(c * place.channel + r * place.row), pixels);
                }
            }
        }
        macro_rules! chains {
            ($([$c:literal, $r:literal])*) => {
                match size {
                    $([$c, $r] => pixel_chain::<S, $c, $r>(s, k, sources, pitch, &mut acc),)*
                    _ => {}
                }
            };
        }
        chains!([1, 8] [1, 4] [1, 2] [1, 1] [2, 4] [2, 2] [2, 1] [3, 4] [3, 2] [3, 1] [6, 4] [6, 2] [6, 1]);
        for (c, acc) in acc.iter().enumerate().take(channels) {
            for (r, acc) in acc.iter().enumerate().take(rows) {
                let y = finish.apply(
                    s,
                    *acc,
                    #[inline(always)]
                    |bias| s.splat(bias.get(c).copied().unwrap_or(0.0)),
                );
                place.store(s, place.at.add(c * place.channel + r * place.row), y, pixels);
            }
        }
    }
}
