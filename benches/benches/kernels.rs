//! Every kernel of the list (`core/tests/cases`) at one size, on every instruction set: elements read and written per
//! second. The shapes that matter most, beside their peers, have benches of their own.
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

#[path = "../../core/tests/cases/mod.rs"]
mod cases;

use cases::Draw;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flatgrad_core::{Context, Isa};
use std::hint::black_box;

fn kernels(c: &mut Criterion) {
    for case in cases::all() {
        let call = (case.make)(&mut Draw::bench());
        let mut group = c.benchmark_group(cases::name(&case));
        group.sample_size(10);
        let read = call.inputs.iter().map(Vec::len);
        let written = call.outputs.iter().filter(|o| o.want.is_some()).map(|o| o.before.len());
        group.throughput(Throughput::Elements(read.chain(written).sum::<usize>() as u64));
        let inputs: Vec<&[f32]> = call.inputs.iter().map(|x| &x[..]).collect();
        for isa in Isa::available() {
            let ctx = Context::serial(isa);
            let mut content: Vec<Vec<f32>> = call.outputs.iter().map(|o| o.before.clone()).collect();
            let mut outputs: Vec<&mut [f32]> = content.iter_mut().map(|y| &mut y[..]).collect();
            group.bench_function(BenchmarkId::from_parameter(isa.name()), |b| {
                b.iter(|| (call.run)(ctx, black_box(&inputs), &mut outputs).unwrap());
            });
        }
    }
}

criterion_group!(benches, kernels);
criterion_main!(benches);
