//! The inner loops: register tiles of fused multiply-adds over a patch, and their way to memory.
//!
//! Both tiles run the same chains, `acc = fma(patch[offset[k] + pixel], weight[k], acc)` for `k` ascending. *Channel
//! lanes* put neighbouring output channels into a vector and broadcast the pixel; *pixel lanes* put neighbouring pixels
//! into a vector and broadcast the weight, which is better for few channels.

use super::ahead::Fetch;
use super::place::{Finish, Lines, Place, Size};
use crate::conv::strips::blocks;
use crate::simd::{MAX_LANES, Simd};

/// The most pixels (taps, for the weight gradient) of a tile.
pub(super) const MAX_TILE: usize = 14;

/// The most pixels of a tile: two accumulators each, and their operands, must fit in the registers.
pub(super) const fn max_tile<S: Simd>() -> usize {
    match S::REGISTERS {
        32 => MAX_TILE, // 28 accumulators
        _ if S::LANES == 8 => 6,
        _ => 8, // vectors are emulated: memory is as good
    }
}

/// What the chains of a tile read: step `p` takes the pixels from `x[offsets[p]]` on and the weights of place `p`.
#[derive(Clone, Copy)]
pub(super) struct Chain {
    /// Steps.
    pub k: usize,
    pub offsets: *const f32,
    pub x: *const f32,
    /// From one row of pixels to the next.
    pub pitch: usize,
    pub weight: *const f32,
    /// Weights of a channel: those of this chain and of the blocks before and after it.
    pub all: usize,
}

/// Accumulators of channel lanes: pixel by vector of channels.
pub(super) type ChannelAcc<S, const NV: usize> = [[<S as Simd>::V; NV]; MAX_TILE];

/// `acc[i][v] = fma(x[offset[p] + i], weight[(v * all + p) * LANES ..], acc[i][v])` for `p` in `0..k` ascending, `M`
/// pixels.
///
/// # Safety
/// `offsets` must be readable for `k` elements, `x` at each of them and the `M - 1` places behind it, `weight` for `k`
/// vectors at each of the `NV` multiples of `all` vectors.
#[inline(always)]
unsafe fn channel_chain<S: Simd, const M: usize, const NV: usize>(
    s: S,
    chain: Chain,
    fetch: [Fetch; 2],
    memory: &mut ChannelAcc<S, NV>,
) {
    if M > max_tile::<S>() {
        return; // decided at compile time: there is no such tile
    }
    let mut acc: [[S::V; NV]; M] = core::array::from_fn(
        #[inline(always)]
        |i| memory[i],
    );
    let Chain { k, offsets, x, weight, all, .. } = chain;
    let (mut p, vector) = (0, all * S::LANES);
    for Fetch { mut at, length, stride, steps } in fetch {
        let end = k.min(p + steps.min(k));
        while p < end {
            s.prefetch(at);
            s.prefetch(at.wrapping_add(length));
            at = at.wrapping_add(stride);
            // SAFETY: granted by the caller.
            unsafe {
                let x = x.add((*offsets.add(p)).to_bits() as usize);
                let w: [S::V; NV] = core::array::from_fn(
                    #[inline(always)]
                    |v| s.load(weight.add(v * vector + p * S::LANES)),
                );
                for i in 0..M {
                    let x = s.splat(*x.add(i));
                    for v in 0..NV {
                        acc[i][v] = s.mul_add(x, w[v], acc[i][v]);
                    }
                }
            }
            p += 1;
        }
    }
    for (memory, acc) in memory.iter_mut().zip(acc) {
        *memory = acc;
    }
}

/// Continues the chains of `pixels` pixels (at most [`max_tile`]).
///
/// # Safety
/// As [`channel_chain`].
#[inline(always)]
unsafe fn channel_chains<S: Simd, const NV: usize>(
    s: S,
    pixels: usize,
    chain: Chain,
    fetch: [Fetch; 2],
    memory: &mut ChannelAcc<S, NV>,
) {
    macro_rules! chains {
        ($($m:literal)*) => {
            match pixels {
                // SAFETY: granted by the caller.
                $($m => unsafe { channel_chain::<S, $m, NV>(s, chain, fetch, memory) },)*
                _ => {}
            }
        };
    }
    chains!(1 2 3 4 5 6 7 8 9 10 11 12 13 14);
}

/// A tile of one row of pixels by `NV` vectors of channels, not all of which need exist; `resume` continues stored
/// chains.
///
/// # Safety
/// As [`channel_chain`]; `place` must be readable and writable for the pixels of the channels.
#[inline(always)]
pub(super) unsafe fn channel_tile<S: Simd, const NV: usize>(
    s: S,
    Size { pixels, channels, .. }: Size,
    chain: Chain,
    place: Place,
    ahead: Fetch,
    resume: bool,
    finish: Finish,
) {
    // What is stored at the end is on its way while the tile computes; then what later tiles read.
    let length = pixels.saturating_sub(1) * place.pixel;
    let fetch = [Fetch { at: place.at, length, stride: place.channel, steps: channels }, ahead];
    let mut acc: ChannelAcc<S, NV> = [[s.splat(0.0); NV]; MAX_TILE];
    // Square blocks of the tile, which a transposition turns: first pixel, vector of channels.
    let squares = || {
        blocks(pixels, S::LANES).flat_map(
            #[inline(always)]
            |(first, _)| (0..NV).map(move |v| (first, v)),
        )
    };
    // SAFETY: granted by the caller: blocks stay within the tile's pixels and channels.
    unsafe {
        if resume {
            for (first, v) in squares() {
                let mut block = [s.splat(0.0); MAX_LANES];
                let count = channels.saturating_sub(v * S::LANES);
                let lines = Lines { distance: place.channel, count, pixels: pixels - first };
                let at = place.at.add(v * S::LANES * place.channel + first * place.pixel);
                place.load(s, at, lines, &mut block[..S::LANES]);
                s.transpose(&mut block);
                acc.iter_mut().skip(first).zip(block).for_each(|(acc, b)| acc[v] = b);
            }
        }
        channel_chains::<S, NV>(s, pixels, chain, fetch, &mut acc);
        for (first, v) in squares() {
            let count = channels.saturating_sub(v * S::LANES);
            let lines = Lines { distance: place.channel, count, pixels: pixels - first };
            let mut block = [s.splat(0.0); MAX_LANES];
            for i in 0..S::LANES {
                if let Some(acc) = acc.get(first + i) {
                    block[i] = acc[v];
                }
            }
            block = finish.apply(
                s,
                block,
                #[inline(always)]
                |bias| s.load_tail(bias.as_ptr().add(v * S::LANES), s.tail(count)),
            );
            s.transpose(&mut block);
            let at = place.at.add(v * S::LANES * place.channel + first * place.pixel);
            place.store(s, at, lines, &block[..S::LANES]);
        }
    }
}
