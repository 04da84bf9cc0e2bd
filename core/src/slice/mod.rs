//! The pointer loops of every element-wise kernel: map, update in place, sum in a fixed order, and sharing out over
//! threads. Kernels pass closures over vectors and never see a tail.
//!
//! Bits: an element's result depends on that element alone, never on its position, the slice's length or the thread
//! that computes it. A sum adds element `i` into virtual lane `i mod 16` and joins the sixteen lanes by one fixed tree.

mod channels;
mod chunks;
mod every;
mod fold;
mod map;
mod pairs;
mod share;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use channels::{ChannelsMut, share_channels};
pub(crate) use chunks::{chunks, chunks_mut};
pub(crate) use every::{keep, load_every, store_every};
pub(crate) use fold::{maximum, sum};
pub(crate) use map::{map, update};
pub(crate) use pairs::{every_other, map_pairs, map_to_pairs};
pub(crate) use share::{share, share_chunks, worth};
pub(crate) use words::{lane_numbers, update_with};

use crate::simd::unrolled;

/// The length of the shortest slice.
#[inline(always)]
fn shortest<const N: usize, const M: usize>(inputs: &[&[f32]; N], outputs: &[&mut [f32]; M]) -> usize {
    let mut len = usize::MAX;
    let _: [(); N] = unrolled(
        #[inline(always)]
        |j| len = len.min(inputs[j].len()),
    );
    let _: [(); M] = unrolled(
        #[inline(always)]
        |j| len = len.min(outputs[j].len()),
    );
    len
}
