//! Batch normalization, activations and pooling at the sizes of a small convolutional network, in bytes that must move.
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flatgrad_core::activation::{Activation, activate, activate_backward, softmax};
use flatgrad_core::loss::{Target, cross_entropy_backward};
use flatgrad_core::norm::*;
use flatgrad_core::pool::{
    AvgPool2d, MaxPool2d, avg_pool2d, avg_pool2d_backward, global_avg_pool, global_avg_pool_backward, max_pool2d,
    max_pool2d_backward,
};
use flatgrad_core::{Context, Isa, Update};
use std::hint::black_box;

/// Repeatable numbers in -1 to 1.
fn numbers(len: usize) -> Vec<f32> {
    let mut s = 12345u32;
    (0..len)
        .map(|_| {
            s = s.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (s >> 8) as f32 / 8_388_608.0 - 1.0
        })
        .collect()
}

fn bytes(floats: usize) -> Throughput {
    Throughput::Bytes(4 * floats as u64)
}

fn batch_norm(c: &mut Criterion) {
    let mut group = c.benchmark_group("batch_norm");
    group.sample_size(20);
    for (name, bn) in [
        ("n128 c32 28x28", BatchNorm::new(128, 32, 784)),
        ("n128 c64 14x14", BatchNorm::new(128, 64, 196)),
        ("n128 800", BatchNorm::new(128, 800, 1)),
    ] {
        let (len, channels) = (bn.input_len(), bn.channels);
        let (x, dy, scale, shift) = (numbers(len), numbers(len), vec![1.0; channels], vec![0.0; channels]);
        let (mut y, mut dx) = (vec![0.0; len], vec![0.0; len]);
        let mut v = [0; 6].map(|_| vec![0.0; channels]);
        let [rm, rv, mean, rstd, dscale, dshift] = &mut v;
        for isa in Isa::available() {
            let ctx = Context::serial(isa);
            // Forward reads x and writes y; backward reads x and dy and writes dx.
            group.throughput(bytes(2 * len));
            group.bench_function(BenchmarkId::new(format!("forward {name}"), isa.name()), |b| {
                b.iter(|| {
                    let affine = Affine { weight: &scale[..], bias: &shift[..] };
                    let running = Running { mean: &mut rm[..], var: &mut rv[..] };
                    let saved = Saved { mean: &mut mean[..], rstd: &mut rstd[..] };
                    batch_norm_train(ctx, &bn, black_box(&x), affine, running, &mut y, saved).unwrap();
                });
            });
            group.throughput(bytes(3 * len));
            group.bench_function(BenchmarkId::new(format!("backward {name}"), isa.name()), |b| {
                b.iter(|| {
                    let (x, saved) = (black_box(&x), Saved { mean: &mean[..], rstd: &rstd[..] });
                    let gradients = Gradients { x: &mut dx, weight: &mut dscale[..], bias: &mut dshift[..] };
                    batch_norm_backward(ctx, &bn, x, &dy, &scale, saved, Update::Overwrite, gradients).unwrap();
                });
            });
        }
    }
}

/// Group, layer and RMS normalization: each reads x and writes y; its gradient reads x and dy and writes dx.
fn rows(c: &mut Criterion) {
    let mut group = c.benchmark_group("norm");
    group.sample_size(20);
    let gn = GroupNorm::new(128, 32, 784, 4);
    let (ln, rn) = (LayerNorm::new(128 * 196, 64), RmsNorm::new(128 * 196, 64));
    let (x, dy) = (numbers(gn.input_len()), numbers(gn.input_len()));
    let (mut y, mut mean, mut rstd) = (vec![0.0; x.len()], vec![0.0; ln.rows], vec![0.0; ln.rows]);
    let (scale, shift, mut dscale, mut dshift) = ([1.0; 64], [0.0; 64], [0.0; 64], [0.0; 64]);
    for isa in Isa::available() {
        let (ctx, update) = (Context::serial(isa), Update::Overwrite);
        let (m, r) = (&mut mean[..gn.statistics_len()], &mut rstd[..gn.statistics_len()]);
        let affine32 = Affine { weight: Some(&scale[..32]), bias: Some(&shift[..32]) };
        group.throughput(bytes(2 * x.len()));
        group.bench_function(BenchmarkId::new("group_norm n128 c32 28x28 groups 4", isa.name()), |b| {
            b.iter(|| {
                let saved = Saved { mean: &mut m[..], rstd: &mut r[..] };
                group_norm(ctx, &gn, black_box(&x), affine32, &mut y, saved).unwrap();
            });
        });
        group.throughput(bytes(3 * x.len()));
        group.bench_function(BenchmarkId::new("group_norm_backward n128 c32 28x28 groups 4", isa.name()), |b| {
            b.iter(|| {
                let (x, saved) = (black_box(&x), Saved { mean: &m[..], rstd: &r[..] });
                let (weight, bias) = (Some(&mut dscale[..32]), Some(&mut dshift[..32]));
                let gradients = Gradients { x: &mut y, weight, bias };
                group_norm_backward(ctx, &gn, x, &dy, affine32.weight, saved, update, gradients).unwrap();
            });
        });
        let (x, dy, y) = (&x[..ln.input_len()], &dy[..ln.input_len()], &mut y[..ln.input_len()]);
        let affine = Affine { weight: Some(&scale[..]), bias: Some(&shift[..]) };
        group.throughput(bytes(2 * x.len()));
        group.bench_function(BenchmarkId::new("layer_norm 25088 x 64", isa.name()), |b| {
            b.iter(|| {
                let saved = Saved { mean: &mut mean[..], rstd: &mut rstd[..] };
                layer_norm(ctx, &ln, black_box(x), affine, y, saved).unwrap();
            });
        });
        group.bench_function(BenchmarkId::new("rms_norm 25088 x 64", isa.name()), |b| {
            b.iter(|| rms_norm(ctx, &rn, black_box(x), affine.weight, y, &mut rstd).unwrap());
        });
        group.throughput(bytes(3 * x.len()));
        group.bench_function(BenchmarkId::new("layer_norm_backward 25088 x 64", isa.name()), |b| {
            b.iter(|| {
                let (x, saved) = (black_box(x), Saved { mean: &mean[..], rstd: &rstd[..] });
                let (weight, bias) = (Some(&mut dscale[..]), Some(&mut dshift[..]));
                let gradients = Gradients { x: y, weight, bias };
                layer_norm_backward(ctx, &ln, x, dy, affine.weight, saved, update, gradients).unwrap();
            });
        });
        group.bench_function(BenchmarkId::new("rms_norm_backward 25088 x 64", isa.name()), |b| {
            b.iter(|| {
                let gradients = Gradients { x: y, weight: Some(&mut dscale[..]), bias: () };
                rms_norm_backward(ctx, &rn, black_box(x), dy, affine.weight, &rstd, update, gradients).unwrap();
            });
        });
    }
}

fn max_pooling(c: &mut Criterion) {
    let mut group = c.benchmark_group("max_pool2d");
    group.sample_size(20);
    for (name, pool) in [
        ("2x2 n128 c32 28x28", MaxPool2d::new(128, [32, 28, 28], [2, 2])),
        ("3x3 stride 2 n128 c32 28x28", MaxPool2d::new(128, [32, 28, 28], [3, 3]).stride([2, 2]).padding([1, 1])),
    ] {
        let (x, dy) = (numbers(pool.input_len()), numbers(pool.output_len()));
        let (mut y, mut dx) = (vec![0.0; dy.len()], vec![0.0; x.len()]);
        for isa in Isa::available() {
            let ctx = Context::serial(isa);
            group.throughput(bytes(x.len() + dy.len()));
            group.bench_function(BenchmarkId::new(format!("forward {name}"), isa.name()), |b| {
                b.iter(|| max_pool2d(ctx, &pool, black_box(&x), &mut y).unwrap());
            });
            group.throughput(bytes(2 * x.len() + dy.len()));
            group.bench_function(BenchmarkId::new(format!("backward {name}"), isa.name()), |b| {
                b.iter(|| max_pool2d_backward(ctx, &pool, black_box(&x), &dy, &mut dx).unwrap());
            });
        }
    }
}

fn average_pooling(c: &mut Criterion) {
    let mut group = c.benchmark_group("avg_pool2d");
    group.sample_size(20);
    for (name, stride) in [("3x3 stride 1 n128 c32 28x28", 1), ("3x3 stride 2 n128 c32 28x28", 2)] {
        let pool = AvgPool2d::new(128, [32, 28, 28], [3, 3]).stride([stride; 2]).padding([1, 1]);
        let (x, dy) = (numbers(pool.input_len()), numbers(pool.output_len()));
        let (mut y, mut dx) = (vec![0.0; dy.len()], vec![0.0; x.len()]);
        for isa in Isa::available() {
            let ctx = Context::serial(isa);
            group.throughput(bytes(x.len() + dy.len()));
            group.bench_function(BenchmarkId::new(format!("forward {name}"), isa.name()), |b| {
                b.iter(|| avg_pool2d(ctx, &pool, black_box(&x), &mut y).unwrap());
            });
            group.bench_function(BenchmarkId::new(format!("backward {name}"), isa.name()), |b| {
                b.iter(|| avg_pool2d_backward(ctx, &pool, black_box(&dy), &mut dx).unwrap());
            });
        }
    }
    let shape = [128, 32, 784];
    let (x, dy) = (numbers(128 * 32 * 784), numbers(128 * 32));
    let (mut y, mut dx) = (vec![0.0; dy.len()], vec![0.0; x.len()]);
    for isa in Isa::available() {
        let ctx = Context::serial(isa);
        group.throughput(bytes(x.len() + dy.len()));
        group.bench_function(BenchmarkId::new("forward global n128 c32 28x28", isa.name()), |b| {
            b.iter(|| global_avg_pool(ctx, shape, black_box(&x), &mut y).unwrap());
        });
        group.bench_function(BenchmarkId::new("backward global n128 c32 28x28", isa.name()), |b| {
            b.iter(|| global_avg_pool_backward(ctx, shape, black_box(&dy), &mut dx).unwrap());
        });
    }
}

fn activations(c: &mut Criterion) {
    let mut group = c.benchmark_group("activation");
    group.sample_size(20);
    let len = 128 * 32 * 784;
    let (x, dy, mut y) = (numbers(len), numbers(len), vec![0.0; len]);
    let labels: Vec<u32> = (0..1280).map(|i| i % 10).collect();
    for isa in Isa::available() {
        let ctx = Context::serial(isa);
        group.throughput(bytes(2 * len));
        group.bench_function(BenchmarkId::new("copy", isa.name()), |b| b.iter(|| y.copy_from_slice(black_box(&x))));
        group.bench_function(BenchmarkId::new("relu", isa.name()), |b| {
            b.iter(|| activate(ctx, Activation::Relu, black_box(&x), &mut y).unwrap());
        });
        group.throughput(bytes(3 * len));
        group.bench_function(BenchmarkId::new("relu_backward", isa.name()), |b| {
            b.iter(|| activate_backward(ctx, Activation::Relu, black_box(&x), &dy, &mut y).unwrap());
        });
        for [n, classes] in [[1280, 10], [128, 1000]] {
            let (x, y) = (&x[..n * classes], &mut y[..n * classes]);
            group.throughput(Throughput::Elements((n * classes) as u64));
            group.bench_function(BenchmarkId::new(format!("softmax {n} x {classes}"), isa.name()), |b| {
                b.iter(|| softmax(ctx, [n, classes], black_box(x), y).unwrap());
            });
            group.bench_function(
                BenchmarkId::new(format!("cross_entropy_backward {n} x {classes}"), isa.name()),
                |b| {
                    let target = Target::Classes(&labels[..n]);
                    b.iter(|| cross_entropy_backward(ctx, [n, classes], 0.0, 0.1, black_box(x), target, y).unwrap());
                },
            );
        }
    }
}

/// Every function on a slice that stays in the cache, in elements.
fn functions(c: &mut Criterion) {
    use Activation::{Gelu, GeluTanh, HardSwish, Relu, Sigmoid, Silu, Tanh};
    let mut group = c.benchmark_group("function");
    group.sample_size(10);
    let len = 4096;
    let (x, dy, mut y) = (numbers(len).iter().map(|x| x * 8.0).collect::<Vec<f32>>(), numbers(len), vec![0.0; len]);
    group.throughput(Throughput::Elements(len as u64));
    for isa in Isa::available() {
        let ctx = Context::serial(isa);
        for f in [
            Relu,
            Activation::LEAKY_RELU,
            Activation::ELU,
            Sigmoid,
            Tanh,
            Gelu,
            GeluTanh,
            Silu,
            HardSwish,
            Activation::SOFTPLUS,
        ] {
            group.bench_function(BenchmarkId::new(f.name(), isa.name()), |b| {
                b.iter(|| activate(ctx, f, black_box(&x), &mut y).unwrap());
            });
            group.bench_function(BenchmarkId::new(format!("{}_backward", f.name()), isa.name()), |b| {
                b.iter(|| activate_backward(ctx, f, black_box(&x), &dy, &mut y).unwrap());
            });
        }
    }
}

criterion_group!(benches, batch_norm, rows, max_pooling, average_pooling, activations, functions);
criterion_main!(benches);
