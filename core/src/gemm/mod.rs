//! Matrix product, `c = activation([c +] a b + bias)`, for matrices of any layout.
//!
//! What has to be computed is three loops; their order and the fused multiply-add are the definition of the bits:
//!
//! ```text
//! for i in 0..m, j in 0..n:
//!     acc = c[i][j] or 0
//!     for p in 0..k:
//!         acc = fma(a[i][p], b[p][j], acc)
//!     c[i][j] = activation(acc + bias)
//! ```
//!
//! An element's chain cannot be cut over `k` into sums that are joined later, so speed has to come from working on many
//! elements at once. The real code (`vector/`) is five loops around a tile:
//!
//! ```text
//! for pc in blocks of KC over k:                    // chains pause: c holds them from block to block
//!     for ic in blocks of MC over m:                // MC x KC of a stay in the L2 cache
//!         for jr in panels of NR = NV * LANES columns:
//!             for ir in tiles of MR rows:
//!                 acc[MR][NV] = c or 0              // in registers
//!                 for p in block:                   // MR * NV independent chains advance by a step
//!                     b_row = NV vectors of b[p]
//!                     acc[r][..] = fma(splat(a[r][p]), b_row, acc[r][..])    for r in 0..MR
//!                 c = acc, in the last block activation(acc + bias)
//! ```
//!
//! What it adds, and why:
//!
//! - **Packing of `b` inside the first row tile.** That tile reads `b` from the matrix and leaves the rows of its panel
//!   side by side in scratch for the tiles below it; a separate pass would read everything twice. Few rows, or a `b`
//!   that fits in the L1 cache, are not worth it. A `b` stored by columns is packed first, transposed in registers.
//! - **`a` is read in place.** A tile broadcasts single elements, so any stride will do; only rows a multiple of 4 KB
//!   apart (they compete for the same cache sets) and, with short vectors, a transposed `a` are packed.
//! - **No padding.** There is a tile for each number of rows up to `MR` (small targets: for powers of two); the last
//!   two share evenly what would leave one of them too few chains. Columns that do not fill a vector are masked; and
//!   `k` is never rounded up, since `fma(0, 0, -0.0)` is not `-0.0`.
//! - **Prefetches.** Each tile asks for the next tile of `c`, the first row tile for the rows of `b` that it is about
//!   to read, and the second to fourth for the next panel of `b`, one line per step (not if rows of `b` are a multiple
//!   of 4 KB apart: the cache has no room for so many lines of the same sets).
//! - **Up to three rows** (one sample through a dense layer) are bound by the bandwidth at which `b` arrives:
//!   `vector/rows.rs` reads it in order, a few whole rows at a time. Up to seven rows have panels twice as wide on
//!   AVX-512. One row times a `b` stored by columns (the input gradient of a dense layer) transposes `b` in registers
//!   and uses it at once; the shuffles bound it, and of those vectors of 8 need fewer.
//! - **A `c` stored by columns** is computed as `c^T = b^T a^T`: the same chains.
//! - **Threads** get rectangles of `c`, and each packs for itself; `k` is never shared out.
//!
//! What it gives up: sums in several accumulators per element, which would be faster where there are few elements and
//! `k` is long (the bits would depend on their number), and a loop over blocks of columns for an L3 cache: each block
//! of rows reads all of `b`. Tile sizes are in `vector/mod.rs`, block sizes in `vector/table.rs`.

mod epilogue;
pub(crate) mod product;
pub(crate) mod scalar;
mod tiles;
pub(crate) mod vector;

pub use epilogue::{Bias, Epilogue};
pub(crate) use tiles::{All, Tiles, Uses, WIDTH};

use crate::error::{Result, check_at_least, check_len};
use crate::machine::target::MICROCONTROLLER;
use crate::{Context, Mat, MatMut, Update};
use product::{Product, Strided};

/// `c = activation([c +] a b + bias)`: the product of `a`, `[m, k]`, and `b`, `[k, n]`, into `c`, `[m, n]`.
///
/// Any of the three may be transposed ([`Mat::t`], [`MatMut::t`]), lie in a larger matrix or, `a` and `b`, repeat rows
/// or columns (strides of 0). Without inner products (`k == 0`) the sums are zero, or `c`; without rows or columns
/// nothing happens.
///
/// # Errors
///
/// [`Length`](crate::Error::Length) if the sizes of `a`, `b`, `c` and the bias disagree,
/// [`TooShort`](crate::Error::TooShort) if `scratch` is. Nothing has been written then.
///
/// # Scratch
///
/// [`gemm_scratch_len`]`(m, n, k)` floats; each further multiple lets one more thread take part.
///
/// # Numerics
///
/// For each element `acc = 0` (or `c`), then `acc = fma(a[i][p], b[p][j], acc)` for `p` ascending, then `acc + bias`,
/// then the activation. Every instruction set, thread count, layout and position gives these bits
/// ([`reference::gemm`](crate::reference::gemm::gemm)).
///
/// ```
/// use flatgrad_core::gemm::{Epilogue, gemm, gemm_scratch_len};
/// use flatgrad_core::{Context, Isa, Mat, MatMut, Update};
/// let a = [1.0, 2.0, 3.0, 4.0]; // [2, 2]
/// let b = [1.0, 0.0, -1.0, 0.0, 1.0, 1.0]; // [2, 3]
/// let (mut c, mut scratch) = ([0.0; 6], [0.0; gemm_scratch_len(2, 3, 2)]);
/// let ctx = Context::serial(Isa::detect());
/// let (a, b, out) = (Mat::new(&a, 2, 2)?, Mat::new(&b, 2, 3)?, MatMut::new(&mut c, 2, 3)?);
/// gemm(ctx, a, b, Update::Overwrite, Epilogue::NONE, out, &mut scratch)?;
/// assert_eq!(c, [1.0, 2.0, 1.0, 3.0, 4.0, 1.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn gemm(
    ctx: Context,
    a: Mat,
    b: Mat,
    update: Update,
    epilogue: Epilogue,
    c: MatMut,
    scratch: &mut [f32],
) -> Result {
    let (m, n, k) = (c.rows(), c.cols(), a.cols());
    check_len("rows of a", m, a.rows())?;
    check_len("rows of b", k, b.rows())?;
    check_len("columns of b", n, b.cols())?;
    epilogue.check(m, n)?;
    check_at_least("scratch", gemm_scratch_len(m, n, k), scratch.len())?;
    gemm_planned::<All>(ctx, a, b, update, epilogue, c, scratch);
    Ok(())
}

/// [`gemm`] of sizes that a plan has checked; with others it does nothing.
pub(crate) fn gemm_planned<U: Uses>(
    ctx: Context,
    a: Mat,
    b: Mat,
    update: Update,
    epilogue: Epilogue,
    mut c: MatMut,
    scratch: &mut [f32],
) {
    let (m, n, k) = (c.rows(), c.cols(), a.cols());
    let per_thread = gemm_scratch_len(m, n, k);
    let agree = a.rows() == m && b.rows() == k && b.cols() == n;
    // The kernels for microcontrollers look at the bias's length, and use scratch only where both operands lie across.
    let any = U::ANY_LAYOUT;
    let fits =
        (MICROCONTROLLER || epilogue.check(m, n).is_ok()) && (MICROCONTROLLER && !any || scratch.len() >= per_thread);
    if m == 0 || n == 0 || !agree || !fits {
        return;
    }
    // A view has unit stride along its rows or its columns. The loops want rows; `c^T = b^T a^T` gives them, with the
    // same chains. A single contiguous column is a row when transposed: one vector for `LANES` of its elements.
    let transposed = any && (c.col_stride() != 1 || (n == 1 && m > 1 && c.row_stride() == 1));
    let (m, n, a, b, epilogue) = if transposed { (n, m, b.t(), a.t(), epilogue.t()) } else { (m, n, a, b, epilogue) };
    let (a, mut b) = (Strided::new(a), Strided::new(b));
    if any && n == 1 {
        b.col = 1; // one column has no stride, and this one needs no packing
    }
    let c_row = if transposed { c.col_stride() } else { c.row_stride() };
    let accumulate = update == Update::Accumulate;
    let product = Product { m, n, k, a, b, c: c.as_mut_ptr(), c_row, accumulate, epilogue };
    match parts(ctx, m, n, k, scratch.len(), per_thread) {
        1 => one::<U>(ctx, &product, scratch),
        parts => share::<U>(ctx, parts, &product, scratch, per_thread),
    }
}

/// Floats of scratch that [`gemm`] needs for each thread: a panel of `b`, if both sides are long a block of `a`, and
/// what it takes to start at a cache line. It grows with the product up to 592 KB and a line, and is the same for the
/// transposed product.
///
/// ```
/// use flatgrad_core::gemm::gemm_scratch_len;
/// const LEN: usize = gemm_scratch_len(128, 10, 800);
/// assert_eq!(LEN, gemm_scratch_len(10, 128, 800));
/// assert_eq!(gemm_scratch_len(0, 10, 800), 0);
/// ```
pub const fn gemm_scratch_len(m: usize, n: usize, k: usize) -> usize {
    vector::scratch_len(m, n, k)
}

/// Multiply-adds below which a part is not worth a thread: some microseconds.
const GRAIN: usize = 1 << 19;

/// How many parts to share out: at most the threads, and what the work and the scratch are good for.
#[inline(always)]
fn parts(ctx: Context, m: usize, n: usize, k: usize, scratch: usize, per_thread: usize) -> usize {
    let threads = ctx.threads();
    if threads == 1 {
        return 1; // the divisions would take as long as a small product
    }
    let work = m.saturating_mul(n).saturating_mul(k) / GRAIN;
    threads.min(work).min(scratch.checked_div(per_thread).unwrap_or(usize::MAX)).max(1)
}

/// A part on the calling thread.
fn one<U: Uses>(ctx: Context, p: &Product, scratch: &mut [f32]) {
    // SAFETY: `gemm` made the product from views that outlive this call, the only one that writes these elements of c;
    // each part has been left `per_thread` floats, enough for the whole product and so for a part of it.
    unsafe {
        let scratch = scratch.as_mut_ptr();
        if MICROCONTROLLER { scalar::multiply::<U>(p, scratch) } else { vector::multiply(ctx.isa(), p, scratch) }
    }
}

/// Cuts `c` along its longer side until there are as many parts as asked for; never `k`.
fn share<U: Uses>(ctx: Context, parts: usize, p: &Product, scratch: &mut [f32], per_thread: usize) {
    if parts <= 1 {
        return one::<U>(ctx, p, scratch);
    }
    let left = parts / 2;
    let cut = |len: usize, unit: usize| (len.saturating_mul(left) / parts).next_multiple_of(unit).min(len);
    let (first, second) =
        if p.m > p.n { p.split_rows(cut(p.m, vector::ROW_CUT)) } else { p.split_cols(cut(p.n, vector::COL_CUT)) };
    let Some((mine, other)) = scratch.split_at_mut_checked(left * per_thread) else {
        return one::<U>(ctx, p, scratch); // cannot be: there is scratch for each part
    };
    ctx.join(
        || share::<U>(ctx, left, &first, mine, per_thread),
        || share::<U>(ctx, parts - left, &second, other, per_thread),
    );
}
