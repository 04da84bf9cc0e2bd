//! Copies into scratch: zero-padded input strips and repacked weights.

use super::axis::{Axis, Line};
use super::plan::Plan;
use super::shape::nonzero;
use crate::simd::Simd;
use crate::slice;

/// `out[i] = row[line.at(i)]`, zero where there is no such element; `row` of `None` is a row of zeros.
#[inline(always)]
pub(super) fn fill_line<S: Simd>(s: S, row: Option<&[f32]>, line: Line, out: &mut [f32]) {
    fill_inside(s, row, line, line.inside(out.len()), out);
}

/// [`fill_line`] when the range of elements that exist is known: finding it takes two divisions.
#[inline(always)]
fn fill_inside<S: Simd>(s: S, row: Option<&[f32]>, line: Line, (from, until): (usize, usize), out: &mut [f32]) {
    let source = row.and_then(|row| row.get(line.at(from)?..)).filter(|_| from < until);
    let Some(source) = source else { return zero(s, out) };
    let Some((before, rest)) = out.split_at_mut_checked(from) else { return };
    let Some((live, after)) = rest.split_at_mut_checked(until - from) else { return };
    zero(s, before);
    zero(s, after);
    match line.step {
        1 => slice::map(
            s,
            [source],
            live,
            #[inline(always)]
            |[x]| x,
        ),
        // The constant makes it a shuffle.
        2 => live.iter_mut().zip(source.iter().step_by(2)).for_each(|(out, x)| *out = *x),
        step => live.iter_mut().zip(source.iter().step_by(nonzero(step))).for_each(|(out, x)| *out = *x),
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
    if plan.plane() == 0 {
        return; // no taps, nothing is read
    }
    if h * w == 0 {
        return zero(s, patch);
    }
    for g in 0..cols.groups {
        let line = col.line(cols, first_col, g);
        let inside = line.inside(cols.pitch);
        for (plane, patch) in x.chunks_exact(nonzero(h * w)).zip(patch.chunks_exact_mut(nonzero(plan.plane()))) {
            for (gr, patch) in patch.chunks_exact_mut(nonzero(rows.pitch * cols.len())).enumerate() {
                let down = row.line(rows, first_row, gr);
                for (r, out) in patch.chunks_exact_mut(nonzero(cols.len())).enumerate() {
                    let image = down.at(r).and_then(|at| plane.get(at * w..)?.get(..w));
                    let Some(out) = out.get_mut(g * cols.pitch..(g + 1) * cols.pitch) else { return };
                    fill_inside(s, image, line, inside, out);
                }
            }
        }
    }
}
