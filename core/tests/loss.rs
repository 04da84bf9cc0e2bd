//! Losses: f64, finite differences, invariants, edge cases, refusals. That the kernels have the bits of the plain loops
//! is tested over the list of cases (`kernels.rs`).

mod common;
use common::{assert_bits, assert_close, contexts, numbers, slopes};
use flatgrad_core::loss::*;
use flatgrad_core::{Context, Error, Isa};

fn ctx() -> Context<'static> {
    Context::serial(Isa::detect())
}

fn data(n: usize, classes: usize) -> (Vec<f32>, Vec<u32>) {
    let logits = numbers(n * classes, 5).iter().map(|x| x * 8.0).collect();
    (logits, (0..n).map(|i| (i * 31 % classes.max(1)) as u32).collect())
}

/// Rows of positive numbers, which add up to one if `normal`.
fn probabilities(n: usize, classes: usize, normal: bool) -> Vec<f32> {
    let mut p: Vec<f32> = numbers(n * classes, 9).iter().map(|p| p.abs()).collect();
    for row in p.chunks_mut(classes) {
        let sum = if normal { row.iter().sum::<f32>() } else { 1.0 };
        row.iter_mut().for_each(|p| *p /= sum);
    }
    p
}

/// Cross entropy for `p` `[n, classes]` in f64.
fn cross_entropy_f64(x: &[f64], classes: usize, p: &[f32], smoothing: f64) -> f64 {
    let rows = x.chunks(classes).zip(p.chunks(classes));
    let row = |(x, p): (&[f64], &[f32])| {
        let log = x.iter().map(|x| x.exp()).sum::<f64>().ln();
        let t = |p: f32| (1.0 - smoothing) * p as f64 + smoothing / classes as f64;
        x.iter().zip(p).map(|(x, p)| t(*p) * (log - x)).sum::<f64>()
    };
    rows.map(row).sum()
}

#[test]
fn cross_entropy_by_finite_differences() {
    let (n, classes) = (7, 11);
    let (logits, labels) = data(n, classes);
    let wide: Vec<f64> = logits.iter().map(|&x| x as f64).collect();
    let onehot: Vec<f32> =
        (0..n * classes).map(|i| (labels[i / classes] as usize == i % classes) as u32 as f32).collect();
    let (normal, free) = (probabilities(n, classes, true), probabilities(n, classes, false));
    for (target, p) in
        [(Target::Classes(&labels), &onehot), (Target::Values(&normal), &normal), (Target::Values(&free), &free)]
    {
        for smoothing in [0.0, 0.1, 1.0] {
            let mut dx = vec![f32::NAN; logits.len()];
            let report = cross_entropy_backward(ctx(), [n, classes], smoothing, 0.5, &logits, target, &mut dx).unwrap();
            let want = cross_entropy_f64(&wide, classes, p, smoothing as f64);
            assert_close("loss", &[report.loss_sum], &[want as f32], 1e-6, 0.0);
            let want = slopes(&logits, |x| 0.5 * cross_entropy_f64(x, classes, p, smoothing as f64));
            assert_close("gradient", &dx, &want, 1e-6, 1.0);
        }
    }
}

/// What the weights of whole training runs rest on: the very operations of the first version of this kernel.
#[test]
fn class_indices_without_smoothing_are_the_logarithm_of_the_softmax() {
    let (n, classes) = (9, 13);
    let (logits, labels) = data(n, classes);
    let (mut q, mut log) = (vec![0.0; logits.len()], vec![0.0; logits.len()]);
    flatgrad_core::activation::softmax(ctx(), [n, classes], &logits, &mut q).unwrap();
    flatgrad_core::activation::log_softmax(ctx(), [n, classes], &logits, &mut log).unwrap();
    let mut loss = 0.0;
    for (i, &label) in labels.iter().enumerate() {
        let at = i * classes + label as usize;
        loss += -log[at];
        q[at] -= 1.0;
    }
    q.iter_mut().for_each(|q| *q *= 0.037);
    let mut dx = vec![f32::NAN; q.len()];
    let target = Target::from(&labels[..]);
    let report = cross_entropy_backward(ctx(), [n, classes], 0.0, 0.037, &logits, target, &mut dx).unwrap();
    assert_bits("loss", &[report.loss_sum], &[loss]);
    assert_bits("gradient", &dx, &q);
}

#[test]
fn certain_probabilities_are_class_indices() {
    let (n, classes) = (70, 13);
    let (logits, labels) = data(n, classes);
    let p: Vec<f32> = (0..n * classes).map(|i| (labels[i / classes] as usize == i % classes) as u32 as f32).collect();
    let (mut a, mut b) = (vec![0.0; logits.len()], vec![0.0; logits.len()]);
    let [first, second] = [(Target::Classes(&labels), &mut a), (Target::Values(&p), &mut b)]
        .map(|(target, dx)| cross_entropy_backward(ctx(), [n, classes], 0.0, 0.1, &logits, target, dx).unwrap());
    assert_eq!((first, a), (second, b));
}

#[test]
fn gradients_of_a_sample_add_up_to_nothing() {
    let (n, classes) = (5, 10);
    let (logits, labels) = data(n, classes);
    let p = probabilities(n, classes, true);
    for target in [Target::Classes(&labels), Target::Values(&p)] {
        for smoothing in [0.0, 0.2] {
            let mut dx = vec![f32::NAN; logits.len()];
            cross_entropy_backward(ctx(), [n, classes], smoothing, 1.0, &logits, target, &mut dx).unwrap();
            for row in dx.chunks(classes) {
                assert!(row.iter().sum::<f32>().abs() < 1e-6, "{row:?}");
            }
        }
    }
}

/// Mixing two targets is mixing two losses: what mixup needs.
#[test]
fn the_loss_of_a_mixture_is_the_mixture_of_the_losses() {
    let (logits, _) = data(1, 10);
    let loss = |target| cross_entropy(ctx(), [1, 10], 0.0, &logits, target).unwrap().loss_sum;
    let mut p = [0.0; 10];
    (p[3], p[8]) = (0.25, 0.75);
    let want = 0.25 * loss(Target::Classes(&[3])) + 0.75 * loss(Target::Classes(&[8]));
    assert_close("loss", &[loss(Target::Values(&p))], &[want], 1e-6, 0.0);
}

type Call<'a> = &'a dyn Fn(Context, std::ops::Range<usize>, &mut [f32]) -> LossReport;

/// The losses of a batch's samples one by one add up to that of the batch, and the gradients are the same: all bits.
#[test]
fn a_batch_is_its_samples_one_by_one() {
    let (n, f) = (150, 23);
    let (x, labels) = data(n, f);
    let p = probabilities(n, f, false);
    let only = |loss_sum| LossReport { loss_sum, correct: 0 };
    let at = |r: &std::ops::Range<usize>| r.start * f..r.end * f;
    let calls: [Call; 5] = [
        &|ctx, r, dx| {
            let target = Target::Classes(&labels[r.clone()]);
            cross_entropy_backward(ctx, [r.len(), f], 0.1, 0.3, &x[at(&r)], target, dx).unwrap()
        },
        &|ctx, r, dx| {
            let target = Target::Values(&p[at(&r)]);
            cross_entropy_backward(ctx, [r.len(), f], 0.0, 0.3, &x[at(&r)], target, dx).unwrap()
        },
        &|ctx, r, dx| only(mean_squared_backward(ctx, [r.len(), f], 0.3, &x[at(&r)], &p[at(&r)], dx).unwrap()),
        &|ctx, r, dx| only(huber_backward(ctx, [r.len(), f], 1.0, 0.3, &x[at(&r)], &p[at(&r)], dx).unwrap()),
        &|ctx, r, dx| binary_cross_entropy_backward(ctx, [r.len(), f], 0.3, &x[at(&r)], &p[at(&r)], dx).unwrap(),
    ];
    for (i, call) in calls.iter().enumerate() {
        for (name, ctx) in contexts() {
            let (mut whole, mut parts) = (vec![f32::NAN; n * f], vec![f32::NAN; n * f]);
            let report = call(ctx, 0..n, &mut whole);
            let mut sum = LossReport::default();
            for i in 0..n {
                let one = call(ctx, i..i + 1, &mut parts[i * f..(i + 1) * f]);
                (sum.loss_sum, sum.correct) = (sum.loss_sum + one.loss_sum, sum.correct + one.correct);
            }
            assert_eq!(report, sum, "{name}: loss {i}");
            assert_bits(&format!("{name}: gradient of loss {i}"), &whole, &parts);
        }
    }
}

#[test]
fn regression_by_finite_differences() {
    let (n, f) = (6, 7);
    let (x, t): (Vec<f32>, _) = (numbers(n * f, 5).iter().map(|x| x * 4.0).collect(), numbers(n * f, 6));
    let sum = |x: &[f64], h: &dyn Fn(f64) -> f64| x.iter().zip(&t).map(|(x, t)| h(x - *t as f64)).sum::<f64>();
    let wide: Vec<f64> = x.iter().map(|&x| x as f64).collect();
    let mut dx = vec![f32::NAN; n * f];

    let loss = mean_squared_backward(ctx(), [n, f], 0.5, &x, &t, &mut dx).unwrap();
    let square = |d: f64| d * d;
    assert_close("loss", &[loss], &[sum(&wide, &square) as f32], 1e-6, 0.0);
    assert_close("gradient", &dx, &slopes(&x, |x| 0.5 * sum(x, &square)), 1e-6, 1.0);

    for delta in [0.25, 1.0, 3.0] {
        let loss = huber_backward(ctx(), [n, f], delta, 0.5, &x, &t, &mut dx).unwrap();
        let delta = delta as f64;
        let h = |d: f64| if d.abs() < delta { d * d / 2.0 } else { delta * (d.abs() - delta / 2.0) };
        assert_close("loss", &[loss], &[sum(&wide, &h) as f32], 1e-6, 0.0);
        assert_close("gradient", &dx, &slopes(&x, |x| 0.5 * sum(x, &h)), 1e-6, 1.0);
    }
}

#[test]
fn huber_with_a_huge_delta_is_half_the_squares() {
    let (x, t) = (numbers(300, 5), numbers(300, 6));
    let (mut a, mut b) = ([0.0; 300], [0.0; 300]);
    for delta in [1e30, f32::INFINITY] {
        let huge = huber_backward(ctx(), [10, 30], delta, 1.0, &x, &t, &mut a).unwrap();
        let squares = mean_squared_backward(ctx(), [10, 30], 0.5, &x, &t, &mut b).unwrap();
        assert_eq!((huge, a), (0.5 * squares, b));
    }
}

#[test]
fn huber_limits_the_gradient_and_lets_nan_through() {
    let mut dx = [0.0; 4];
    let x = [f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 1.5];
    let loss = huber_backward(ctx(), [1, 4], 2.0, 3.0, &x, &[0.0; 4], &mut dx).unwrap();
    assert!(loss.is_nan() && dx[2].is_nan());
    assert_eq!([dx[0], dx[1], dx[3]], [6.0, -6.0, 4.5]);
}

#[test]
fn binary_cross_entropy_by_finite_differences() {
    let (n, f) = (6, 7);
    let x: Vec<f32> = numbers(n * f, 5).iter().map(|x| x * 8.0).collect();
    let mut t = probabilities(n, f, false);
    (t[0], t[1]) = (0.0, 1.0);
    let sum = |x: &[f64]| -> f64 {
        let one = |(x, t): (&f64, &f32)| {
            let (p, q) = (1.0 / (1.0 + (-x).exp()), 1.0 / (1.0 + x.exp()));
            -(*t as f64 * p.ln() + (1.0 - *t as f64) * q.ln())
        };
        x.iter().zip(&t).map(one).sum()
    };
    let mut dx = vec![f32::NAN; n * f];
    let report = binary_cross_entropy_backward(ctx(), [n, f], 0.5, &x, &t, &mut dx).unwrap();
    let wide: Vec<f64> = x.iter().map(|&x| x as f64).collect();
    assert_close("loss", &[report.loss_sum], &[sum(&wide) as f32], 1e-6, 0.0);
    assert_close("gradient", &dx, &slopes(&x, |x| 0.5 * sum(x)), 1e-6, 1.0);
    let right = x.iter().zip(&t).filter(|(x, t)| (**x > 0.0) == (**t > 0.5)).count();
    assert_eq!(report.correct, right);
}

/// Two classes with logits 0 and `x` are one yes-or-no answer with the logit `x`.
#[test]
fn binary_cross_entropy_is_cross_entropy_of_two_classes() {
    for x in [-20.0, -3.0, -0.1, 0.1, 2.0, 15.0] {
        for label in [0, 1] {
            let two = cross_entropy(ctx(), [1, 2], 0.0, &[0.0, x], Target::Classes(&[label])).unwrap();
            let one = binary_cross_entropy(ctx(), [1, 1], &[x], &[label as f32]).unwrap();
            assert_close("loss", &[one.loss_sum], &[two.loss_sum], 1e-6, 0.1);
            assert_eq!(one.correct, two.correct);
        }
    }
}

#[test]
fn the_initial_loss_is_the_logarithm_of_the_number_of_classes() {
    let report = cross_entropy(ctx(), [100, 10], 0.0, &[0.25; 1000], Target::Classes(&[0; 100])).unwrap();
    assert!((report.loss_sum / 100.0 - 10f32.ln()).abs() < 1e-5);
    assert_eq!(report.correct, 100, "of equal logits the first counts");
}

#[test]
fn ties_and_nan_in_the_prediction() {
    for (name, ctx) in contexts() {
        let report = |x: [f32; 3], target: Target<'_>| cross_entropy(ctx, [1, 3], 0.0, &x, target).unwrap();
        let correct = |x: [f32; 3], label| report(x, Target::Classes(&[label])).correct;
        assert_eq!([0, 1, 2].map(|l| correct([1.0, 2.0, 2.0], l)), [0, 1, 0], "{name}");
        assert_eq!([0, 1, 2].map(|l| correct([-0.0, 0.0, -1.0], l)), [1, 0, 0], "{name}");
        assert_eq!([0, 1, 2].map(|l| correct([f32::NAN, 0.0, 1.0], l)), [0, 0, 1], "{name}");
        assert!(report([f32::NAN, 0.0, 1.0], Target::Classes(&[2])).loss_sum.is_nan(), "{name}");
        let correct = |p: [f32; 3]| report([1.0, 2.0, 0.0], Target::Values(&p)).correct;
        assert_eq!(correct([0.2, 0.4, 0.4]), 1, "{name}: of equal probabilities the first counts");
        assert_eq!(correct([0.4, 0.4, 0.2]), 0, "{name}");
        assert_eq!([correct([f32::NAN, 0.4, 0.2]), correct([f32::NAN; 3])], [1, 0], "{name}");
    }
}

#[test]
fn extreme_logits() {
    let mut dx = [0.0; 2];
    for size in [1e3, 1e4] {
        for (label, loss, want) in [(1, 2.0 * size, [1.0, -1.0]), (0, 0.0, [0.0, 0.0])] {
            let (x, target) = ([size, -size], Target::Classes(&[label]));
            let report = cross_entropy_backward(ctx(), [1, 2], 0.0, 1.0, &x, target, &mut dx).unwrap();
            assert_eq!((report.loss_sum, dx), (loss, want));
        }
        let p = Target::Values(&[0.25, 0.75]);
        let report = cross_entropy_backward(ctx(), [1, 2], 0.0, 1.0, &[size, -size], p, &mut dx).unwrap();
        assert_eq!((report.loss_sum, dx), (1.5 * size, [0.75, -0.75]));
        let report = cross_entropy_backward(ctx(), [1, 2], 0.5, 1.0, &[size, -size], p, &mut dx).unwrap();
        assert_eq!((report.loss_sum, dx), (1.25 * size, [0.625, -0.625]));
        let report = binary_cross_entropy_backward(ctx(), [1, 2], 1.0, &[size, -size], &[0.0, 0.0], &mut dx).unwrap();
        assert_eq!((report.loss_sum, dx, report.correct), (size, [1.0, 0.0], 1));
    }
}

#[test]
fn wrong_arguments_are_refused_and_nothing_is_written() {
    let mut dx = [7.0; 6];
    let mut call = |dims, x: &[f32], target, smoothing| {
        let backward = cross_entropy_backward(ctx(), dims, smoothing, 1.0, x, target, &mut dx);
        let forward = cross_entropy(ctx(), dims, smoothing, x, target);
        assert_eq!(format!("{backward:?}"), format!("{forward:?}"), "NaN is not equal to itself");
        assert_eq!(dx, [7.0; 6]);
        backward.unwrap_err()
    };
    let x = [1.0; 6];
    let labels = |labels| Target::Classes(labels);
    assert_eq!(call([2, 3], &x, labels(&[0, 3]), 0.0), Error::Label { index: 1, label: 3, classes: 3 });
    assert_eq!(call([2, 3], &x, labels(&[u32::MAX, 3]), 0.0), Error::Label { index: 0, label: u32::MAX, classes: 3 });
    assert_eq!(call([2, 3], &x, labels(&[0]), 0.0), Error::Length { what: "labels", expected: 2, actual: 1 });
    assert_eq!(call([2, 3], &x[..5], labels(&[0, 0]), 0.0), Error::Length { what: "logits", expected: 6, actual: 5 });
    assert_eq!(call([usize::MAX, 3], &x, labels(&[0, 0]), 0.0), Error::Overflow { what: "logits" });
    let short = Target::Values(&x[1..]);
    assert_eq!(call([2, 3], &x, short, 0.0), Error::Length { what: "probabilities", expected: 6, actual: 5 });
    for smoothing in [-0.1, 1.1, f32::NAN] {
        let error = call([2, 3], &x, labels(&[0, 0]), smoothing);
        assert!(matches!(error, Error::Parameter { what: "label_smoothing", .. }), "{error:?}");
    }
    let none = cross_entropy(ctx(), [1, 0], 0.0, &[], labels(&[0]));
    assert_eq!(none, Err(Error::Label { index: 0, label: 0, classes: 0 }));
    assert_eq!(cross_entropy(ctx(), [0, 0], 0.0, &[], labels(&[])), Ok(LossReport::default()));

    for delta in [0.0, -1.0, f32::NAN] {
        let error = huber_backward(ctx(), [2, 3], delta, 1.0, &x, &x, &mut dx).unwrap_err();
        assert!(matches!(error, Error::Parameter { what: "delta", .. }), "{error:?}");
        assert!(huber(ctx(), [2, 3], delta, &x, &x).is_err());
    }
    for t in [-0.1, 1.1, f32::NAN, f32::INFINITY] {
        let target = [0.0, 1.0, 0.5, t, 2.0, 0.0];
        let error = binary_cross_entropy_backward(ctx(), [2, 3], 1.0, &x, &target, &mut dx).unwrap_err();
        let Error::Parameter { what: "target", actual, .. } = error else { panic!("{error:?}") };
        assert_eq!(actual.to_bits(), t.to_bits());
        assert!(binary_cross_entropy(ctx(), [2, 3], &x, &target).is_err());
    }
    assert_eq!(dx, [7.0; 6]);
}
