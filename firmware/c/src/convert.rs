//! From C's layers to core's.

use crate::activation::fg_function;
use crate::buffer::{Region, check, slice};
use crate::context::{Or, pair};
use crate::fault::{Fault, Outcome};
use crate::layer::*;
use core::mem::take;
use flatgrad_core::dropout::Form;
use flatgrad_core::init::Init;
use flatgrad_core::net::Layer;

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
    let too_many = Fault::Layer { layer: *at, problem: "there are more layers than the plan or its memory holds" };
    let Some((mine, rest)) = take(room).split_at_mut_checked(count) else { return Err(too_many) };
    *room = rest;
    // SAFETY: checked, and not part of `room`.
    for (place, layer) in mine.iter_mut().zip(unsafe { slice(layers, count) }) {
        layer.check(*at)?;
        let base = if layer.kind == FG_KIND_RESIDUAL {
            // SAFETY: as above. Each level takes memory of `room`: even a block that contains itself comes to an end.
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
