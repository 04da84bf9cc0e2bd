//! Optimizers and dropout in bytes per second, beside the speed of a copy: they can be no faster than memory.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flatgrad_core::dropout::{Dropout, DropoutMask, dropout_in_place};
use flatgrad_core::optim::*;
use flatgrad_core::{Context, Isa, reference, rng::Stream};
use std::hint::black_box;
use std::time::Duration;

/// In the second cache level, an MNIST perceptron, in memory.
const LENGTHS: [usize; 3] = [100_000, 1_280_000, 10_000_000];

fn steps(c: &mut Criterion) {
    for len in LENGTHS {
        let mut group = c.benchmark_group(format!("optim/{len}"));
        group.sample_size(20).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1));
        let g: Vec<f32> = (0..len).map(|i| (i % 1009) as f32 * 1e-4 - 0.05).collect();
        let mut p = g.clone();
        let (mut m, mut v) = (vec![0.0; len], vec![0.0; len]);

        group.throughput(Throughput::Bytes(8 * len as u64));
        group.bench_function("copy", |b| b.iter(|| black_box(&mut p).copy_from_slice(black_box(&g))));
        for isa in Isa::available() {
            let ctx = Context::serial(isa);
            let id = |what: &str| BenchmarkId::new(what, isa.name());

            group.throughput(Throughput::Bytes(12 * len as u64));
            let sgd = Sgd::DEFAULT;
            group.bench_function(id("sgd"), |b| b.iter(|| sgd_step(ctx, &sgd, 2, &g, &mut p, &mut [])));

            group.throughput(Throughput::Bytes(20 * len as u64));
            let sgd = Sgd { momentum: 0.9, ..sgd };
            m.fill(0.0);
            group.bench_function(id("sgd momentum"), |b| b.iter(|| sgd_step(ctx, &sgd, 2, &g, &mut p, &mut m)));

            group.throughput(Throughput::Bytes(28 * len as u64));
            m.fill(0.0);
            v.fill(0.0);
            let adam = Adam::DEFAULT;
            group.bench_function(id("adam"), |b| {
                b.iter(|| adam_step(ctx, &adam, 9, &g, &mut p, &mut m, &mut v, &mut []))
            });

            let adamw = Adam::ADAMW;
            group.bench_function(id("adamw"), |b| {
                b.iter(|| adam_step(ctx, &adamw, 9, &g, &mut p, &mut m, &mut v, &mut []))
            });

            group.throughput(Throughput::Bytes(20 * len as u64));
            let adagrad = Adagrad::DEFAULT;
            group.bench_function(id("adagrad"), |b| b.iter(|| adagrad_step(ctx, &adagrad, 9, &g, &mut p, &mut v)));
            let rms = RmsProp::DEFAULT;
            group.bench_function(id("rmsprop"), |b| {
                b.iter(|| rmsprop_step(ctx, &rms, 9, &g, &mut p, &mut v, &mut [], &mut []));
            });

            group.throughput(Throughput::Bytes(12 * len as u64));
            group.bench_function(id("ema"), |b| b.iter(|| ema_update(ctx, 0.999, &g, &mut p)));
            group.throughput(Throughput::Bytes(4 * len as u64));
            group.bench_function(id("grad_norm"), |b| b.iter(|| grad_norm(ctx, &g)));

            group.throughput(Throughput::Bytes(8 * len as u64));
            let mask = DropoutMask { stream: Stream { seed: 1, stream: 2, step: 3 }, first: 0 };
            let fifth = Dropout::drop(0.2).unwrap_or_else(|e| panic!("{e}"));
            group.bench_function(id("dropout"), |b| b.iter(|| dropout_in_place(ctx, fifth, mask, &mut p)));
            p.copy_from_slice(&g);
        }
        group.throughput(Throughput::Bytes(28 * len as u64));
        m.fill(0.0);
        v.fill(0.0);
        let adam = Adam::DEFAULT;
        group.bench_function("adam/plain loop", |b| {
            b.iter(|| reference::optim::adam(&adam, 9, &g, &mut p, &mut m, &mut v, &mut []));
        });
        group.finish();
    }
}

/// Every eighth parameter has had no gradient for so long that what is left of it is subnormal.
fn faded(c: &mut Criterion) {
    let len = LENGTHS[1];
    let with_faded = |x: f32, rest: f32| (0..len).map(|i| if i % 8 == 0 { rest } else { x }).collect::<Vec<_>>();
    let subnormal = f32::from_bits(3);
    let mut group = c.benchmark_group(format!("optim/{len}, an eighth faded"));
    group.sample_size(20).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1));
    let (g, mut p) = (with_faded(1e-3, 0.0), vec![0.1; len]);
    for isa in Isa::available() {
        let ctx = Context::serial(isa);
        let (adam, sgd) = (Adam::DEFAULT, Sgd { momentum: 0.9, ..Sgd::DEFAULT });
        for when in ["subnormal", "flushed"] {
            let (mut m, mut v) = (with_faded(1e-3, subnormal), with_faded(1e-6, subnormal));
            if when == "flushed" {
                let id = BenchmarkId::new("flush_state", isa.name());
                group.bench_function(id, |b| b.iter(|| flush_state(ctx, &mut m)));
                let _ = flush_state(ctx, &mut v);
            }
            let id = |what: &str| BenchmarkId::new(format!("{what}, {when}"), isa.name());
            group.bench_function(id("adam"), |b| {
                b.iter(|| adam_step(ctx, &adam, 1000, &g, &mut p, &mut m, &mut v, &mut []));
            });
            group.bench_function(id("sgd momentum"), |b| b.iter(|| sgd_step(ctx, &sgd, 2, &g, &mut p, &mut m)));
        }
    }
    group.finish();
}

criterion_group!(benches, steps, faded);
criterion_main!(benches);
