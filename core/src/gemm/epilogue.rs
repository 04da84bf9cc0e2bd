//! What happens to a finished sum on its way to memory: bias, then activation.

use crate::Fused;
use crate::error::{Result, check_len};
use crate::simd::Simd;

/// Applied once to every element after its last product: `activation(acc + bias)`.
///
/// ```
/// use flatgrad_core::{Fused, gemm::{Bias, Epilogue}};
/// let relu = Epilogue { activation: Fused::Relu, ..Epilogue::NONE };
/// let bias = Epilogue { bias: Bias::PerCol(&[0.5, -0.5]), ..relu };
/// assert_ne!(relu, bias);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Epilogue<'a> {
    /// Added to the finished sum.
    pub bias: Bias<'a>,
    /// Applied last.
    pub activation: Fused,
}

/// A vector that is added to the rows or the columns of a product.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Bias<'a> {
    /// Nothing is added (not even a zero).
    #[default]
    None,
    /// `bias[i]` is added to every element of row `i` (a convolution: one row per output channel).
    PerRow(&'a [f32]),
    /// `bias[j]` is added to every element of column `j` (a dense layer: one column per output).
    PerCol(&'a [f32]),
}

/// Everything from `first` on.
const fn skip(x: &[f32], first: usize) -> &[f32] {
    match x.split_at_checked(first) {
        Some((_, rest)) => rest,
        None => &[],
    }
}

impl<'a> Epilogue<'a> {
    /// The sum is stored as it is.
    pub const NONE: Epilogue<'static> = Epilogue { bias: Bias::None, activation: Fused::None };

    pub(super) const fn check(&self, m: usize, n: usize) -> Result {
        match self.bias {
            Bias::None => Ok(()),
            Bias::PerRow(b) => check_len("bias per row", m, b.len()),
            Bias::PerCol(b) => check_len("bias per column", n, b.len()),
        }
    }

    /// The same for the transposed product.
    pub(super) const fn t(self) -> Self {
        let bias = match self.bias {
            Bias::None => Bias::None,
            Bias::PerRow(b) => Bias::PerCol(b),
            Bias::PerCol(b) => Bias::PerRow(b),
        };
        Self { bias, ..self }
    }

    /// The same for the part of the product that starts at `(row, col)`.
    #[inline(always)]
    pub(crate) const fn at(self, row: usize, col: usize) -> Self {
        let bias = match self.bias {
            Bias::None => Bias::None,
            Bias::PerRow(b) => Bias::PerRow(skip(b, row)),
            Bias::PerCol(b) => Bias::PerCol(skip(b, col)),
        };
        Self { bias, ..self }
    }

    /// Applies it to a register tile whose first element is `(0, 0)`; with `TAIL`, `tail` selects the columns of the
    /// last vector.
    ///
    /// # Safety
    ///
    /// The bias must reach over all `MR` rows, or over all columns of the tile.
    #[inline(always)]
    pub(crate) unsafe fn apply<S: Simd, const MR: usize, const NV: usize, const TAIL: bool>(
        &self,
        s: S,
        tail: S::Tail,
        acc: &mut [[S::V; NV]; MR],
    ) {
        match self.bias {
            Bias::None => {}
            Bias::PerRow(bias) => {
                for i in 0..MR {
                    // SAFETY: the caller grants MR elements.
                    let b = s.splat(unsafe { *bias.as_ptr().add(i) });
                    for j in 0..NV {
                        acc[i][j] = s.add(acc[i][j], b);
                    }
                }
            }
            Bias::PerCol(bias) => {
                for j in 0..NV {
                    // SAFETY: the caller grants the tile's columns; the tail selects those of the last vector.
                    let b = unsafe {
                        let p = bias.as_ptr().add(j * S::LANES);
                        if TAIL && j == NV - 1 { s.load_tail(p, tail) } else { s.load(p) }
                    };
                    for i in 0..MR {
                        acc[i][j] = s.add(acc[i][j], b);
                    }
                }
            }
        }
        if self.activation == Fused::Relu {
            for i in 0..MR {
                for j in 0..NV {
                    acc[i][j] = s.max(s.splat(0.0), acc[i][j]);
                }
            }
        }
    }
}
