//! Rows of `loss`. The report is an output, too: the loss, and where there is one the number of right answers.

use super::{Call, Case, Draw, Output};
use flatgrad_core::loss::*;
use flatgrad_core::{Error, Result, reference};

pub const CASES: [Case; 8] = [
    Case { covers: &["loss::cross_entropy"], make: |draw| classes(draw, false) },
    Case { covers: &["loss::cross_entropy_backward"], make: |draw| classes(draw, true) },
    Case { covers: &["loss::mean_squared"], make: |draw| squares(draw, false) },
    Case { covers: &["loss::mean_squared_backward"], make: |draw| squares(draw, true) },
    Case { covers: &["loss::huber"], make: |draw| hubers(draw, false) },
    Case { covers: &["loss::huber_backward"], make: |draw| hubers(draw, true) },
    Case { covers: &["loss::binary_cross_entropy"], make: |draw| answers(draw, false) },
    Case { covers: &["loss::binary_cross_entropy_backward"], make: |draw| answers(draw, true) },
];

const GRAD_SCALE: f32 = 0.037;

/// A call whose report goes to the first output, two elements; a call of the kernel that is refused writes nothing
/// there.
fn call(
    what: String,
    inputs: Vec<Vec<f32>>,
    report: LossReport,
    gradient: Option<Vec<f32>>,
    kernel: impl Fn(flatgrad_core::Context, &[&[f32]], Option<&mut [f32]>) -> Result<LossReport> + 'static,
) -> Call {
    let mut outputs = vec![Output::new(vec![report.loss_sum, report.correct as f32])];
    outputs.extend(gradient.map(Output::new));
    Call {
        what,
        inputs,
        outputs,
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| {
            let (report, gradient) = outputs.split_first_mut().unwrap();
            let [loss, correct] = &mut **report else {
                return Err(Error::Length { what: "report", expected: 2, actual: report.len() });
            };
            let got = kernel(ctx, inputs, gradient.first_mut().map(|g| &mut **g))?;
            (*loss, *correct) = (got.loss_sum, got.correct as f32);
            Ok(())
        }),
    }
}

/// `[features, n]`: small batches, and some of more than one block.
fn sizes(draw: &mut Draw) -> [usize; 2] {
    [draw.size(1, 131, 600), draw.size(0, 131, 100)]
}

fn classes(draw: &mut Draw, backward: bool) -> Call {
    let [classes, n] = sizes(draw);
    let smoothing = draw.pick(&[0.1, 0.0, 0.0, 1.0]);
    let x: Vec<f32> = draw.any(n * classes).iter().map(|x| x * 30.0).collect();
    let labels: Vec<u32> = draw.values(n).iter().map(|v| ((v + 1.0) * 8_388_608.0) as u32 % classes as u32).collect();
    let probabilities = if draw.flag() { Some(draw.any(n * classes)) } else { None };
    let target = probabilities.as_ref().map_or(Target::Classes(&labels), |p| Target::Values(p));
    let mut gradient = vec![0.0; x.len()];
    let report = reference::loss::cross_entropy([n, classes], &x, target, smoothing, GRAD_SCALE, &mut gradient);
    call(
        format!("[{n}, {classes}], smoothing {smoothing}, probabilities {}", probabilities.is_some()),
        [Some(x), probabilities].into_iter().flatten().collect(),
        report,
        backward.then_some(gradient),
        move |ctx, inputs, gradient| {
            let target = inputs.get(1).map_or(Target::Classes(&labels), |p| Target::Values(p));
            match gradient {
                None => cross_entropy(ctx, [n, classes], smoothing, inputs[0], target),
                Some(dx) => cross_entropy_backward(ctx, [n, classes], smoothing, GRAD_SCALE, inputs[0], target, dx),
            }
        },
    )
}

fn loss_only(loss_sum: f32) -> LossReport {
    LossReport { loss_sum, correct: 0 }
}

fn squares(draw: &mut Draw, backward: bool) -> Call {
    let [features, n] = sizes(draw);
    let (x, t, mut dx) = (draw.any(n * features), draw.any(n * features), vec![0.0; n * features]);
    let loss = reference::loss::mean_squared(features, &x, &t, GRAD_SCALE, &mut dx);
    call(
        format!("[{n}, {features}]"),
        vec![x, t],
        loss_only(loss),
        backward.then_some(dx),
        move |ctx, inputs, gradient| {
            let [x, t] = [inputs[0], inputs[1]];
            let loss = match gradient {
                None => mean_squared(ctx, [n, features], x, t),
                Some(dx) => mean_squared_backward(ctx, [n, features], GRAD_SCALE, x, t, dx),
            };
            loss.map(loss_only)
        },
    )
}

fn hubers(draw: &mut Draw, backward: bool) -> Call {
    let [features, n] = sizes(draw);
    let delta = draw.pick(&[1.0, 0.3, 1e-30, f32::INFINITY]);
    let (x, t, mut dx) = (draw.any(n * features), draw.any(n * features), vec![0.0; n * features]);
    let loss = reference::loss::huber(features, &x, &t, delta, GRAD_SCALE, &mut dx);
    call(
        format!("[{n}, {features}], delta {delta}"),
        vec![x, t],
        loss_only(loss),
        backward.then_some(dx),
        move |ctx, inputs, gradient| {
            let [x, t] = [inputs[0], inputs[1]];
            let loss = match gradient {
                None => huber(ctx, [n, features], delta, x, t),
                Some(dx) => huber_backward(ctx, [n, features], delta, GRAD_SCALE, x, t, dx),
            };
            loss.map(loss_only)
        },
    )
}

fn answers(draw: &mut Draw, backward: bool) -> Call {
    let [features, n] = sizes(draw);
    let x: Vec<f32> = draw.any(n * features).iter().map(|x| x * 30.0).collect();
    // Certain answers too, at both ends.
    let t: Vec<f32> = draw.values(x.len()).iter().map(|t| (t * 0.8 + 0.5).clamp(0.0, 1.0)).collect();
    let mut dx = vec![0.0; x.len()];
    let report = reference::loss::binary_cross_entropy(features, &x, &t, GRAD_SCALE, &mut dx);
    call(format!("[{n}, {features}]"), vec![x, t], report, backward.then_some(dx), move |ctx, inputs, gradient| {
        match gradient {
            None => binary_cross_entropy(ctx, [n, features], inputs[0], inputs[1]),
            Some(dx) => binary_cross_entropy_backward(ctx, [n, features], GRAD_SCALE, inputs[0], inputs[1], dx),
        }
    })
}
