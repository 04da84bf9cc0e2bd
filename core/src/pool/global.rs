//! Average over whole planes.

use crate::error::{Result, check_dim, check_len, checked_len};
use crate::machine::Context;
use crate::simd::dispatch;
use crate::slice;

/// `y[i, c] = sum of x[i, c, ..] / spatial`: data `[n, channels, spatial]` to `[n, channels]` (PyTorch's
/// `adaptive_avg_pool2d(x, 1)`; Lin, Chen and Yan, "Network In Network", 2013).
///
/// # Numerics
///
/// Each plane's sum in 16 virtual lanes ([`reference::math::sum`](crate::reference::math::sum)), then an IEEE division.
///
/// # Errors
///
/// [`Error::Dimension`](crate::Error::Dimension) if `spatial` is 0; [`Error::Length`](crate::Error::Length) unless `x`
/// holds `n * channels * spatial` elements and `y` holds `n * channels`; [`Error::Overflow`](crate::Error::Overflow) if
/// the product overflows.
///
/// ```
/// use flatgrad_core::{Context, Isa, pool::global_avg_pool};
/// let mut y = [0.0; 2];
/// global_avg_pool(Context::serial(Isa::detect()), [1, 2, 3], &[1.0, 2.0, 6.0, 0.0, -1.0, -2.0], &mut y)?;
/// assert_eq!(y, [3.0, -1.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn global_avg_pool(ctx: Context, [n, channels, spatial]: [usize; 3], x: &[f32], y: &mut [f32]) -> Result {
    let len = check([n, channels, spatial])?;
    check_len("x", len, x.len())?;
    check_len("y", n * channels, y.len())?;
    let count = spatial as f32;
    slice::share_chunks(slice::worth(ctx, len), y, 1, &mut [], 0, &|first, y, _| {
        let planes = slice::chunks(x.get(first * spatial..).unwrap_or(&[]), spatial);
        dispatch!(ctx.isa(), |s| for (x, y) in planes.zip(y) {
            let [sum] = slice::sum(
                s,
                [x],
                #[inline(always)]
                |[x]| [x],
            );
            *y = sum / count;
        })
    });
    Ok(())
}

/// `dx[i, c, ..] = dy[i, c] / spatial`: the gradient of [`global_avg_pool`]. `dx` is overwritten.
///
/// # Numerics
///
/// One IEEE division.
///
/// # Errors
///
/// [`Error::Dimension`](crate::Error::Dimension) if `spatial` is 0; [`Error::Length`](crate::Error::Length) unless `dx`
/// holds `n * channels * spatial` elements and `dy` holds `n * channels`; [`Error::Overflow`](crate::Error::Overflow)
/// if the product overflows.
///
/// ```
/// use flatgrad_core::{Context, Isa, pool::global_avg_pool_backward};
/// let mut dx = [0.0; 6];
/// global_avg_pool_backward(Context::serial(Isa::detect()), [1, 2, 3], &[6.0, -3.0], &mut dx)?;
/// assert_eq!(dx, [2.0, 2.0, 2.0, -1.0, -1.0, -1.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn global_avg_pool_backward(
    ctx: Context,
    [n, channels, spatial]: [usize; 3],
    dy: &[f32],
    dx: &mut [f32],
) -> Result {
    let len = check([n, channels, spatial])?;
    check_len("dy", n * channels, dy.len())?;
    check_len("dx", len, dx.len())?;
    let count = spatial as f32;
    slice::share_chunks(slice::worth(ctx, len), dx, spatial, &mut [], 0, &|first, dx, _| {
        let planes = slice::chunks_mut(dx, spatial);
        planes.zip(dy.get(first..).unwrap_or(&[])).for_each(|(dx, dy)| dx.fill(dy / count));
    });
    Ok(())
}

fn check([n, channels, spatial]: [usize; 3]) -> Result<usize> {
    check_dim(spatial > 0, "spatial", "at least 1", spatial)?;
    checked_len("x", &[n, channels, spatial])
}
