//! Layers as C writes them, and what core makes of them.

use crate::activation::fg_function;
use crate::buffer::{Region, check, slice};
use crate::context::{Or, pair};
use crate::fault::{Fault, Outcome};
use crate::init::fg_init;
use core::mem::take;
use flatgrad_core::dropout::Form;
use flatgrad_core::init::Init;
use flatgrad_core::net::Layer;

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

/// One layer, or a residual block of layers. Zeros stand for PyTorch's defaults; an option that the kind does not have must
/// be 0. Pairs are down and across. Macros such as FG_CONV2D(8, 3) write it.
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

impl fg_layer {
    /// The layer itself, without options.
    fn base(&self, at: usize) -> Outcome<Layer<'static>> {
        let kernel = match (self.size, self.kernel) {
            (size, [0, 0]) => [size, size],
            (0, kernel) => kernel,
            _ => return Err(Fault::Layer { layer: at, problem: "size and kernel are both set" }),
        };
        Ok(match self.kind {
            FG_KIND_CONV2D => Layer::conv2d_rect(self.outputs, kernel),
            FG_KIND_DENSE => Layer::dense(self.outputs),
            FG_KIND_FLATTEN => Layer::flatten(),
            FG_KIND_MAX_POOL => Layer::max_pool_rect(kernel),
            FG_KIND_AVG_POOL => Layer::avg_pool_rect(kernel).count_include_pad(!self.exclude_padding),
            FG_KIND_GLOBAL_AVG_POOL => Layer::global_avg_pool(),
            FG_KIND_BATCH_NORM => Layer::batch_norm(),
            FG_KIND_GROUP_NORM => Layer::group_norm(self.groups).affine(!self.no_affine),
            FG_KIND_INSTANCE_NORM => Layer::instance_norm().affine(self.affine),
            FG_KIND_LAYER_NORM => Layer::layer_norm().affine(!self.no_affine),
            FG_KIND_RMS_NORM => Layer::rms_norm().affine(!self.no_affine),
            FG_KIND_DROPOUT if self.scale_at_inference => Layer::dropout(self.p).form(Form::ScaleActivations),
            FG_KIND_DROPOUT => Layer::dropout(self.p),
            FG_KIND_SOFTMAX => Layer::softmax(),
            FG_KIND_LOG_SOFTMAX => Layer::log_softmax(),
            FG_KIND_RELU..=FG_KIND_SOFTPLUS => {
                let function = fg_function { kind: self.kind, alpha: self.alpha, threshold: self.threshold };
                let problem = "threshold belongs to softplus alone";
                Layer::activation(function.core().map_err(|_| Fault::Layer { layer: at, problem })?)
            }
            0 => return Err(Fault::Layer { layer: at, problem: "has no kind" }),
            _ => return Err(Fault::Layer { layer: at, problem: "its kind is unknown" }),
        })
    }

    /// What core does not refuse by itself, because no method of its layers takes it.
    fn check(&self, at: usize) -> Outcome {
        let is = |kinds: &[fg_kind]| kinds.contains(&self.kind);
        let windows = [FG_KIND_CONV2D, FG_KIND_MAX_POOL, FG_KIND_AVG_POOL];
        let activation = (FG_KIND_RELU..=FG_KIND_SOFTPLUS).contains(&self.kind);
        for (set, fits, problem) in [
            (self.outputs != 0, is(&[FG_KIND_CONV2D, FG_KIND_DENSE]), "has no option outputs"),
            (self.size != 0, is(&windows), "has no option size"),
            (self.kernel != [0, 0], is(&windows), "has no option kernel"),
            (self.groups != 0, is(&[FG_KIND_CONV2D, FG_KIND_GROUP_NORM]), "has no option groups"),
            (!self.body.is_null() || self.body_count != 0, is(&[FG_KIND_RESIDUAL]), "has no option body"),
            (!self.shortcut.is_null() || self.shortcut_count != 0, is(&[FG_KIND_RESIDUAL]), "has no option shortcut"),
            (self.p != 0.0, is(&[FG_KIND_DROPOUT]), "has no option p"),
            (self.scale_at_inference, is(&[FG_KIND_DROPOUT]), "has no option scale_at_inference"),
            (self.alpha != 0.0 || self.threshold != 0.0, activation, "has no option alpha or threshold"),
            (
                self.no_affine,
                is(&[FG_KIND_GROUP_NORM, FG_KIND_LAYER_NORM, FG_KIND_RMS_NORM]),
                "has no option no_affine",
            ),
            (self.affine, is(&[FG_KIND_INSTANCE_NORM]), "has no option affine"),
            (self.exclude_padding, is(&[FG_KIND_AVG_POOL]), "has no option exclude_padding"),
            (self.no_decay && self.decay_factor != 0.0, false, "no_decay and decay_factor are both set"),
        ] {
            if set && !fits {
                return Err(Fault::Layer { layer: at, problem });
            }
        }
        Ok(())
    }

    /// The options that are set; core remembers and refuses those that do not fit.
    fn with_options<'l>(&self, mut layer: Layer<'l>, at: usize) -> Outcome<Layer<'l>> {
        let strides = match self.kind {
            FG_KIND_MAX_POOL | FG_KIND_AVG_POOL if self.size != 0 => [self.size; 2],
            FG_KIND_MAX_POOL | FG_KIND_AVG_POOL => self.kernel,
            _ => [1, 1],
        };
        if self.stride != [0, 0] {
            layer = layer.stride_rect(pair(self.stride, strides));
        }
        if self.padding != [0, 0] {
            layer = layer.padding_rect(self.padding);
        }
        if self.dilation != [0, 0] {
            layer = layer.dilation_rect(pair(self.dilation, [1, 1]));
        }
        if self.groups != 0 && self.kind != FG_KIND_GROUP_NORM {
            layer = layer.groups(self.groups);
        }
        if self.eps != 0.0 {
            layer = layer.eps(self.eps);
        }
        if self.momentum != 0.0 {
            layer = layer.momentum(self.momentum);
        }
        if self.no_bias {
            layer = layer.no_bias();
        }
        let problem = "its init is unknown, or the default with a value";
        let init = self.init.core().map_err(|_| Fault::Layer { layer: at, problem })?;
        if init != Init::Default {
            layer = layer.init(init);
        }
        if self.max_norm != 0.0 {
            layer = layer.max_norm(self.max_norm);
        }
        if self.frozen {
            layer = layer.frozen();
        }
        layer = layer.lr(self.lr_factor.or(1.0));
        Ok(layer.decay(if self.no_decay { 0.0 } else { self.decay_factor.or(1.0) }))
    }
}

/// Makes core's layers of C's, in `room`. `at` counts layers in the order in which they run.
///
/// # Safety
///
/// What the crate's page asks of the caller, for all layers that can be reached; `taken` is the memory of `room`.
pub(crate) unsafe fn convert<'m>(
    layers: *const fg_layer,
    count: usize,
    taken: Region,
    room: &mut &'m mut [Layer<'m>],
    at: &mut usize,
) -> Outcome<&'m [Layer<'m>]> {
    check(&[Region::new("layers", layers, count)], &[taken])?;
    let too_many = Fault::Layer { layer: *at, problem: "the plan's memory is for fewer layers" };
    let Some((mine, rest)) = take(room).split_at_mut_checked(count) else { return Err(too_many) };
    *room = rest;
    // SAFETY: checked, and not part of `room`.
    for (place, layer) in mine.iter_mut().zip(unsafe { slice(layers, count) }) {
        layer.check(*at)?;
        let base = if layer.kind == FG_KIND_RESIDUAL {
            // SAFETY: as above. Each level takes memory of `room`, so even a block that contains itself comes to an end.
            let body = unsafe { convert(layer.body, layer.body_count, taken, room, at) }?;
            // SAFETY: as above.
            let shortcut = unsafe { convert(layer.shortcut, layer.shortcut_count, taken, room, at) }?;
            Layer::residual_with(body, shortcut)
        } else {
            layer.base(*at)?
        };
        *place = layer.with_options(base, *at)?;
        *at += 1;
    }
    Ok(mine)
}
