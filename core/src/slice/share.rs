//! Sharing outputs out over threads.

use crate::machine::Context;

/// Below this many elements a part is not worth a thread.
pub(super) const GRAIN: usize = 16 * 1024;

/// `ctx`, or one thread where `len` elements are not worth more.
pub(crate) fn worth(ctx: Context, len: usize) -> Context {
    if len < 2 * GRAIN { ctx.without_threads() } else { ctx }
}

/// Runs on one part of every input and output.
type Parts<'a, const N: usize, const M: usize> = &'a (dyn Fn([&[f32]; N], [&mut [f32]; M]) + Sync);

/// Runs on some chunks: the index of the first, the chunks, scratch.
type Chunks<'a> = &'a (dyn Fn(usize, &mut [f32], &mut [f32]) + Sync);

/// Cuts all slices (which are equally long) at the same places and runs `f` on the parts, on as many threads as
/// `ctx` has. `f` must treat elements independently.
#[inline(always)]
pub(crate) fn share<const N: usize, const M: usize>(
    ctx: Context,
    inputs: [&[f32]; N],
    outputs: [&mut [f32]; M],
    f: Parts<N, M>,
) {
    if ctx.threads() == 1 {
        return f(inputs, outputs);
    }
    let len = inputs.iter().map(|x| x.len()).chain(outputs.iter().map(|x| x.len())).min().unwrap_or(0);
    share_parts(ctx, ctx.threads().min(len / GRAIN), inputs, outputs, len, f);
}

fn share_parts<const N: usize, const M: usize>(
    ctx: Context,
    parts: usize,
    inputs: [&[f32]; N],
    mut outputs: [&mut [f32]; M],
    len: usize,
    f: Parts<N, M>,
) {
    if parts <= 1 {
        return f(inputs, outputs);
    }
    let left = parts / 2;
    let mid = (len / parts * left).min(len);
    let cut = inputs.map(|x| x.split_at_checked(mid).unwrap_or((x, &[])));
    let (left_in, right_in) = (cut.map(|c| c.0), cut.map(|c| c.1));
    let mut right_out: [&mut [f32]; M] = core::array::from_fn(|_| Default::default());
    for (x, right) in outputs.iter_mut().zip(&mut right_out) {
        if let Some((a, b)) = core::mem::take(x).split_at_mut_checked(mid) {
            (*x, *right) = (a, b);
        }
    }
    let (mut left_out, mut right_out) = (Some(outputs), Some(right_out));
    ctx.join(
        || {
            if let Some(out) = left_out.take() {
                share_parts(ctx, left, left_in, out, mid, f);
            }
        },
        || {
            if let Some(out) = right_out.take() {
                share_parts(ctx, parts - left, right_in, out, len - mid, f);
            }
        },
    );
}

/// Runs `f(first, chunks, scratch)` over runs of whole chunks of `out` (a sample, a row, a channel: `chunk` floats
/// each), on as many threads as `ctx` has and as there are pieces of `per_thread` floats in `scratch`.
///
/// `first` is the index of the first chunk of the run; `f` must treat chunks independently.
#[inline(always)]
pub(crate) fn share_chunks(
    ctx: Context,
    out: &mut [f32],
    chunk: usize,
    scratch: &mut [f32],
    per_thread: usize,
    f: Chunks,
) {
    if ctx.threads() == 1 {
        return f(0, out, scratch);
    }
    let chunks = out.len().checked_div(chunk).unwrap_or(0);
    let parts = ctx.threads().min(chunks).min(scratch.len().checked_div(per_thread).unwrap_or(usize::MAX));
    chunk_parts(ctx, parts, 0, out, chunk, scratch, per_thread, f);
}

fn chunk_parts(
    ctx: Context,
    parts: usize,
    first: usize,
    out: &mut [f32],
    chunk: usize,
    scratch: &mut [f32],
    per_thread: usize,
    f: Chunks,
) {
    let chunks = out.len().checked_div(chunk).unwrap_or(0);
    if parts <= 1 {
        return f(first, out, scratch);
    }
    let left = parts / 2;
    let mid = chunks * left / parts;
    let (Some((a, b)), Some((sa, sb))) =
        (out.split_at_mut_checked(mid * chunk), scratch.split_at_mut_checked(left * per_thread))
    else {
        return; // cannot be: mid <= chunks, and scratch holds per_thread floats for each part
    };
    ctx.join(
        || chunk_parts(ctx, left, first, a, chunk, sa, per_thread, f),
        || chunk_parts(ctx, parts - left, first + mid, b, chunk, sb, per_thread, f),
    );
}
