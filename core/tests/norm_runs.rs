//! Group, instance, layer and RMS normalization: finite differences, invariants, edge cases, defects seen elsewhere.

mod common;
use common::{assert_bits, numbers};
use flatgrad_core::norm::*;
use flatgrad_core::{Context, Error, Isa, Result, Update};

fn ctx() -> Context<'static> {
    Context::serial(Isa::detect())
}

/// Any of the normalizations that treat samples one by one.
#[derive(Clone, Copy, Debug)]
enum Norm {
    Group(GroupNorm),
    Layer(LayerNorm),
    Rms(RmsNorm),
}

const ALL: [Norm; 6] = [
    Norm::Group(GroupNorm::new(4, 6, 5, 2)),
    Norm::Group(GroupNorm::new(5, 12, 1, 3)),
    Norm::Group(GroupNorm::new(3, 4, 9, 1)),
    Norm::Group(GroupNorm::instance(3, 4, 10)),
    Norm::Layer(LayerNorm::new(7, 37)),
    Norm::Rms(RmsNorm::new(7, 37)),
];

/// What forward and backward write.
struct Outputs {
    y: Vec<f32>,
    mean: Vec<f32>,
    rstd: Vec<f32>,
    dx: Vec<f32>,
    dweight: Vec<f32>,
    dbias: Vec<f32>,
}

impl Norm {
    /// `[n, channels, spatial]` and the groups.
    fn dims(self) -> ([usize; 3], usize) {
        match self {
            Self::Group(s) => ([s.n, s.channels, s.spatial], s.groups),
            Self::Layer(s) => ([s.rows, s.features, 1], 1),
            Self::Rms(s) => ([s.rows, s.features, 1], 1),
        }
    }
    fn len(self) -> usize {
        self.dims().0.iter().product()
    }
    fn channels(self) -> usize {
        self.dims().0[1]
    }
    fn eps(self) -> f32 {
        match self {
            Self::Group(s) => s.eps,
            Self::Layer(s) => s.eps,
            Self::Rms(s) => s.eps,
        }
    }
    fn centered(self) -> bool {
        !matches!(self, Self::Rms(_))
    }
    fn with_samples(mut self, samples: usize) -> Self {
        match &mut self {
            Self::Group(s) => s.n = samples,
            Self::Layer(s) => s.rows = samples,
            Self::Rms(s) => s.rows = samples,
        }
        self
    }
    /// Forward, then backward into `out`'s gradients.
    fn run(self, x: &[f32], dy: &[f32], affine: Option<[&[f32]; 2]>, update: Update, out: &mut Outputs) -> Result {
        let affine = Affine { weight: affine.map(|a| a[0]), bias: affine.map(|a| a[1]) };
        let Outputs { y, mean, rstd, dx, dweight, dbias } = out;
        let gradients = Gradients { x: dx, weight: Some(&mut dweight[..]), bias: Some(&mut dbias[..]) };
        match self {
            Self::Group(s) => {
                group_norm(ctx(), &s, x, affine, y, Saved { mean, rstd })?;
                group_norm_backward(ctx(), &s, x, dy, affine.weight, Saved { mean, rstd }, update, gradients)
            }
            Self::Layer(s) => {
                layer_norm(ctx(), &s, x, affine, y, Saved { mean, rstd })?;
                layer_norm_backward(ctx(), &s, x, dy, affine.weight, Saved { mean, rstd }, update, gradients)
            }
            Self::Rms(s) => {
                rms_norm(ctx(), &s, x, affine.weight, y, rstd)?;
                let gradients = Gradients { x: gradients.x, weight: gradients.weight, bias: () };
                rms_norm_backward(ctx(), &s, x, dy, affine.weight, rstd, update, gradients)
            }
        }
    }
    /// With garbage in all outputs, or 3 in the gradients of weight and bias.
    fn outputs(self, gradients: f32) -> Outputs {
        let ([n, c, _], groups) = self.dims();
        let [y, dx] = [0; 2].map(|_| vec![f32::NAN; self.len()]);
        let [mean, rstd] = [0; 2].map(|_| vec![f32::NAN; n * groups]);
        let [dweight, dbias] = [0; 2].map(|_| vec![gradients; c]);
        Outputs { y, mean, rstd, dx, dweight, dbias }
    }
    /// The output in f64.
    fn forward_f64(self, x: &[f64], weight: &[f64], bias: &[f64]) -> Vec<f64> {
        let ([_, c, spatial], groups) = self.dims();
        let len = c / groups * spatial;
        let mut y = vec![];
        for run in x.chunks(len) {
            let mean = if self.centered() { run.iter().sum::<f64>() / len as f64 } else { 0.0 };
            let var = run.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / len as f64;
            for x in run {
                let channel = y.len() / spatial % c;
                let bias = if self.centered() { bias[channel] } else { 0.0 };
                y.push((x - mean) / (var + self.eps() as f64).sqrt() * weight[channel] + bias);
            }
        }
        y
    }
}

fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| x as f64).collect()
}

#[test]
fn outputs_and_gradients_agree_with_f64() {
    for norm in ALL {
        let x: Vec<f32> = numbers(norm.len(), 1).iter().map(|x| 3.0 * x + 0.7).collect();
        let (dy, weight, bias) = (numbers(x.len(), 2), numbers(norm.channels(), 3), numbers(norm.channels(), 4));
        let mut out = norm.outputs(f32::NAN);
        norm.run(&x, &dy, Some([&weight, &bias]), Update::Overwrite, &mut out).unwrap();

        let inputs = [wide(&x), wide(&weight), wide(&bias)];
        for (y, want) in out.y.iter().zip(norm.forward_f64(&inputs[0], &inputs[1], &inputs[2])) {
            assert!((*y as f64 - want).abs() < 1e-6, "{norm:?}: {y} against {want}");
        }
        let gradients = [&out.dx, &out.dweight, &out.dbias];
        // RMS normalization has no bias.
        for (which, gradient) in gradients.into_iter().enumerate().take(if norm.centered() { 3 } else { 2 }) {
            for i in 0..gradient.len() {
                let at = |step: f64| {
                    let mut moved = inputs.clone();
                    moved[which][i] += step;
                    let y = norm.forward_f64(&moved[0], &moved[1], &moved[2]);
                    y.iter().zip(&dy).map(|(y, dy)| y * *dy as f64).sum::<f64>()
                };
                let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
                let error = (gradient[i] as f64 - slope).abs();
                assert!(error < 1e-5 * slope.abs().max(0.1), "{norm:?} {which} {i}: {} against {slope}", gradient[i]);
            }
        }
    }
}

/// A batch gives the bits of its samples one by one, accumulated gradients too.
#[test]
fn samples_are_independent() {
    for norm in ALL {
        let ([n, c, spatial], groups) = norm.dims();
        let (x, dy) = (numbers(norm.len(), 5), numbers(norm.len(), 6));
        let (weight, bias) = (numbers(c, 7), numbers(c, 8));
        let affine = Some([&weight[..], &bias[..]]);
        let (mut whole, mut each) = (norm.outputs(3.0), norm.outputs(3.0));
        norm.run(&x, &dy, affine, Update::Accumulate, &mut whole).unwrap();
        let mut joined = norm.outputs(3.0);
        for i in 0..n {
            let sample = i * c * spatial..(i + 1) * c * spatial;
            let one = norm.with_samples(1);
            let mut out = one.outputs(0.0);
            (out.dweight, out.dbias) = (each.dweight.clone(), each.dbias.clone());
            one.run(&x[sample.clone()], &dy[sample.clone()], affine, Update::Accumulate, &mut out).unwrap();
            joined.y[sample.clone()].copy_from_slice(&out.y);
            joined.dx[sample].copy_from_slice(&out.dx);
            joined.mean[i * groups..(i + 1) * groups].copy_from_slice(&out.mean);
            joined.rstd[i * groups..(i + 1) * groups].copy_from_slice(&out.rstd);
            (each.dweight, each.dbias) = (out.dweight, out.dbias);
        }
        for (what, got, want) in [
            ("y", &joined.y, &whole.y),
            ("mean", &joined.mean, &whole.mean),
            ("rstd", &joined.rstd, &whole.rstd),
            ("dx", &joined.dx, &whole.dx),
            ("dweight", &each.dweight, &whole.dweight),
            ("dbias", &each.dbias, &whole.dbias),
        ] {
            assert_bits(&format!("{norm:?}: {what}"), got, want);
        }
    }
}

/// Nothing is the same as a weight of 1 and a bias of 0.
#[test]
fn without_weight_and_bias() {
    for norm in ALL {
        let (x, dy, c) = (numbers(norm.len(), 9), numbers(norm.len(), 10), norm.channels());
        let (mut with, mut without) = (norm.outputs(f32::NAN), norm.outputs(f32::NAN));
        let (ones, zeros) = (vec![1.0; c], vec![0.0; c]);
        norm.run(&x, &dy, Some([&ones, &zeros]), Update::Overwrite, &mut with).unwrap();
        norm.run(&x, &dy, None, Update::Overwrite, &mut without).unwrap();
        assert_bits(&format!("{norm:?}: y"), &without.y, &with.y);
        assert_bits(&format!("{norm:?}: dx"), &without.dx, &with.dx);
        assert_bits(&format!("{norm:?}: dweight"), &without.dweight, &with.dweight);
    }
}

/// A layer norm is a group norm of one group.
#[test]
fn layer_norm_is_group_norm_of_one_group() {
    let (layer, group) = (Norm::Layer(LayerNorm::new(9, 53)), Norm::Group(GroupNorm::new(9, 53, 1, 1)));
    let (x, dy, weight, bias) = (numbers(9 * 53, 1), numbers(9 * 53, 2), numbers(53, 3), numbers(53, 4));
    let (mut a, mut b) = (layer.outputs(f32::NAN), group.outputs(f32::NAN));
    for (norm, out) in [(layer, &mut a), (group, &mut b)] {
        norm.run(&x, &dy, Some([&weight, &bias]), Update::Overwrite, out).unwrap();
    }
    assert_bits("y", &a.y, &b.y);
    assert_bits("dx", &a.dx, &b.dx);
    assert_bits("dweight", &a.dweight, &b.dweight);
}

/// E[x^2] - E[x]^2 in f32 loses the variance here: the mean is 1000.
#[test]
fn a_large_mean_does_not_cancel() {
    for norm in ALL {
        let x: Vec<f32> = numbers(norm.len(), 4).iter().map(|x| 1000.0 + x).collect();
        let ([_, c, spatial], groups) = norm.dims();
        let mut out = norm.outputs(f32::NAN);
        norm.run(&x, &numbers(x.len(), 5), None, Update::Overwrite, &mut out).unwrap();
        let len = c / groups * spatial;
        for (run, rstd) in wide(&x).chunks(len).zip(&out.rstd) {
            let mean = if norm.centered() { run.iter().sum::<f64>() / len as f64 } else { 0.0 };
            let var = run.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / len as f64;
            let want = 1.0 / (var + norm.eps() as f64).sqrt();
            assert!((*rstd as f64 / want - 1.0).abs() < 1e-6, "{norm:?}: {rstd} against {want}");
        }
        // Deviations are exact; only the mean, rounded to 6e-5, is not.
        let want = norm.forward_f64(&wide(&x), &vec![1.0; c], &vec![0.0; c]);
        for (y, want) in out.y.iter().zip(want) {
            assert!((*y as f64 - want).abs() < 5e-4, "{norm:?}: {y} against {want}");
        }
    }
}

#[test]
fn a_nan_stays_in_its_sample() {
    for norm in ALL {
        let ([n, c, spatial], _) = norm.dims();
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut x = numbers(norm.len(), 6);
            x[0] = bad;
            let mut out = norm.outputs(f32::NAN);
            norm.run(&x, &numbers(x.len(), 7), None, Update::Overwrite, &mut out).unwrap();
            assert!(out.y[0].is_nan(), "{norm:?}");
            assert!(out.y[c * spatial..].iter().chain(&out.dx[c * spatial..]).all(|y| y.is_finite()), "{norm:?}, {n}");
        }
    }
}

/// A constant row has no deviation: `eps` keeps the division finite, and the output is the bias.
#[test]
fn constant_rows_become_the_bias() {
    for norm in ALL.into_iter().filter(|norm| norm.centered()) {
        let (c, mut out) = (norm.channels(), norm.outputs(f32::NAN));
        let (x, weight, bias) = (vec![0.25; norm.len()], numbers(c, 1), vec![0.5; c]);
        norm.run(&x, &numbers(x.len(), 2), Some([&weight, &bias]), Update::Overwrite, &mut out).unwrap();
        assert!(out.y.iter().all(|y| (y - 0.5).abs() < 1e-4), "{norm:?}");
        assert!(out.dx.iter().all(|dx| dx.is_finite()));
    }
    let (ln, mut y, mut mean, mut rstd) = (LayerNorm::new(2, 1), [0.0; 2], [0.0; 2], [0.0; 2]);
    let affine = Affine { weight: None, bias: Some(&[0.5][..]) };
    layer_norm(ctx(), &ln, &[7.0, -7.0], affine, &mut y, Saved { mean: &mut mean, rstd: &mut rstd }).unwrap();
    assert_eq!(y, [0.5; 2]);
}

/// No samples: the gradients of weight and bias are 0, or stay as they are.
#[test]
fn empty_batches() {
    for norm in ALL.map(|norm| norm.with_samples(0)) {
        for (update, want) in [(Update::Overwrite, 0.0), (Update::Accumulate, 7.0)] {
            let mut out = norm.outputs(7.0);
            norm.run(&[], &[], None, update, &mut out).unwrap();
            assert!(out.dweight.iter().all(|d| *d == want), "{norm:?}");
        }
    }
}

#[test]
fn wrong_shapes_and_parameters_are_refused() {
    let one = Error::Dimension { what: "channels / groups * spatial", requires: "more than 1", actual: 1 };
    assert_eq!(GroupNorm::instance(8, 3, 1).check(), Err(one));
    assert_eq!(GroupNorm::new(8, 3, 1, 1).check(), Ok(()));
    for [channels, groups] in [[6, 4], [6, 0], [2, 4]] {
        let error = Error::Dimension { what: "channels", requires: "a multiple of groups", actual: channels };
        assert_eq!(GroupNorm::new(2, channels, 3, groups).check(), Err(error));
    }
    assert_eq!(GroupNorm::instance(2, 0, 3).check(), Ok(()));
    assert!(matches!(GroupNorm::new(usize::MAX, 4, 3, 2).check(), Err(Error::Overflow { .. })));
    assert!(matches!(GroupNorm::new(usize::MAX, 0, 3, 2).check(), Err(Error::Overflow { .. })));
    assert!(matches!(LayerNorm::new(usize::MAX, 2).check(), Err(Error::Overflow { .. })));
    assert!(matches!(RmsNorm::new(usize::MAX, 2).check(), Err(Error::Overflow { .. })));
    for eps in [-1.0, f32::NAN, f32::INFINITY] {
        let refused = [
            GroupNorm::new(2, 4, 3, 2).eps(eps).check(),
            LayerNorm::new(2, 4).eps(eps).check(),
            RmsNorm::new(2, 4).eps(eps).check(),
        ];
        assert!(refused.iter().all(|r| matches!(r, Err(Error::Parameter { what: "eps", .. }))), "{refused:?}");
    }
}
