//! Fully connected layers: `y = activation(x w + bias)` and the gradients.
//!
//! The weight is `[inputs, outputs]` (the transpose of PyTorch's `Linear.weight`): with one sample the product then
//! reads it in order and fills vectors across the outputs, whose chains may not be split.

use crate::error::{Result, check_len, check_product};
use crate::gemm::{Bias, Epilogue, Uses, gemm, gemm_planned, gemm_scratch_len};
use crate::simd::{Simd, dispatch};
use crate::{Context, Fused, Mat, MatMut, Update, slice};

/// The shape of a fully connected layer.
///
/// ```
/// use flatgrad_core::dense::Dense;
/// let d = Dense::new(32, 784, 10);
/// assert_eq!((d.n, d.inputs, d.outputs), (32, 784, 10));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dense {
    /// Samples.
    pub n: usize,
    /// Inputs per sample.
    pub inputs: usize,
    /// Outputs per sample.
    pub outputs: usize,
}

impl Dense {
    /// `n` samples of `inputs` numbers become `outputs` numbers each.
    pub const fn new(n: usize, inputs: usize, outputs: usize) -> Self {
        Self { n, inputs, outputs }
    }

    const fn x(&self) -> [usize; 2] {
        [self.n, self.inputs]
    }
    const fn y(&self) -> [usize; 2] {
        [self.n, self.outputs]
    }
    const fn weight(&self) -> [usize; 2] {
        [self.inputs, self.outputs]
    }
}

/// Floats of scratch that each pass of the layer needs for each thread.
///
/// ```
/// use flatgrad_core::dense::{Dense, dense_scratch_len};
/// static SCRATCH: [f32; dense_scratch_len(&Dense::new(4, 64, 10))] = [0.0; _];
/// ```
pub const fn dense_scratch_len(d: &Dense) -> usize {
    // The passes have the same three sizes in three roles.
    let lens = [
        gemm_scratch_len(d.n, d.outputs, d.inputs),
        gemm_scratch_len(d.n, d.inputs, d.outputs),
        gemm_scratch_len(d.inputs, d.outputs, d.n),
    ];
    let longer = if lens[0] > lens[1] { lens[0] } else { lens[1] };
    if longer > lens[2] { longer } else { lens[2] }
}

/// `y = activation(x weight + bias)`: `x` is `[n, inputs]`, `weight` `[inputs, outputs]`, `bias` `[outputs]`, `y`
/// `[n, outputs]`. PyTorch's `Linear` with a transposed weight.
///
/// # Errors
///
/// [`Length`](crate::Error::Length) or [`TooShort`](crate::Error::TooShort) if a slice does not have the shape's
/// length, [`Overflow`](crate::Error::Overflow) if that is not a number. Nothing has been written then.
///
/// # Scratch
///
/// [`dense_scratch_len`] floats; each further multiple lets one more thread take part.
///
/// # Numerics
///
/// `acc = 0`, `acc = fma(x[s][i], weight[i][o], acc)` for `i` ascending, then `acc + bias[o]`, then the activation.
///
/// ```
/// use flatgrad_core::dense::{Dense, dense, dense_scratch_len};
/// use flatgrad_core::{Fused, Context, Isa};
/// const D: Dense = Dense::new(1, 2, 3);
/// let (x, weight, bias) = ([1.0, 2.0], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [0.5, 0.5, -20.0]);
/// let (mut y, mut scratch) = ([0.0; 3], [0.0; dense_scratch_len(&D)]);
/// dense(Context::serial(Isa::detect()), &D, &x, &weight, Some(&bias), Fused::Relu, &mut y, &mut scratch)?;
/// assert_eq!(y, [9.5, 12.5, 0.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn dense(
    ctx: Context,
    d: &Dense,
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    activation: Fused,
    y: &mut [f32],
    scratch: &mut [f32],
) -> Result {
    let (x, weight) = (Mat::exactly("x", x, d.x())?, Mat::exactly("weight", weight, d.weight())?);
    let y = MatMut::exactly("y", y, d.y())?;
    let epilogue = Epilogue { bias: bias.map_or(Bias::None, Bias::PerCol), activation };
    gemm(ctx, x, weight, Update::Overwrite, epilogue, y, scratch)
}

/// The gradient of the input, `dx = dy weight^T`: `dy` is `[n, outputs]`, `dx` `[n, inputs]`.
///
/// `dy` is the gradient before the activation: pass it through
/// [`activate_backward`](crate::activation::activate_backward) first if the layer had one.
///
/// # Errors
///
/// As [`dense`].
///
/// # Scratch
///
/// As [`dense`].
///
/// # Numerics
///
/// `acc = 0`, `acc = fma(dy[s][o], weight[i][o], acc)` for `o` ascending.
///
/// ```
/// use flatgrad_core::dense::{Dense, dense_backward_input, dense_scratch_len};
/// use flatgrad_core::{Context, Isa};
/// const D: Dense = Dense::new(1, 2, 3);
/// let (dy, weight) = ([1.0, 0.0, -1.0], [1.0, 2.0, 3.0, 4.0, 5.0, 7.0]);
/// let (mut dx, mut scratch) = ([0.0; 2], [0.0; dense_scratch_len(&D)]);
/// dense_backward_input(Context::serial(Isa::detect()), &D, &dy, &weight, &mut dx, &mut scratch)?;
/// assert_eq!(dx, [-2.0, -3.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn dense_backward_input(
    ctx: Context,
    d: &Dense,
    dy: &[f32],
    weight: &[f32],
    dx: &mut [f32],
    scratch: &mut [f32],
) -> Result {
    let (dy, weight) = (Mat::exactly("dy", dy, d.y())?, Mat::exactly("weight", weight, d.weight())?);
    let dx = MatMut::exactly("dx", dx, d.x())?;
    gemm(ctx, dy, weight.t(), Update::Overwrite, Epilogue::NONE, dx, scratch)
}

/// The gradient of the weight, `dw = [dw +] x^T dy`: `x` is `[n, inputs]`, `dy` `[n, outputs]`, `dw`
/// `[inputs, outputs]`.
///
/// # Errors
///
/// As [`dense`].
///
/// # Scratch
///
/// As [`dense`].
///
/// # Numerics
///
/// `acc = 0` (or `dw`), `acc = fma(x[s][i], dy[s][o], acc)` for the samples `s` ascending: accumulating over several
/// batches gives the bits of one large batch.
///
/// ```
/// use flatgrad_core::dense::{Dense, dense_backward_weight, dense_scratch_len};
/// use flatgrad_core::{Context, Isa, Update};
/// const D: Dense = Dense::new(2, 1, 2);
/// let (x, dy) = ([1.0, 2.0], [1.0, 0.5, -1.0, 0.0]);
/// let (mut dw, mut scratch) = ([10.0, 10.0], [0.0; dense_scratch_len(&D)]);
/// let ctx = Context::serial(Isa::detect());
/// dense_backward_weight(ctx, &D, &x, &dy, Update::Accumulate, &mut dw, &mut scratch)?;
/// assert_eq!(dw, [9.0, 10.5]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn dense_backward_weight(
    ctx: Context,
    d: &Dense,
    x: &[f32],
    dy: &[f32],
    update: Update,
    dw: &mut [f32],
    scratch: &mut [f32],
) -> Result {
    let (x, dy) = (Mat::exactly("x", x, d.x())?, Mat::exactly("dy", dy, d.y())?);
    let dw = MatMut::exactly("dw", dw, d.weight())?;
    gemm(ctx, x.t(), dy, update, Epilogue::NONE, dw, scratch)
}

/// The gradient of the bias, `db[o] = [db[o] +] sum of dy[s][o]`: `dy` is `[n, outputs]`, `db` `[outputs]`.
///
/// # Errors
///
/// As [`dense`].
///
/// # Numerics
///
/// `acc = 0` (or `db`), `acc = acc + dy[s][o]` for the samples `s` ascending.
///
/// ```
/// use flatgrad_core::dense::{Dense, dense_backward_bias};
/// use flatgrad_core::{Context, Isa, Update};
/// let (dy, mut db) = ([1.0, 0.5, -1.0, 0.25], [f32::NAN; 2]);
/// let ctx = Context::serial(Isa::detect());
/// dense_backward_bias(ctx, &Dense::new(2, 1, 2), &dy, Update::Overwrite, &mut db)?;
/// assert_eq!(db, [0.0, 0.75]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn dense_backward_bias(ctx: Context, d: &Dense, dy: &[f32], update: Update, db: &mut [f32]) -> Result {
    check_product("dy", d.y(), dy.len())?;
    check_len("db", d.outputs, db.len())?;
    dense_backward_bias_planned(ctx, dy, update, db);
    Ok(())
}

/// [`dense_backward_bias`] of lengths that a plan has checked.
pub(crate) fn dense_backward_bias_planned(ctx: Context, dy: &[f32], update: Update, db: &mut [f32]) {
    if update == Update::Overwrite {
        db.fill(0.0);
    }
    let outputs = db.len();
    dispatch!(ctx.isa(), |s| for row in slice::chunks(dy, outputs) {
        slice::update(
            s,
            [row],
            [&mut *db],
            #[inline(always)]
            |[dy], [db]| [s.add(db, dy)],
        )
    });
}

/// Which product of a dense layer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Product {
    /// [`dense`]: of `x` and the weight.
    Forward,
    /// [`dense_backward_input`]: of `dy` and the weight.
    Input,
    /// [`dense_backward_weight`]: of `x` and `dy`.
    Weight,
}

/// A product of a shape and lengths that a plan has checked; with others it does nothing.
pub(crate) fn dense_planned<U: Uses>(
    ctx: Context,
    d: &Dense,
    product: Product,
    [a, b]: [&[f32]; 2],
    update: Update,
    epilogue: Epilogue,
    c: &mut [f32],
    scratch: &mut [f32],
) {
    let (x, y, weight) = (d.x(), d.y(), d.weight());
    let [a_dims, b_dims, c_dims] = match product {
        Product::Forward => [x, weight, y],
        Product::Input => [y, weight, x],
        Product::Weight => [x, y, weight],
    };
    let (Some(a), Some(b), Some(c)) = (Mat::fitting(a, a_dims), Mat::fitting(b, b_dims), MatMut::fitting(c, c_dims))
    else {
        return;
    };
    let (a, b) =
        (if product == Product::Weight { a.t() } else { a }, if product == Product::Input { b.t() } else { b });
    gemm_planned::<U>(ctx, a, b, update, epilogue, c, scratch);
}
