//! Dropout: each element is zeroed with a probability, and somewhere something is scaled so that the expectation stays.
//!
//! Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 2014. Unless
//! told otherwise it is the inverted form of PyTorch's `nn.Dropout` (scaling in training, nothing at inference);
//! [`Form`] names the others.

mod infer;

pub use infer::{dropout_infer, dropout_infer_in_place, scale_weights};

use crate::error::{Result, check_len, check_param};
use crate::machine::Context;
use crate::rng::Stream;
use crate::simd::{Simd, dispatch};
use crate::slice::share_chunks;

/// How much is dropped; made from either probability, because both are in use and easily confused.
///
/// ```
/// use flatgrad_core::dropout::Dropout;
/// assert_eq!(Dropout::drop(0.25)?.scale(), Dropout::keep(0.75)?.scale());
/// assert!(Dropout::drop(1.5).is_err());
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    threshold: u64,
    scale: f32,
    keep: f32,
    form: Form,
}

/// Where the expectation is restored, with `keep` the probability to keep. The three agree in expectation for the
/// linear layer that follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// In training: kept elements are multiplied by `1 / keep`, and inference changes nothing. PyTorch's form.
    #[default]
    Inverted,
    /// At inference: activations are multiplied by `keep` ([`dropout_infer`]; Krizhevsky, Sutskever and Hinton, 2012).
    ScaleActivations,
    /// Before inference, once: the weights of the layer that follows are multiplied by `keep` ([`scale_weights`];
    /// Srivastava et al., 2014).
    ScaleWeights,
}

/// Which random words decide: element `i` of a call is decided by element `first + i` of `stream`.
///
/// No mask is stored: the backward pass names the same one again. `first` makes a batch the same as its samples one by
/// one: 32 samples of `d` elements in one call, or one call a sample with `first` advanced by `d`, drop the same
/// elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DropoutMask {
    /// Seed, layer and training step.
    pub stream: Stream,
    /// The stream's element that decides about the first element of the slice.
    pub first: u64,
}

impl Dropout {
    /// Drops each element with probability `p`, PyTorch's `p`.
    ///
    /// # Errors
    ///
    /// [`Parameter`](crate::Error::Parameter) unless `0 <= p <= 1`.
    pub const fn drop(p: f32) -> Result<Self> {
        match check_param(p >= 0.0 && p <= 1.0, "dropout probability", "from 0 to 1", p) {
            Ok(()) => Ok(Self::new(p as f64, 1.0 - p as f64)),
            Err(e) => Err(e),
        }
    }

    /// Keeps each element with probability `p`, the rate of the original papers.
    ///
    /// # Errors
    ///
    /// As [`Dropout::drop`].
    pub const fn keep(p: f32) -> Result<Self> {
        match check_param(p >= 0.0 && p <= 1.0, "keep probability", "from 0 to 1", p) {
            Ok(()) => Ok(Self::new(1.0 - p as f64, p as f64)),
            Err(e) => Err(e),
        }
    }

    const fn new(drop: f64, keep: f64) -> Self {
        // Multiplying by 2^31 is exact; the cast rounds down. drop == 1 gives 2^32, which no word reaches.
        let threshold = 2 * (drop * 2_147_483_648.0) as u64;
        let scale = if keep > 0.0 { (1.0 / keep) as f32 } else { 0.0 };
        Self { threshold, scale, keep: keep as f32, form: Form::Inverted }
    }

    /// The same probability in another form.
    ///
    /// ```
    /// use flatgrad_core::dropout::{Dropout, Form};
    /// let half = Dropout::drop(0.5)?;
    /// assert_eq!((half.scale(), half.form(Form::ScaleWeights).scale()), (2.0, 1.0));
    /// # Ok::<(), flatgrad_core::Error>(())
    /// ```
    pub const fn form(self, form: Form) -> Self {
        Self { form, ..self }
    }

    /// Elements whose word is below this are dropped: the probability times 2^32, rounded down
    /// to an even number; from 0 to 2^32.
    pub const fn threshold(&self) -> u64 {
        self.threshold
    }

    /// What kept elements are multiplied by in training: in the inverted form one over the probability to keep (0 if
    /// nothing is kept), else 1.
    pub const fn scale(&self) -> f32 {
        match self.form {
            Form::Inverted => self.scale,
            Form::ScaleActivations | Form::ScaleWeights => 1.0,
        }
    }

    /// What activations are multiplied by at inference: the probability to keep, or 1.
    pub const fn infer_scale(&self) -> f32 {
        if matches!(self.form, Form::ScaleActivations) { self.keep } else { 1.0 }
    }

    /// What the weights of the layer that follows are multiplied by before inference: the probability to keep, or 1.
    pub const fn weight_scale(&self) -> f32 {
        if matches!(self.form, Form::ScaleWeights) { self.keep } else { 1.0 }
    }
}

/// `y[i] = scale * x[i]` where the mask keeps element `i`, else `+0.0`. Any equal lengths.
///
/// The backward pass is the same call with `dy` in and `dx` out. `p = 0` copies, `p = 1` gives zeros; what is dropped
/// is 0 even where `x` is not finite (PyTorch multiplies by 0 and gives NaN there).
///
/// # Errors
///
/// [`Length`](crate::Error::Length) unless `x` and `y` are equally long.
///
/// # Numerics
///
/// Element `i` is dropped where the 32-bit word of element `first + i` of the stream is below the threshold. `p` is the
/// probability to drop and `keep` that to keep: one is given in `f32`, the other is 1 minus it in `f64`. The threshold
/// ([`Dropout::threshold`]) is `2 * floor(p * 2^31)`. `scale` ([`Dropout::scale`]) is `1 / keep` computed in `f64` and
/// rounded to `f32` once; in the other forms it is 1. The multiplication is one in `f32`.
///
/// ```
/// use flatgrad_core::dropout::{Dropout, DropoutMask, dropout};
/// use flatgrad_core::{Context, Isa, rng::Stream};
/// let ctx = Context::serial(Isa::detect());
/// let mask = DropoutMask { stream: Stream { seed: 1, stream: 0, step: 9 }, first: 0 };
/// let (x, mut y) = ([1.0; 1000], [0.0; 1000]);
/// dropout(ctx, Dropout::drop(0.5)?, mask, &x, &mut y)?;
/// let kept = y.iter().filter(|y| **y == 2.0).count();
/// assert!((400..600).contains(&kept));
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn dropout(ctx: Context, dropout: Dropout, mask: DropoutMask, x: &[f32], y: &mut [f32]) -> Result {
    check_len("y", x.len(), y.len())?;
    share_out(ctx, y, &|start, y| {
        // In pieces that stay in the first cache level.
        let x = x.get(start..).unwrap_or_default().chunks(PIECE);
        for ((piece, x), y) in (0..).zip(x).zip(y.chunks_mut(PIECE)) {
            y.iter_mut().zip(x).for_each(|(y, x)| *y = *x);
            apply(ctx, dropout, mask, start + piece * PIECE, y);
        }
    });
    Ok(())
}

/// [`dropout`] in place.
///
/// # Errors
///
/// None: any length is legal. The result is there because every kernel has one.
///
/// # Numerics
///
/// As [`dropout`].
///
/// ```
/// use flatgrad_core::dropout::{Dropout, DropoutMask, dropout_in_place};
/// use flatgrad_core::{Context, Isa, rng::Stream};
/// let mask = DropoutMask { stream: Stream { seed: 1, stream: 0, step: 9 }, first: 0 };
/// let mut x = [1.0; 1000];
/// dropout_in_place(Context::serial(Isa::detect()), Dropout::drop(0.75)?, mask, &mut x)?;
/// assert!(x.iter().all(|x| *x == 0.0 || *x == 4.0));
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn dropout_in_place(ctx: Context, dropout: Dropout, mask: DropoutMask, x: &mut [f32]) -> Result {
    share_out(ctx, x, &|start, x| apply(ctx, dropout, mask, start, x));
    Ok(())
}

/// A threshold above every word.
const ALL: u64 = 1 << 32;
const PIECE: usize = 1024;
/// Below this many elements a part is not worth a thread.
const GRAIN: usize = 16 * PIECE;

/// Runs `f(index of the first element, part)` on parts of `out`, on as many threads as there are.
fn share_out(ctx: Context, out: &mut [f32], f: &(dyn Fn(usize, &mut [f32]) + Sync)) {
    share_chunks(ctx, out, GRAIN, &mut [], 0, &|first, part, _| f(first * GRAIN, part));
}

fn apply(ctx: Context, dropout: Dropout, mask: DropoutMask, start: usize, x: &mut [f32]) {
    let (threshold, scale) = (dropout.threshold(), dropout.scale());
    let first = mask.first.wrapping_add(start as u64);
    match threshold {
        0 => {}
        ALL => x.fill(0.0),
        _ => dispatch!(ctx.isa(), |s| {
            let (scale, ones) = (s.splat(scale), s.splat_bits(u32::MAX));
            // The threshold is even, so half of the word decides; the difference of two halves has its sign in bit 31.
            let half = s.splat_bits(((threshold / 2) as u32).wrapping_neg());
            mask.stream.update(
                s,
                first,
                x,
                #[inline(always)]
                |word, x| {
                    let below = s.shr_bits::<31>(s.add_bits(s.shr_bits::<1>(word), half));
                    s.and(s.mul(scale, x), s.add_bits(below, ones))
                },
            )
        }),
    }
}
