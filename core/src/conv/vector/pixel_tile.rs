//! Tiles whose lanes are neighbouring pixels of a row: for few output channels, down to one (depthwise).

use super::place::{Finish, Place};
use crate::simd::Simd;

/// How many channels and rows a tile takes of those that are left.
pub(super) const fn pixel_tile_size(registers: usize, channels: usize, rows: usize) -> [usize; 2] {
    let channels = match channels {
        6.. if registers == 32 => 6, // 24 accumulators; with 16 registers 3 x 4
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

/// A tile of `size` channels and rows (one that [`pixel_tile_size`] gives), `pixels` pixels wide: continues the chains
/// of `k` steps whose weights are `all` apart from channel to channel, on a patch whose rows are `pitch` apart.
///
/// # Safety
/// `offsets` must be readable for `k` elements, `x` for a vector at each of them and at the following multiples of
/// `pitch`, `weight` for `k` elements of each channel; `place` readable and writable for the pixels.
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
    macro_rules! tiles {
        ($([$c:literal, $r:literal])*) => {
            match size {
                // SAFETY: granted by the caller.
                $([$c, $r] => unsafe {
                    fixed_tile::<S, $c, $r>(s, pixels, k, sources, pitch, place, resume, finish)
                },)*
                _ => {}
            }
        };
    }
    tiles!([1, 8] [1, 4] [1, 2] [1, 1] [2, 4] [2, 2] [2, 1] [3, 4] [3, 2] [3, 1] [6, 4] [6, 2] [6, 1]);
}

/// `acc[c][r] = fma(weight[c * all + p], x[offset[p] + r * pitch ..], acc[c][r])` for `p` in `0..k` ascending.
///
/// A function of its own, for the registers' sake.
///
/// # Safety
/// As [`pixel_tile`].
#[inline(never)]
unsafe fn fixed_tile<S: Simd, const C: usize, const R: usize>(
    s: S,
    pixels: usize,
    k: [usize; 2],
    sources: [*const f32; 3],
    pitch: usize,
    place: Place,
    resume: bool,
    finish: Finish,
) {
    s.run(
        #[inline(always)]
        |s| {
            // SAFETY: granted by the caller.
            unsafe { chains::<S, C, R>(s, pixels, k, sources, pitch, place, resume, finish) }
        },
    )
}

/// # Safety
/// As [`pixel_tile`].
#[inline(always)]
unsafe fn chains<S: Simd, const C: usize, const R: usize>(
    s: S,
    pixels: usize,
    [k, all]: [usize; 2],
    [offsets, x, weight]: [*const f32; 3],
    pitch: usize,
    place: Place,
    resume: bool,
    finish: Finish,
) {
    if C > 3 && S::REGISTERS < 32 {
        return; // decided at compile time: there is no such tile
    }
    // SAFETY: granted by the caller.
    unsafe {
        let at = |c: usize| place.at.add(c * place.channel);
        let mut memory = [[s.splat(0.0); R]; C];
        if resume {
            for c in 0..C {
                place.load(s, at(c), [place.row, R, pixels], &mut memory[c]);
            }
        }
        // A copy whose address nobody takes: it stays in registers.
        let mut acc: [[S::V; R]; C] = core::array::from_fn(
            #[inline(always)]
            |c| memory[c],
        );
        for p in 0..k {
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
        let memory: [[S::V; R]; C] = core::array::from_fn(
            #[inline(always)]
            |c| acc[c],
        );
        for (c, memory) in memory.iter().enumerate() {
            let lines = finish.apply(
                s,
                *memory,
                #[inline(always)]
                |bias| s.splat(bias.get(c).copied().unwrap_or(0.0)),
            );
            place.store(s, at(c), [place.row, R, pixels], &lines);
        }
    }
}
