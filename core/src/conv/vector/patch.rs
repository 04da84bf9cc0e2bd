//! Copies into scratch: zero-padded input strips and repacked weights.

use crate::conv::strips::Plan;
use crate::conv::strips::{Axis, Line};
use crate::conv::ways::All;
use crate::scalar::nonzero;
use crate::simd::Simd;
use crate::slice;

/// `out[i] = row[line.at(i)]`, zero where there is no such element; `row` of `None` is a row of zeros.
#[inline(always)]
pub(in crate::conv) fn fill_line<S: Simd>(s: S, row: Option<&[f32]>, line: Line, out: &mut [f32]) {
    let (from, until) = line.inside(out.len());
    let source = row.and_then(|row| row.get(line.at(from)?..)).filter(|_| from < until);
    let Some(source) = source else { return zero(s, out) };
    let Some((before, rest)) = out.split_at_mut_checked(from) else { return };
    let Some((live, after)) = rest.split_at_mut_checked(until - from) else { return };
    zero(s, before);
    zero(s, after);
    copy_line(s, source, line.step, live);
}

/// `out[i] = from[i * step]`
#[inline(always)]
fn copy_line<S: Simd>(s: S, from: &[f32], step: usize, out: &mut [f32]) {
    match step {
        1 => slice::map(
            s,
            [from],
            out,
            #[inline(always)]
            |[x]| x,
        ),
        2 => slice::every_other(s, from, out),
        step => out.iter_mut().zip(from.iter().step_by(nonzero(step))).for_each(|(out, x)| *out = *x),
    }
}

#[inline(always)]
fn zero<S: Simd>(s: S, out: &mut [f32]) {
    slice::map(
        s,
        [],
        out,
        #[inline(always)]
        |[]| s.splat(0.0),
    );
}

/// Copies what the strip of outputs from `(first_row, first_col)` reads of the planes `[channels, h, w]` of `x`.
///
/// Borders are zeroed by zeroing everything: a few long runs of stores, instead of some short ones for each row.
#[inline(always)]
pub(super) fn fill_patch<S: Simd>(
    s: S,
    plan: &Plan,
    [row, col]: [&Axis; 2],
    [first_row, first_col]: [usize; 2],
    x: &[f32],
    [h, w]: [usize; 2],
    patch: &mut [f32],
) {
    let (rows, cols) = (&plan.row_cover, &plan.col_cover);
    if plan.plane::<All>() == 0 {
        return; // no taps, nothing is read
    }
    if h * w == 0 {
        return zero(s, patch);
    }
    let down = |g: usize| row.line::<All>(rows, first_row, g);
    let across = |g: usize| col.line::<All>(cols, first_col, g);
    let whole = (0..rows.groups::<All>()).all(|g| down(g).inside(rows.pitch) == (0, rows.pitch))
        && (0..cols.groups::<All>()).all(|g| across(g).inside(cols.pitch) == (0, cols.pitch));
    if !whole {
        zero(s, patch.get_mut(..x.len() / nonzero(h * w) * plan.plane::<All>()).unwrap_or_default());
    }
    for g in 0..cols.groups::<All>() {
        let line = across(g);
        let (left, right) = line.inside(cols.pitch);
        for gr in 0..rows.groups::<All>() {
            let down = down(gr);
            let (top, bottom) = down.inside(rows.pitch);
            let (Some(at_row), Some(at_col)) = (down.at(top), line.at(left)) else { continue };
            let size = [bottom.saturating_sub(top), right.saturating_sub(left)];
            let from = at_row * w + at_col;
            let to = (gr * rows.pitch + top) * cols.len::<All>() + g * cols.pitch + left;
            for (plane, patch) in
                x.chunks_exact(nonzero(h * w)).zip(patch.chunks_exact_mut(nonzero(plan.plane::<All>())))
            {
                let (Some(plane), Some(patch)) = (plane.get(from..), patch.get_mut(to..)) else { return };
                copy_rows(s, size, plane, [down.step.saturating_mul(w), line.step], patch, cols.len::<All>());
            }
        }
    }
}

/// `to[r * to_row + i] = from[r * from_row + i * step]` for `i` in `0..len` and `r` in `0..rows`.
#[inline(always)]
fn copy_rows<S: Simd>(
    s: S,
    [rows, len]: [usize; 2],
    from: &[f32],
    [from_row, step]: [usize; 2],
    to: &mut [f32],
    to_row: usize,
) {
    if rows == 0 || len == 0 {
        return;
    }
    let (rows, len) = if step == 1 && len == from_row && len == to_row { (1, rows * len) } else { (rows, len) };
    let (mut from, mut to) = (from, to);
    for left in (0..rows).rev() {
        let Some(live) = to.get_mut(..len) else { return };
        copy_line(s, from, step, live);
        if left > 0 {
            from = from.get(from_row..).unwrap_or_default();
            to = core::mem::take(&mut to).get_mut(to_row..).unwrap_or_default();
        }
    }
}
