//! The bias gradient.

use super::Conv2d;
use crate::error::check_len;
use crate::simd::dispatch;
use crate::{Context, Result, Update, slice};

/// `db[oc] = sum over (n, oh, ow) of dy[n, oc, oh, ow]`.
///
/// `dy` is `[n, out_channels, out_h, out_w]`, `db` `[out_channels]`. The bias's part of PyTorch's `conv2d` backward.
///
/// # Errors
///
/// Those of [`Conv2d::check`]; [`Length`](crate::Error::Length) for a slice that does not fit the shape.
///
/// # Numerics
///
/// From 0 or from the stored value, for each sample in order, `db[oc] = db[oc] + sum(dy[n, oc])`; a plane is summed in
/// 16 virtual lanes (element `i` into lane `i mod 16`), joined by the tree 8, 4, 2, 1. Plain loops:
/// [`reference::conv::conv2d_backward_bias`](crate::reference::conv::conv2d_backward_bias).
///
/// ```
/// use flatgrad_core::{Context, Isa, Update, conv::*};
/// const CONV: Conv2d = Conv2d::new(2, [3, 1, 2], 1, [1, 1]);
/// let mut db = [10.0];
/// let dy = [1.0, 2.0, 3.0, 4.0];
/// conv2d_backward_bias(Context::serial(Isa::detect()), &CONV, &dy, Update::Accumulate, &mut db)?;
/// assert_eq!(db, [20.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn conv2d_backward_bias(ctx: Context, conv: &Conv2d, dy: &[f32], update: Update, db: &mut [f32]) -> Result {
    conv.check()?;
    check_len("dy", conv.output_len(), dy.len())?;
    check_len("db", conv.out_channels, db.len())?;
    conv2d_backward_bias_planned(ctx, [conv.n, conv.out_h() * conv.out_w()], dy, update, db);
    Ok(())
}

/// [`conv2d_backward_bias`] of `n` samples and lengths that a plan has checked.
pub(crate) fn conv2d_backward_bias_planned(
    ctx: Context,
    [n, plane]: [usize; 2],
    dy: &[f32],
    update: Update,
    db: &mut [f32],
) {
    let channels = db.len();
    slice::share_chunks(ctx, db, 1, &mut [], 0, &|first, db, _| {
        dispatch!(ctx.isa(), |s| {
            if update == Update::Overwrite {
                db.fill(0.0);
            }
            for n in 0..n {
                let planes = dy.get((n * channels + first) * plane..).unwrap_or_default();
                for (db, dy) in db.iter_mut().zip(slice::chunks(planes, plane)) {
                    let [sum] = slice::sum(
                        s,
                        [dy],
                        #[inline(always)]
                        |[dy]| [dy],
                    );
                    *db += sum;
                }
            }
        });
    });
}
