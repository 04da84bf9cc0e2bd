//! Convolutions, forward and both gradients, on the layers of small networks; "peak" is what the machine's fused
//! multiply-adds reach in registers. Criterion's Gelem/s are GFLOP/s.
#![allow(missing_docs, reason = "a benchmark")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use flatgrad_core::conv::*;
use flatgrad_core::{Context, Fused, Isa, Update};
use std::hint::black_box;

/// The shapes that `torch.nn.Conv2d` is measured on as well.
fn shapes() -> Vec<(&'static str, Conv2d)> {
    let same = |n, c, oc, side, k: usize| Conv2d::new(n, [c, side, side], oc, [k, k]).padding([k / 2, k / 2]);
    vec![
        ("3x3 n128 1-32 28x28", same(128, 1, 32, 28, 3)),
        ("3x3 n128 32-32 28x28", same(128, 32, 32, 28, 3)),
        ("3x3 n128 32-64 14x14", same(128, 32, 64, 14, 3)),
        ("3x3 n128 64-64 14x14", same(128, 64, 64, 14, 3)),
        ("3x3 n32 3-16 32x32", same(32, 3, 16, 32, 3)),
        ("3x3 stride 2 n32 16-32 32x32", same(32, 16, 32, 32, 3).stride([2, 2])),
        ("3x3 depthwise n32 64 16x16", same(32, 64, 64, 16, 3).groups(64)),
        ("1x1 n32 64-128 8x8", same(32, 64, 128, 8, 1)),
        ("3x3 n1 32-32 28x28", same(1, 32, 32, 28, 3)),
        ("3x3 n1 8-8 8x8", same(1, 8, 8, 8, 3)),
    ]
}

fn numbers(len: usize, seed: u32) -> Vec<f32> {
    let mut s = seed.wrapping_mul(0x9e37_79b9) | 1;
    (0..len)
        .map(|_| {
            s ^= s << 13;
            s ^= s >> 17;
            s ^= s << 5;
            (s >> 8) as f32 / 8_388_608.0 - 1.0
        })
        .collect()
}

#[cfg(target_arch = "x86_64")]
mod peak {
    use criterion::{Criterion, Throughput};
    use flatgrad_core::Isa;
    use std::arch::x86_64::*;
    use std::hint::black_box;

    const STEPS: usize = 10_000;

    #[target_feature(enable = "avx512f")]
    fn avx512() {
        let (b, c) = (_mm512_set1_ps(black_box(0.999)), _mm512_set1_ps(black_box(1e-3)));
        let mut a = [c; 16];
        for _ in 0..STEPS {
            a.iter_mut().for_each(|a| *a = _mm512_fmadd_ps(*a, b, c));
        }
        black_box(a);
    }

    #[target_feature(enable = "avx2,fma")]
    fn avx2() {
        let (b, c) = (_mm256_set1_ps(black_box(0.999)), _mm256_set1_ps(black_box(1e-3)));
        let mut a = [c; 12];
        for _ in 0..STEPS {
            a.iter_mut().for_each(|a| *a = _mm256_fmadd_ps(*a, b, c));
        }
        black_box(a);
    }

    pub fn bench(criterion: &mut Criterion) {
        let mut group = criterion.benchmark_group("peak");
        for isa in Isa::available().map(Isa::name) {
            let (flops, run): (usize, fn()) = match isa {
                // SAFETY: the instruction set is available.
                "avx512" => (2 * 16 * 16, || unsafe { avx512() }),
                // SAFETY: the instruction set is available.
                "avx2" => (2 * 12 * 8, || unsafe { avx2() }),
                _ => continue,
            };
            group.throughput(Throughput::Elements((flops * STEPS) as u64));
            group.bench_function(isa, |b| b.iter(run));
        }
        group.finish();
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod peak {
    pub fn bench(_: &mut criterion::Criterion) {}
}

fn conv(criterion: &mut Criterion) {
    for isa in Isa::available().filter(|&isa| isa != Isa::PORTABLE) {
        let ctx = Context::serial(isa);
        for (name, c) in shapes() {
            let (x, weight, dy) = (numbers(c.input_len(), 1), numbers(c.weight_len(), 2), numbers(c.output_len(), 3));
            let (mut y, mut dx, mut dw) = (dy.clone(), x.clone(), weight.clone());
            let lens =
                [conv2d_scratch_len(&c), conv2d_backward_input_scratch_len(&c), conv2d_backward_weight_scratch_len(&c)];
            let mut scratch = vec![0.0; lens.into_iter().max().unwrap_or(0)];
            let mut group = criterion.benchmark_group(format!("{name} {}", isa.name()));
            let flops = 2 * c.output_len() * c.in_channels / c.groups * c.kernel[0] * c.kernel[1];
            group.sample_size(20).throughput(Throughput::Elements(flops as u64));
            group.bench_function("forward", |b| {
                b.iter(|| conv2d(ctx, &c, &x, &weight, None, Fused::None, black_box(&mut y), &mut scratch))
            });
            group.bench_function("backward input", |b| {
                b.iter(|| conv2d_backward_input(ctx, &c, &dy, &weight, black_box(&mut dx), &mut scratch))
            });
            group.bench_function("backward weight", |b| {
                let update = Update::Overwrite;
                b.iter(|| conv2d_backward_weight(ctx, &c, &x, &dy, update, black_box(&mut dw), &mut scratch))
            });
            group.finish();
        }
    }
}

criterion_group!(benches, peak::bench, conv);
criterion_main!(benches);
