//! Rows of `init` and `rng`, which know no context: the same numbers, whatever it is.

use super::{Call, Case, Draw, Output};
use flatgrad_core::reference;
use flatgrad_core::rng::{Stream, permutation, philox4x32_10};
use flatgrad_core::{Result, init};

pub const CASES: [Case; 11] = [
    Case { covers: &["init::uniform"], make: |draw| numbers(draw, plain_uniform, init::uniform) },
    Case {
        covers: &["init::normal"],
        make: |draw| numbers(draw, plain_normal, |s, x, out| init::normal(s, -0.5, x, out)),
    },
    Case { covers: &["init::fan_in_uniform"], make: fan_in },
    Case { covers: &["init::kaiming_uniform"], make: |draw| fan(draw, 3.0, false, init::kaiming_uniform) },
    Case { covers: &["init::kaiming_normal"], make: |draw| fan(draw, 1.0, true, init::kaiming_normal) },
    Case {
        covers: &["init::xavier_uniform"],
        make: |draw| fan(draw, 6.0, false, |s, f, gain, out| init::xavier_uniform(s, [f / 3, f - f / 3], gain, out)),
    },
    Case {
        covers: &["init::xavier_normal"],
        make: |draw| fan(draw, 2.0, true, |s, f, gain, out| init::xavier_normal(s, [f / 3, f - f / 3], gain, out)),
    },
    Case { covers: &["init::orthogonal"], make: orthogonal },
    Case { covers: &["init::leaky_relu"], make: leaky_relu },
    Case { covers: &["rng::philox4x32_10"], make: philox },
    Case { covers: &["rng::permutation"], make: order },
];

fn stream(draw: &mut Draw) -> Stream {
    let [seed, stream, step] = [1, 2, 3].map(|_| draw.values(1)[0].to_bits());
    Stream { seed: u64::from(seed) << 32 | 5, stream, step: u64::from(step) << 16 }
}

fn call(what: String, want: Vec<f32>, run: impl Fn(&mut [f32]) -> Result + 'static) -> Call {
    Call {
        what,
        inputs: vec![],
        outputs: vec![Output::new(want)],
        elementwise: false,
        run: Box::new(move |_, _, outputs| run(outputs[0])),
    }
}

type Fill = fn(Stream, f32, &mut [f32]) -> Result;

fn plain_uniform(stream: Stream, bound: f32, out: &mut [f32]) {
    reference::init::uniform(stream, bound, out);
}

fn plain_normal(stream: Stream, std: f32, out: &mut [f32]) {
    reference::init::normal(stream, -0.5, std, out);
}

fn numbers(draw: &mut Draw, plain: fn(Stream, f32, &mut [f32]), fill: Fill) -> Call {
    let (stream, len, size) = (stream(draw), draw.size(0, 257, 5000), draw.pick(&[0.1, 0.0, 3e30]));
    let mut want = vec![0.0; len];
    plain(stream, size, &mut want);
    call(format!("{len} elements, {size}"), want, move |out| fill(stream, size, out))
}

type FillFan = fn(Stream, usize, f32, &mut [f32]) -> Result;

/// A rule whose bound or deviation is `gain * sqrt(factor / fan)`.
fn fan(draw: &mut Draw, factor: f64, normal: bool, fill: FillFan) -> Call {
    let (stream, len, fan) = (stream(draw), draw.size(0, 257, 5000), draw.size(1, 5000, 27));
    let gain = draw.pick(&[1.0, init::gain::RELU, init::gain::TANH, 0.0]);
    let mut want = vec![0.0; len];
    let size = reference::init::spread(gain, factor, fan);
    if normal {
        reference::init::normal(stream, 0.0, size, &mut want);
    } else {
        plain_uniform(stream, size, &mut want);
    }
    call(format!("{len} elements, fan {fan}, gain {gain}"), want, move |out| fill(stream, fan, gain, out))
}

fn fan_in(draw: &mut Draw) -> Call {
    let (stream, len, fan) = (stream(draw), draw.size(0, 257, 5000), draw.size(1, 5000, 27));
    let mut want = vec![0.0; len];
    plain_uniform(stream, (1.0 / (fan as f64).sqrt()) as f32, &mut want);
    call(format!("{len} elements, fan {fan}"), want, move |out| init::fan_in_uniform(stream, fan, out))
}

fn orthogonal(draw: &mut Draw) -> Call {
    let (stream, shape, gain) = (stream(draw), [draw.size(0, 65, 70), draw.size(0, 65, 41)], draw.pick(&[1.0, 0.3]));
    let mut want = vec![0.0; shape[0] * shape[1]];
    reference::init::orthogonal(stream, shape, gain, &mut want);
    call(format!("{shape:?}"), want, move |out| init::orthogonal(stream, shape, gain, out))
}

fn leaky_relu(draw: &mut Draw) -> Call {
    let slope = draw.values(1)[0];
    let want = (2.0 / (1.0 + slope as f64 * slope as f64)).sqrt() as f32;
    call(format!("slope {slope}"), vec![want], move |out| {
        out[0] = init::gain::leaky_relu(slope);
        Ok(())
    })
}

/// Words in halves, which are exact as floats.
fn halves(words: [u32; 4]) -> [f32; 8] {
    std::array::from_fn(|i| (words[i / 2] >> (16 * (i % 2)) & 0xffff) as f32)
}

fn philox(draw: &mut Draw) -> Call {
    let [a, b, c, d, e, f] = std::array::from_fn(|_| draw.values(1)[0].to_bits());
    let want = reference::rng::philox4x32_10([a, b, c, d], [e, f]);
    call(format!("{a:x} {b:x} {c:x} {d:x}, {e:x} {f:x}"), halves(want).to_vec(), move |out| {
        out.copy_from_slice(&halves(philox4x32_10([a, b, c, d], [e, f])));
        Ok(())
    })
}

fn order(draw: &mut Draw) -> Call {
    let (stream, len) = (stream(draw), draw.size(0, 257, 5000));
    let mut want = vec![0; len];
    reference::rng::permutation(stream, &mut want);
    call(format!("{len} elements"), want.into_iter().map(|i| i as f32).collect(), move |out| {
        let mut order = vec![u32::MAX; out.len()];
        permutation(stream, &mut order)?;
        out.iter_mut().zip(order).for_each(|(x, i)| *x = i as f32);
        Ok(())
    })
}
