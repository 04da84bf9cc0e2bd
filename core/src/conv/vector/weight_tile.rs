//! The inner loop of the weight gradient: a register tile of kernel elements by vectors of output channels.

use super::ahead::Fetch;
use super::tile::{MAX_TILE, max_tile};
use crate::Update;
use crate::scalar::nonzero;
use crate::simd::{MAX_LANES, Simd};

/// A strip of outputs: rows, columns, and from one row to the next in the patch.
#[derive(Clone, Copy)]
pub(super) struct Outs {
    pub rows: usize,
    pub cols: usize,
    pub pitch: usize,
}

/// What the chains of a tile read and continue.
#[derive(Clone, Copy)]
pub(super) struct Chains {
    /// A place in `x` for each kernel element.
    pub offsets: *const f32,
    pub x: *const f32,
    /// A vector of channels for each output.
    pub dy: *const f32,
    /// From one vector of channels to the next in `dy`.
    pub dy_vector: usize,
    /// A vector of channels for each kernel element.
    pub acc: *mut f32,
    /// From one vector of channels to the next in `acc`.
    pub acc_vector: usize,
}

/// `acc[i][v] = fma(x[offset[i] + pixel], dy[pixel][v], acc[i][v])` for the pixels in row-major order, `M` offsets.
///
/// A place of `x` is one float that all lanes share, or, when `WIDE`, a vector of its own for each lane.
///
/// # Safety
/// `offsets` must be readable for `M` elements, `x` at each of them and the strip's pixels behind it; `dy` for `LANES`
/// floats per pixel at each of the `NV` multiples of `dy_vector`; `acc` readable and writable for `M` vectors at each
/// of the `NV` multiples of `acc_vector`.
#[inline(always)]
unsafe fn weight_chain<S: Simd, const M: usize, const NV: usize, const WIDE: bool>(
    s: S,
    outs: Outs,
    chains: Chains,
    mut fetch: [Fetch; 2],
) {
    if M > max_tile::<S>() {
        return; // decided at compile time: there is no such tile
    }
    let Chains { offsets, x, mut dy, dy_vector, acc: memory, acc_vector } = chains;
    // SAFETY: granted by the caller.
    unsafe {
        let at = |i: usize, v: usize| memory.add(v * acc_vector + i * S::LANES);
        let place = if WIDE { S::LANES } else { 1 };
        let mut acc = [[s.splat(0.0); NV]; M];
        let mut taps = [x; M];
        for i in 0..M {
            taps[i] = x.add((*offsets.add(i)).to_bits() as usize * place);
            for v in 0..NV {
                acc[i][v] = s.load(at(i, v));
            }
        }
        for r in 0..outs.rows {
            for c in r * outs.pitch..r * outs.pitch + outs.cols {
                let g: [S::V; NV] = core::array::from_fn(
                    #[inline(always)]
                    |v| s.load(dy.add(v * dy_vector)),
                );
                for fetch in &mut fetch {
                    s.prefetch(fetch.at);
                    fetch.at = fetch.at.wrapping_add(fetch.stride);
                }
                for i in 0..M {
                    let x = if WIDE { s.load(taps[i].add(c * place)) } else { s.splat(*taps[i].add(c)) };
                    for v in 0..NV {
                        acc[i][v] = s.mul_add(x, g[v], acc[i][v]);
                    }
                }
                dy = dy.add(S::LANES);
            }
        }
        for i in 0..M {
            for v in 0..NV {
                s.store(at(i, v), acc[i][v]);
            }
        }
    }
}

/// Continues the chains of `count` kernel elements (at most [`max_tile`]) by `NV` vectors of output channels.
///
/// # Safety
/// As [`weight_chain`].
#[inline(always)]
pub(super) unsafe fn weight_tile<S: Simd, const NV: usize, const WIDE: bool>(
    s: S,
    count: usize,
    outs: Outs,
    chains: Chains,
    fetch: [Fetch; 2],
) {
    macro_rules! tiles {
        ($($m:literal)*) => {
            match count {
                // SAFETY: granted by the caller.
                $($m => unsafe { weight_chain::<S, $m, NV, WIDE>(s, outs, chains, fetch) },)*
                _ => {}
            }
        };
    }
    tiles!(1 2 3 4 5 6 7 8 9 10 11 12 13 14);
    const { assert!(MAX_TILE == 14) }
}

/// `out[pixel][lane] = planes[lane][pixel]` for `channels` channels that are `distance` apart, zeros in idle lanes.
#[inline(always)]
pub(super) fn interleave<S: Simd>(s: S, planes: &[f32], distance: usize, channels: usize, out: &mut [f32]) {
    let pixels = out.len() / S::LANES;
    for (at, out) in out.chunks_mut(S::LANES * S::LANES).enumerate() {
        let mut block = [s.splat(0.0); MAX_LANES];
        let first = at * S::LANES;
        let tail = s.tail(pixels - first);
        for (l, line) in block.iter_mut().enumerate().take(channels.min(S::LANES)) {
            if let Some(plane) = planes.get(l * distance..).and_then(|plane| plane.get(first..pixels)) {
                // SAFETY: the tail selects at most the plane's pixels - first elements.
                *line = unsafe { s.load_tail(plane.as_ptr(), tail) };
            }
        }
        s.transpose(&mut block);
        for (line, out) in block.into_iter().zip(out.chunks_exact_mut(S::LANES)) {
            // SAFETY: `out` is a chunk of LANES floats.
            unsafe { s.store(out.as_mut_ptr(), line) }
        }
    }
}

/// `acc[v][k][lane]` is `dw[v * LANES + lane][k]`, or zero when it is to be overwritten.
pub(super) fn load_chains<S: Simd>(dw: &[f32], k: usize, update: Update, acc: &mut [f32]) {
    for (v, acc) in acc.chunks_exact_mut(nonzero(k * S::LANES)).enumerate() {
        for (i, acc) in acc.chunks_exact_mut(S::LANES).enumerate() {
            for (l, acc) in acc.iter_mut().enumerate() {
                let stored = dw.get((v * S::LANES + l) * k + i).copied();
                *acc = stored.filter(|_| update == Update::Accumulate).unwrap_or(0.0);
            }
        }
    }
}

/// `dw[v * LANES + lane][k] = acc[v][k][lane] + 0.0`
pub(super) fn store_chains<S: Simd>(acc: &[f32], k: usize, dw: &mut [f32]) {
    for (dw, acc) in dw.chunks_mut(nonzero(k * S::LANES)).zip(acc.chunks_exact(nonzero(k * S::LANES))) {
        for (l, dw) in dw.chunks_exact_mut(nonzero(k)).enumerate() {
            for (dw, acc) in dw.iter_mut().zip(acc.chunks_exact(S::LANES)) {
                *dw = acc.get(l).copied().unwrap_or(0.0) + 0.0;
            }
        }
    }
}
