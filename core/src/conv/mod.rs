//! Convolution in two dimensions, and in one ([`Conv2d::new_1d`]): forward, and the gradients of input, weight and
//! bias, for any kernel, stride, padding, dilation and groups.
//!
//! There is no column buffer. A strip of the zero-padded input is copied to scratch (by remainder of the column by the
//! stride, so that the pixels of neighbouring outputs are neighbours) and a table of offsets says where each tap lies
//! in it; borders, strides and dilations end there, and the inner loops are those of a matrix product with an operand
//! that is never unfolded. The input gradient is the same correlation of `dy` with the weight, once for each remainder
//! of the position by the stride. A 1x1 kernel sees each image as one long row. The explicit [`im2col`] and [`col2im`]
//! are for those who want the matrix.
//!
//! Scratch holds the repacked weights and a strip of bounded size: it does not grow with the image.
//!
//! Bits: chains of fused multiply-adds in the order that each function names, and `+ 0.0` at the end of each, so that
//! reading a tap outside the image as zero, or not at all, is the same.
//!
//! ```
//! use flatgrad_core::{Fused, Context, Isa, conv::*};
//! const CONV: Conv2d = Conv2d::new(1, [1, 3, 3], 1, [3, 3]).padding([1, 1]);
//! let (x, weight) = ([1.0; 9], [1.0; 9]);
//! let (mut y, mut scratch) = ([0.0; 9], [0.0; conv2d_scratch_len(&CONV)]);
//! let ctx = Context::serial(Isa::detect());
//! conv2d(ctx, &CONV, &x, &weight, Some(&[0.5]), Fused::Relu, &mut y, &mut scratch)?;
//! assert_eq!(y, [4.5, 6.5, 4.5, 6.5, 9.5, 6.5, 4.5, 6.5, 4.5]);
//! # Ok::<(), flatgrad_core::Error>(())
//! ```

mod bias_grad;
mod correlate;
mod forward;
mod im2col;
mod input_grad;
mod scalar;
mod shape;
mod strips;
mod vector;
mod ways;
mod weight_grad;

pub use bias_grad::conv2d_backward_bias;
pub use forward::{conv2d, conv2d_scratch_len};
pub use im2col::{col2im, im2col};
pub use input_grad::{conv2d_backward_input, conv2d_backward_input_scratch_len};
pub use shape::Conv2d;
pub use weight_grad::{conv2d_backward_weight, conv2d_backward_weight_scratch_len};

pub(crate) use bias_grad::conv2d_backward_bias_planned;
pub(crate) use forward::conv2d_planned;
pub(crate) use input_grad::conv2d_backward_input_planned;
pub(crate) use scalar::parts;
pub(crate) use ways::{Uses, Ways};
pub(crate) use weight_grad::conv2d_backward_weight_planned;
