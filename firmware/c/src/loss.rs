//! Losses.

use crate::buffer::{Region, check, read, slice, slice_mut, write};
use crate::context::{Or, context};
use crate::fault::{Fault, Outcome, report};
use crate::status::{fg_error, fg_status};
use flatgrad_core::loss::{
    LossReport, Target, binary_cross_entropy, binary_cross_entropy_backward, cross_entropy, cross_entropy_backward,
    huber, huber_backward, mean_squared, mean_squared_backward,
};
use flatgrad_core::net::Loss;

/// Which loss: one of FG_LOSS_...
pub type fg_loss_kind = u32;
/// Softmax cross entropy; the logits are the network's outputs, the target a class or probabilities.
pub const FG_LOSS_CROSS_ENTROPY: fg_loss_kind = 0;
/// Binary cross entropy of each output as a logit; the targets are probabilities.
pub const FG_LOSS_BINARY_CROSS_ENTROPY: fg_loss_kind = 1;
/// (output - target)^2.
pub const FG_LOSS_MEAN_SQUARED: fg_loss_kind = 2;
/// Squared near 0, linear from delta on.
pub const FG_LOSS_HUBER: fg_loss_kind = 3;

/// What training minimizes. All zeros: softmax cross entropy.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct fg_loss {
    /// One of FG_LOSS_...
    pub kind: fg_loss_kind,
    /// Cross entropy: the share of a label's weight that is spread over all classes, 0 to 1.
    pub label_smoothing: f32,
    /// Huber: where it becomes linear; 0: 1.
    pub delta: f32,
}

impl fg_loss {
    pub(crate) fn core(self) -> Outcome<Loss> {
        let loss = match self.kind {
            FG_LOSS_CROSS_ENTROPY => Loss::CrossEntropy { label_smoothing: self.label_smoothing },
            FG_LOSS_BINARY_CROSS_ENTROPY => Loss::BinaryCrossEntropy,
            FG_LOSS_MEAN_SQUARED => Loss::MeanSquared,
            FG_LOSS_HUBER => Loss::Huber { delta: self.delta.or(1.0) },
            kind => return Err(Fault::Unknown { what: "kind of loss", value: kind as usize }),
        };
        if self.label_smoothing != 0.0 && self.kind != FG_LOSS_CROSS_ENTROPY {
            return Err(Fault::Option { owner: "loss", option: "label_smoothing" });
        }
        if self.delta != 0.0 && self.kind != FG_LOSS_HUBER {
            return Err(Fault::Option { owner: "loss", option: "delta" });
        }
        Ok(loss)
    }
}

/// What the outputs for some samples should be: classes or values; the other is null.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct fg_target {
    /// A class index for each sample, [n].
    pub classes: *const u32,
    /// A value for each output, [n, outputs]; for cross entropies, a probability.
    pub values: *const f32,
    /// Number of classes or values.
    pub len: usize,
}

impl fg_target {
    /// Reads the structure itself; then [`fg_target::region`] must be checked before [`fg_target::core`].
    ///
    /// # Safety
    ///
    /// What the crate's page asks of the caller.
    pub(crate) unsafe fn read(target: *const Self) -> Outcome<Self> {
        // SAFETY: as above.
        let target = unsafe { read("target", target) }?;
        match (target.classes.is_null(), target.values.is_null()) {
            (false, false) => Err(Fault::Option { owner: "target with classes", option: "values" }),
            _ => Ok(target),
        }
    }

    pub(crate) fn region(&self) -> Region {
        match self.values.is_null() {
            true => Region::new("target", self.classes, self.len),
            false => Region::new("target", self.values, self.len),
        }
    }

    /// # Safety
    ///
    /// As [`slice`].
    pub(crate) unsafe fn core<'a>(&self) -> Target<'a> {
        if self.values.is_null() {
            // SAFETY: as above.
            Target::Classes(unsafe { slice(self.classes, self.len) })
        } else {
            // SAFETY: as above.
            Target::Values(unsafe { slice(self.values, self.len) })
        }
    }
}

/// What a pass over some samples says about them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct fg_report {
    /// The sum of the samples' losses: divide by the number of samples for their mean.
    pub loss_sum: f32,
    /// How many predictions are right: samples, or outputs where each is a yes or no.
    pub correct: usize,
}

impl From<LossReport> for fg_report {
    fn from(report: LossReport) -> Self {
        Self { loss_sum: report.loss_sum, correct: report.correct }
    }
}

impl fg_report {
    /// Where a report goes; nowhere if it is not wanted.
    pub(crate) fn region(report: *const Self) -> Region {
        Region::new("report", report, usize::from(!report.is_null()))
    }
}

/// The loss of logits (or outputs) [n, outputs] against a target, summed over samples and outputs, into report; what
/// is correct is counted there, too. Returns FG_OK, or why nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_loss_value(
    loss: *const fg_loss,
    n: usize,
    outputs: usize,
    logits: *const f32,
    logits_len: usize,
    target: *const fg_target,
    report_out: *mut fg_report,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let (loss, target) = (read("loss", loss)?.core()?, fg_target::read(target)?);
            let logits_region = Region::new("logits", logits, logits_len);
            check(&[logits_region, target.region()], &[fg_report::region(report_out)])?;
            let (ctx, shape, x, target) = (context(), [n, outputs], slice(logits, logits_len), target.core());
            let sum = |loss_sum| LossReport { loss_sum, correct: 0 };
            let result = match loss {
                Loss::CrossEntropy { label_smoothing } => cross_entropy(ctx, shape, label_smoothing, x, target)?,
                Loss::BinaryCrossEntropy => binary_cross_entropy(ctx, shape, x, values(target)?)?,
                Loss::Huber { delta } => sum(huber(ctx, shape, delta, x, values(target)?)?),
                _ => sum(mean_squared(ctx, shape, x, values(target)?)?),
            };
            write(report_out, result.into());
            Ok(())
        })
    }
}

/// The same, and dlogits [n, outputs] = scale times the gradient of that sum. For the mean over the samples, scale
/// is 1 / n (for a loss that is a mean over outputs too, 1 / (n outputs)). Returns FG_OK, or why nothing was
/// written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_loss_backward(
    loss: *const fg_loss,
    n: usize,
    outputs: usize,
    scale: f32,
    logits: *const f32,
    logits_len: usize,
    target: *const fg_target,
    dlogits: *mut f32,
    dlogits_len: usize,
    report_out: *mut fg_report,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let (loss, target) = (read("loss", loss)?.core()?, fg_target::read(target)?);
            let d_region = Region::new("dlogits", dlogits.cast_const(), dlogits_len);
            let logits_region = Region::new("logits", logits, logits_len);
            check(&[logits_region, target.region()], &[d_region, fg_report::region(report_out)])?;
            let (ctx, shape, x, target) = (context(), [n, outputs], slice(logits, logits_len), target.core());
            let d = slice_mut(dlogits, dlogits_len);
            let sum = |loss_sum| LossReport { loss_sum, correct: 0 };
            let result = match loss {
                Loss::CrossEntropy { label_smoothing: s } => {
                    cross_entropy_backward(ctx, shape, s, scale, x, target, d)?
                }
                Loss::BinaryCrossEntropy => binary_cross_entropy_backward(ctx, shape, scale, x, values(target)?, d)?,
                Loss::Huber { delta } => sum(huber_backward(ctx, shape, delta, scale, x, values(target)?, d)?),
                _ => sum(mean_squared_backward(ctx, shape, scale, x, values(target)?, d)?),
            };
            write(report_out, result.into());
            Ok(())
        })
    }
}

fn values<'a>(target: Target<'a>) -> Outcome<&'a [f32]> {
    match target {
        Target::Values(values) => Ok(values),
        Target::Classes([]) => Ok(&[]),
        Target::Classes(_) => Err(Fault::Option { owner: "target of this loss", option: "classes" }),
    }
}
