//! Sample after sample: in blocks, which the threads share, and whose losses are then added in order.

use super::LossReport;
use crate::error::{Result, check_len, checked_len};
use crate::machine::Context;
use crate::slice::{self, ChannelsMut};

/// Samples whose losses wait on the stack to be added in order.
const BLOCK: usize = 64;

/// One sample: `(its number, x, dx)` to its loss and the number of right predictions. `dx` is empty where no gradient
/// is wanted.
type Sample<'a> = dyn Fn(usize, &[f32], &mut [f32]) -> (f32, f32) + Sync + 'a;

/// Checks that `x` and `target` hold `n * features` elements.
pub(super) fn check([n, features]: [usize; 2], x: &[f32], target: &[f32]) -> Result {
    let len = checked_len("x", &[n, features])?;
    check_len("x", len, x.len())?;
    check_len("target", len, target.len())
}

/// Sample `i` of `[n, features]`.
#[inline(always)]
pub(super) fn row(x: &[f32], i: usize, features: usize) -> &[f32] {
    x.get(i * features..).and_then(|x| x.get(..features)).unwrap_or(&[])
}

/// Runs `sample` on the samples `x` `[n, features]`, writing to `dx` of the same shape, which may also be empty.
pub(super) fn run(
    ctx: Context,
    [n, features]: [usize; 2],
    x: &[f32],
    mut dx: &mut [f32],
    sample: &Sample,
) -> LossReport {
    let mut report = LossReport::default();
    if x.is_empty() {
        return report; // however many samples without features there are
    }
    if ctx.threads() == 1 {
        let mut dx = slice::chunks_mut(dx, features);
        for i in 0..n {
            let (loss, right) = sample(i, row(x, i, features), dx.next().unwrap_or_default());
            report.loss_sum += loss;
            report.correct += right as usize;
        }
        return report;
    }
    let width = if dx.is_empty() { 0 } else { features };
    let mut start = 0;
    while start < n {
        let count = BLOCK.min(n - start);
        let (head, tail) = core::mem::take(&mut dx).split_at_mut_checked(count * width).unwrap_or_default();
        dx = tail;
        let (mut loss, mut right) = ([0.0; BLOCK], [0.0; BLOCK]);
        // Samples stand where channels do: each has `width` elements of the gradient, one loss, one number.
        let outputs = [
            ChannelsMut::new(head, [1, count, width]),
            ChannelsMut::new(&mut loss, [1, count, 1]),
            ChannelsMut::new(&mut right, [1, count, 1]),
        ];
        slice::share_channels(ctx, count.saturating_mul(features), outputs, &|[mut dx, mut loss, mut right]| {
            let first = loss.first();
            for (i, (loss, right)) in loss.sample(0).iter_mut().zip(right.sample(0)).enumerate() {
                let at = start + first + i;
                (*loss, *right) = sample(at, row(x, at, features), dx.plane(0, i));
            }
        });
        for (loss, right) in loss.iter().zip(&right).take(count) {
            report.loss_sum += loss;
            report.correct += *right as usize;
        }
        start += count;
    }
    report
}
