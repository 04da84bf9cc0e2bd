//! Rows of `optim`.

use super::{Call, Case, Draw, Output};
use flatgrad_core::optim::*;
use flatgrad_core::{Context, Result, reference};

pub const CASES: [Case; 11] = [
    Case { covers: &["optim::sgd_step"], make: sgd },
    Case { covers: &["optim::adagrad_step"], make: adagrad },
    Case { covers: &["optim::rmsprop_step"], make: rmsprop },
    Case { covers: &["optim::adam_step"], make: adam },
    Case { covers: &["optim::lion_step"], make: lion },
    Case { covers: &["optim::ema_update"], make: ema },
    Case { covers: &["optim::grad_norm"], make: norm },
    Case { covers: &["optim::clip_by_norm"], make: by_norm },
    Case { covers: &["optim::clip_by_value"], make: by_value },
    Case { covers: &["optim::flush_state"], make: faded },
    Case { covers: &["optim::max_norm"], make: neurons },
];

const LENGTH: usize = 257;
const BENCH: usize = 70_003;

/// A hyper-parameter that is finite and not negative: a usual one, a large one, or anything in `[0, 1)`.
fn rate(draw: &mut Draw) -> f32 {
    let any = draw.values(1)[0].abs();
    draw.pick(&[0.01, 0.0, 0.9, 1.5, 1e-8, 300.0, any, any])
}

/// A weight of an old average.
fn beta(draw: &mut Draw) -> f64 {
    let any = draw.values(1)[0].abs() as f64;
    draw.pick(&[0.9, 0.999, 0.5, 0.3, 0.0, any])
}

fn step(draw: &mut Draw) -> u32 {
    draw.pick(&[2, 1, 3, 1000, 1_000_000, u32::MAX])
}

/// Gradients of very different sizes, and not all finite.
fn gradients(draw: &mut Draw, len: usize) -> Vec<f32> {
    let scale = |i: usize| [1.0, 1e-3, 1e3, 1.0, 1e-12, 1e-39][i % 6];
    draw.any(len).into_iter().enumerate().map(|(i, g)| g * scale(i)).collect()
}

/// A step: `grads` in; parameters and `slots` elements of state each in and out. The plain loop and the kernel get all
/// of them, the parameters first, and state that is not used is empty.
fn stepped<const M: usize>(
    draw: &mut Draw,
    what: String,
    used: [bool; M],
    plain: impl Fn(&[f32], [&mut [f32]; M]),
    kernel: impl Fn(Context, &[f32], [&mut [f32]; M]) -> Result + 'static,
) -> Call {
    let len = draw.size(0, LENGTH, BENCH);
    let grads = gradients(draw, len);
    let before = used.map(|used| if used { draw.any(len) } else { vec![] });
    let mut want = before.clone();
    plain(&grads, want.each_mut().map(|x| &mut x[..]));
    Call {
        what: format!("{what}, {len} elements"),
        inputs: vec![grads],
        outputs: before.iter().zip(want).map(|(before, want)| Output::update(before, want)).collect(),
        elementwise: true,
        run: Box::new(move |ctx, inputs, outputs| {
            let mut state = outputs.iter_mut();
            kernel(ctx, inputs[0], std::array::from_fn(|_| &mut **state.next().unwrap()))
        }),
    }
}

fn sgd(draw: &mut Draw) -> Call {
    let mut o = Sgd { lr: rate(draw), weight_decay: rate(draw), decoupled: draw.flag(), ..Sgd::DEFAULT };
    o.momentum = rate(draw);
    o.nesterov = o.momentum > 0.0 && draw.flag();
    o.dampening = if o.nesterov { 0.0 } else { draw.pick(&[0.0, 0.25, -0.5, 2.0]) };
    let step = step(draw);
    stepped(
        draw,
        format!("{o:?}, step {step}"),
        [true, o.momentum != 0.0],
        |g, [p, buf]| reference::optim::sgd(&o, step, g, p, buf),
        move |ctx, g, [p, buf]| sgd_step(ctx, &o, step, g, p, buf),
    )
}

fn adagrad(draw: &mut Draw) -> Call {
    let o =
        Adagrad { lr: rate(draw), lr_decay: rate(draw), weight_decay: rate(draw), eps: rate(draw), ..Adagrad::DEFAULT };
    let step = step(draw);
    stepped(
        draw,
        format!("{o:?}, step {step}"),
        [true, true],
        |g, [p, sum]| reference::optim::adagrad(&o, step, g, p, sum),
        move |ctx, g, [p, sum]| adagrad_step(ctx, &o, step, g, p, sum),
    )
}

fn lion(draw: &mut Draw) -> Call {
    let o = Lion { lr: rate(draw), betas: [beta(draw), beta(draw)], weight_decay: rate(draw) };
    let step = step(draw);
    stepped(
        draw,
        format!("{o:?}, step {step}"),
        [true, true],
        |g, [p, m]| reference::optim::lion(&o, g, p, m),
        move |ctx, g, [p, m]| lion_step(ctx, &o, step, g, p, m),
    )
}

fn rmsprop(draw: &mut Draw) -> Call {
    let o = RmsProp {
        lr: rate(draw),
        alpha: beta(draw),
        eps: rate(draw),
        weight_decay: rate(draw),
        momentum: rate(draw),
        centered: draw.flag(),
    };
    let step = step(draw);
    stepped(
        draw,
        format!("{o:?}, step {step}"),
        [true, true, o.centered, o.momentum != 0.0],
        |g, [p, v, avg, buf]| reference::optim::rmsprop(&o, g, p, v, avg, buf),
        move |ctx, g, [p, v, avg, buf]| rmsprop_step(ctx, &o, step, g, p, v, avg, buf),
    )
}

fn adam(draw: &mut Draw) -> Call {
    let o = Adam {
        lr: rate(draw),
        betas: [beta(draw), beta(draw)],
        eps: rate(draw),
        weight_decay: rate(draw),
        decoupled: draw.flag(),
        amsgrad: draw.flag(),
        bias_correction: !draw.flag(),
    };
    let step = step(draw);
    stepped(
        draw,
        format!("{o:?}, step {step}"),
        [true, true, true, o.amsgrad],
        |g, [p, m, v, top]| reference::optim::adam(&o, step, g, p, m, v, top),
        move |ctx, g, [p, m, v, top]| adam_step(ctx, &o, step, g, p, m, v, top),
    )
}

fn ema(draw: &mut Draw) -> Call {
    let decay = draw.pick(&[0.999, 0.0, 0.5, 0.3, 1.0]);
    stepped(
        draw,
        format!("decay {decay}"),
        [true],
        |p, [average]| reference::optim::ema(decay, p, average),
        move |ctx, p, [average]| ema_update(ctx, decay, p, average),
    )
}

/// Gradients and one more element for the norm, so that any part of the slice is legal.
fn with_norm(draw: &mut Draw, plain: impl Fn(&mut [f32]) -> f32, kernel: Norm) -> Call {
    let len = draw.size(0, 4100, BENCH);
    let mut before = gradients(draw, len);
    let mut want = before.clone();
    let norm = plain(&mut want);
    want.push(norm);
    before.push(f32::NAN);
    Call {
        what: format!("{len} elements"),
        inputs: vec![],
        outputs: vec![Output::update(&before, want)],
        elementwise: false,
        run: Box::new(move |ctx, _, outputs| {
            let (norm, grads) = outputs[0].split_last_mut().unwrap();
            *norm = kernel(ctx, grads)?;
            Ok(())
        }),
    }
}

type Norm = Box<dyn Fn(Context, &mut [f32]) -> Result<f32>>;

fn norm(draw: &mut Draw) -> Call {
    with_norm(draw, |g| reference::optim::norm(g), Box::new(|ctx, g| grad_norm(ctx, g)))
}

fn by_norm(draw: &mut Draw) -> Call {
    let limit = rate(draw);
    with_norm(draw, |g| reference::optim::clip_by_norm(limit, g), Box::new(move |ctx, g| clip_by_norm(ctx, limit, g)))
}

fn by_value(draw: &mut Draw) -> Call {
    let (limit, len) = (rate(draw), draw.size(0, LENGTH, BENCH));
    let x = gradients(draw, len);
    let mut want = x.clone();
    reference::optim::clip_by_value(limit, &mut want);
    Call {
        what: format!("limit {limit}, {len} elements"),
        inputs: vec![],
        outputs: vec![Output::update(&x, want)],
        elementwise: true,
        run: Box::new(move |ctx, _, outputs| clip_by_value(ctx, limit, outputs[0])),
    }
}

fn faded(draw: &mut Draw) -> Call {
    let len = draw.size(0, LENGTH, BENCH);
    let mut x = gradients(draw, len);
    // Around the threshold on both sides, and on it.
    let edge = 2.0f32.powi(-100);
    let edges = [edge, -edge, edge.next_down(), -edge.next_down(), 1e-44, -0.0];
    x.iter_mut().step_by(3).zip(edges.iter().cycle()).for_each(|(x, edge)| *x = *edge);
    let mut want = x.clone();
    reference::optim::flush_state(&mut want);
    Call {
        what: format!("{len} elements"),
        inputs: vec![],
        outputs: vec![Output::update(&x, want)],
        elementwise: true,
        run: Box::new(|ctx, _, outputs| flush_state(ctx, outputs[0])),
    }
}

fn neurons(draw: &mut Draw) -> Call {
    let (neurons, limit) = (draw.pick(&[Neurons::Columns, Neurons::Rows]), draw.pick(&[1.0, 0.0, 0.3, 4.0]));
    let shape = [draw.size(0, 131, 300), draw.size(0, 131, 301)];
    let x = draw.any(shape[0] * shape[1]);
    let mut want = x.clone();
    reference::optim::max_norm(neurons, shape, limit, &mut want);
    Call {
        what: format!("{neurons:?} of {shape:?}, limit {limit}"),
        inputs: vec![],
        outputs: vec![Output::update(&x, want)],
        elementwise: false,
        run: Box::new(move |ctx, _, outputs| max_norm(ctx, neurons, shape, limit, outputs[0])),
    }
}
