//! Layers as C writes them.

use crate::init::fg_init;

/// What a layer computes: one of FG_KIND_... A layer of zeros has none, and is refused.
pub type fg_kind = u32;
/// Convolution; takes outputs (channels), size or kernel, stride, padding, dilation, groups, no_bias, init, max_norm.
pub const FG_KIND_CONV2D: fg_kind = 1;
/// Fully connected; takes outputs, no_bias, init, max_norm.
pub const FG_KIND_DENSE: fg_kind = 2;
/// From image to features; a dense layer needs one before it.
pub const FG_KIND_FLATTEN: fg_kind = 3;
/// Largest of each window; takes size or kernel, stride, padding.
pub const FG_KIND_MAX_POOL: fg_kind = 4;
/// Mean of each window; takes size or kernel, stride, padding, exclude_padding.
pub const FG_KIND_AVG_POOL: fg_kind = 5;
/// Mean of each channel.
pub const FG_KIND_GLOBAL_AVG_POOL: fg_kind = 6;
/// Batch normalization; takes eps, momentum.
pub const FG_KIND_BATCH_NORM: fg_kind = 7;
/// Group normalization; takes groups, eps, no_affine.
pub const FG_KIND_GROUP_NORM: fg_kind = 8;
/// Instance normalization; takes eps, affine.
pub const FG_KIND_INSTANCE_NORM: fg_kind = 9;
/// Layer normalization over all of a sample; takes eps, no_affine.
pub const FG_KIND_LAYER_NORM: fg_kind = 10;
/// Division by a sample's root mean square; takes eps, no_affine.
pub const FG_KIND_RMS_NORM: fg_kind = 11;
/// Zeroes each element with probability p in training; takes p, scale_at_inference.
pub const FG_KIND_DROPOUT: fg_kind = 12;
/// Softmax. A cross-entropy loss has one built in.
pub const FG_KIND_SOFTMAX: fg_kind = 13;
/// Its logarithm.
pub const FG_KIND_LOG_SOFTMAX: fg_kind = 14;
/// body(x) + shortcut(x), or body(x) + x without a shortcut; takes body, body_count, shortcut, shortcut_count.
pub const FG_KIND_RESIDUAL: fg_kind = 15;
/// max(0, x).
pub const FG_KIND_RELU: fg_kind = 16;
/// x, or alpha x where it is negative; takes alpha, 0: 0.01.
pub const FG_KIND_LEAKY_RELU: fg_kind = 17;
/// x, or alpha (e^x - 1) where it is negative; takes alpha, 0: 1.
pub const FG_KIND_ELU: fg_kind = 18;
/// 1 / (1 + e^-x).
pub const FG_KIND_SIGMOID: fg_kind = 19;
/// Hyperbolic tangent.
pub const FG_KIND_TANH: fg_kind = 20;
/// x times the normal distribution function at x.
pub const FG_KIND_GELU: fg_kind = 21;
/// Its approximation by a hyperbolic tangent.
pub const FG_KIND_GELU_TANH: fg_kind = 22;
/// x sigmoid(x).
pub const FG_KIND_SILU: fg_kind = 23;
/// x min(max(x + 3, 0), 6) / 6.
pub const FG_KIND_HARD_SWISH: fg_kind = 24;
/// log(1 + e^(alpha x)) / alpha; takes alpha (0: 1), threshold (0: 20).
pub const FG_KIND_SOFTPLUS: fg_kind = 25;

/// One layer, or a residual block of layers. Zeros stand for PyTorch's defaults; an option that the kind does not
/// have must be 0. Pairs are down and across. Macros such as FG_CONV2D(8, 3) write it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct fg_layer {
    /// One of FG_KIND_...
    pub kind: fg_kind,
    /// Channels of a convolution's output, features of a dense layer's.
    pub outputs: usize,
    /// Height and width of a square kernel.
    pub size: usize,
    /// Height and width of a kernel that is not square; then size is 0. A signal [c, 1, len] has {1, taps}.
    pub kernel: [usize; 2],
    /// 0: 1, of pooling the kernel.
    pub stride: [usize; 2],
    /// Zeros (max pooling: minus infinity) on each side.
    pub padding: [usize; 2],
    /// Distance between the taps; 0: 1.
    pub dilation: [usize; 2],
    /// Groups of channels; of a convolution 0: 1.
    pub groups: usize,
    /// The layers of a residual block.
    pub body: *const fg_layer,
    /// How many.
    pub body_count: usize,
    /// Those of its shortcut; null: the input itself.
    pub shortcut: *const fg_layer,
    /// How many.
    pub shortcut_count: usize,
    /// Added to the variance; 0: 1e-5 (RMS norm 1.1920929e-7).
    pub eps: f32,
    /// The weight of the new value in a batch norm's running averages; 0: 0.1.
    pub momentum: f32,
    /// Probability to drop.
    pub p: f32,
    /// The activation's, see its kind.
    pub alpha: f32,
    /// The activation's, see its kind.
    pub threshold: f32,
    /// Multiplies the optimizer's learning rate; 0: 1. For a rate of 0 there is frozen.
    pub lr_factor: f32,
    /// Multiplies the optimizer's weight decay; 0: 1. For a decay of 0 there is no_decay.
    pub decay_factor: f32,
    /// The longest that a neuron's incoming weights may be; 0: no limit.
    pub max_norm: f32,
    /// Where the weights start. Biases then start at 0.
    pub init: fg_init,
    /// Leaves the bias out.
    pub no_bias: bool,
    /// Leaves a normalization's scale and shift out.
    pub no_affine: bool,
    /// Gives an instance normalization scale and shift.
    pub affine: bool,
    /// The padding's zeros do not count in a mean.
    pub exclude_padding: bool,
    /// Dropout scales at inference, not in training.
    pub scale_at_inference: bool,
    /// Its parameters stay as they are: no gradient, no optimizer state, no memory for them. A block as a whole.
    pub frozen: bool,
    /// No weight decay.
    pub no_decay: bool,
}
