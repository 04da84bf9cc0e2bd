//! Copies into scratch: zero-padded input strips and repacked weights.

use super::axis::{Axis, Line};
use super::plan::Plan;
use super::shape::nonzero;
use crate::simd::Simd;

/// `out[i] = row[line.at(i)]`, zero where there is no such element; `row` of `None` is a row of zeros.
#[inline(always)]
pub(super) fn fill_line<S: Simd>(s: S, row: Option<&[f32]>, line: Line, out: &mut [f32]) {
    let (from, until) = line.inside(out.len());
    let source = row.and_then(|row| row.get(line.at(from)?..)).filter(|_| from < until);
    let Some(source) = source else { return zero(s, out) };
    let Some((before, rest)) = out.split_at_mut_checked(from) else { return };
    let Some((live, after)) = rest.split_at_mut_checked(until - from) else { return };
    zero(s, before);
    zero(s, after);
    if line.step == 1 {
        crate::slice::map(
            s,
            [source],
            live,
            #[inline(always)]
            |[x]| x,
        );
    } else {
        live.iter_mut().zip(source.iter().step_by(nonzero(line.step))).for_each(|(out, x)| *out = *x);
    }
}

#[inline(always)]
fn zero<S: Simd>(s: S, out: &mut [f32]) {
    crate::slice::map(
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
    let (pitch, width) = (nonzero(plan.row_cover.pitch), plan.col_cover.len());
    if plan.plane() == 0 {
        return; // no taps, nothing is read
    }
    if h * w == 0 {
        return zero(s, patch);
    }
    for (plane, patch) in x.chunks_exact(nonzero(h * w)).zip(patch.chunks_exact_mut(nonzero(plan.plane()))) {
        for (r, out) in patch.chunks_exact_mut(nonzero(width)).enumerate() {
            let line = row.line(&plan.row_cover, first_row, r / pitch);
            let image = line.at(r % pitch).and_then(|at| plane.get(at * w..)?.get(..w));
            for (g, out) in out.chunks_exact_mut(nonzero(plan.col_cover.pitch)).enumerate() {
                fill_line(s, image, col.line(&plan.col_cover, first_col, g), out);
            }
        }
    }
}
