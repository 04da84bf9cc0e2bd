//! Tiles whose lanes are neighbouring pixels of a row: for few output channels, down to one (depthwise).

use super::place::{Finish, Lines, Place, Size};
use super::tile::Chain;
use crate::simd::Simd;

/// How many channels and rows a tile takes of those that are `left`; all pixels.
pub(super) const fn pixel_tile_size(registers: usize, left: Size) -> Size {
    let channels = match left.channels {
        6.. if registers == 32 => 6, // 24 accumulators; with 16 registers 3 x 4
        3.. => 3,
        channels => channels,
    };
    let rows = match left.rows {
        8.. if channels == 1 => 8,
        4.. => 4,
        3 => 2,
        rows => rows,
    };
    Size { channels, rows, ..left }
}

/// A tile of as many channels and rows as [`pixel_tile_size`] gives, and at most a vector of pixels.
///
/// # Safety
/// `offsets` must be readable for `k` elements, `x` for a vector at each of them and at the following multiples of
/// `pitch`, `weight` for `k` elements of each channel; `place` readable and writable for the pixels.
#[inline(always)]
pub(super) unsafe fn pixel_tile<S: Simd>(s: S, size: Size, chain: Chain, place: Place, resume: bool, finish: Finish) {
    macro_rules! tiles {
        ($([$c:literal, $r:literal])*) => {
            match [size.channels, size.rows] {
                // SAFETY: granted by the caller.
                $([$c, $r] => unsafe { fixed_tile::<S, $c, $r>(s, size.pixels, chain, place, resume, finish) },)*
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
    chain: Chain,
    place: Place,
    resume: bool,
    finish: Finish,
) {
    s.run(
        #[inline(always)]
        |s| {
            // SAFETY: granted by the caller.
            unsafe { chains::<S, C, R>(s, pixels, chain, place, resume, finish) }
        },
    )
}

/// # Safety
/// As [`pixel_tile`].
#[inline(always)]
unsafe fn chains<S: Simd, const C: usize, const R: usize>(
    s: S,
    pixels: usize,
    chain: Chain,
    place: Place,
    resume: bool,
    finish: Finish,
) {
    if C > 3 && S::REGISTERS < 32 {
        return; // decided at compile time: there is no such tile
    }
    let Chain { k, offsets, x, pitch, weight, all } = chain;
    let lines = Lines { distance: place.row, count: R, pixels };
    // SAFETY: granted by the caller.
    unsafe {
        let at = |c: usize| place.at.add(c * place.channel);
        let mut memory = [[s.splat(0.0); R]; C];
        if resume {
            for c in 0..C {
                place.load(s, at(c), lines, &mut memory[c]);
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
            let block = finish.apply(
                s,
                *memory,
                #[inline(always)]
                |bias| s.splat(bias.get(c).copied().unwrap_or(0.0)),
            );
            place.store(s, at(c), lines, &block);
        }
    }
}
