//! What holds for every kernel, over the list of all of them (`cases`).

mod cases;

use cases::common::{self, LENGTHS, assert_bits, contexts};
use cases::{Call, Draw, check, name};
use flatgrad_core::{Context, Isa};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

/// Rounds of awkward sizes: each of `LENGTHS` comes first in some of them.
const ROUNDS: usize = 3 * LENGTHS.len();

/// The plain loops' bits, on every instruction set and thread count, from misaligned slices, with NaN where the kernel
/// may not look and canaries around every buffer.
#[test]
fn all_contexts_give_the_bits_of_the_plain_loops() {
    for case in cases::all() {
        for round in 0..ROUNDS.min(common::cases(ROUNDS as u32) as usize) {
            let call = (case.make)(&mut Draw::awkward(round));
            for (context, ctx) in contexts() {
                check(name(&case), &call, &context, ctx, round % 4);
            }
        }
    }
}

/// The same on sizes that are shared out over threads.
#[test]
fn threads_do_not_change_a_bit() {
    for case in cases::all() {
        let call = (case.make)(&mut Draw::bench());
        for (context, ctx) in contexts() {
            check(name(&case), &call, &context, ctx, 1);
        }
    }
}

#[test]
fn random_sizes_and_values() {
    for case in cases::all() {
        let config = ProptestConfig { source_file: Some(file!()), ..ProptestConfig::with_cases(common::cases(48)) };
        let mut runner = TestRunner::new(config);
        let result = runner.run(&any::<u64>(), |seed| {
            let call = (case.make)(&mut Draw::random(seed));
            for isa in Isa::available() {
                check(name(&case), &call, isa.name(), Context::serial(isa), seed as usize % 4);
            }
            Ok(())
        });
        result.unwrap_or_else(|e| panic!("{}: {e}", name(&case)));
    }
}

/// An element's result depends neither on its position nor on the length of the slice.
#[test]
fn elementwise_kernels_can_be_cut_anywhere() {
    for case in cases::all() {
        for round in 0..LENGTHS.len() {
            let call = (case.make)(&mut Draw::awkward(round));
            if !call.elementwise {
                continue;
            }
            let len = call.outputs.iter().map(|o| o.before.len()).max().unwrap_or(0);
            for isa in Isa::available() {
                let ctx = Context::serial(isa);
                for cut in [1, len / 3, len / 2, len.saturating_sub(1)] {
                    check_cut(name(&case), &call, ctx, cut.min(len));
                }
            }
        }
    }
}

fn check_cut(name: &str, call: &Call, ctx: Context, cut: usize) {
    let mut outputs: Vec<Vec<f32>> = call.outputs.iter().map(|o| o.before.clone()).collect();
    // A slice that is empty because an option does not need it stays empty.
    let at = |x: &[f32]| cut.min(x.len());
    let (low, high): (Vec<_>, Vec<_>) = call.inputs.iter().map(|x| x.split_at(at(x))).unzip();
    let (mut first, mut second): (Vec<_>, Vec<_>) = outputs
        .iter_mut()
        .map(|y| {
            let at = cut.min(y.len());
            y.split_at_mut(at)
        })
        .unzip();
    (call.run)(ctx, &low, &mut first).unwrap();
    (call.run)(ctx, &high, &mut second).unwrap();
    for (got, output) in outputs.iter().zip(&call.outputs) {
        assert_bits(&format!("{name}: {}, cut at {cut}", call.what), got, output.want.as_ref().unwrap());
    }
}

/// A slice that is one element too short is refused, and nothing is written.
#[test]
fn short_slices_are_refused_and_nothing_is_written() {
    let ctx = Context::serial(Isa::detect());
    for case in cases::all() {
        for round in 0..ROUNDS {
            let call = (case.make)(&mut Draw::awkward(round));
            if call.inputs.len() + call.outputs.len() == 1 {
                continue; // any length is right
            }
            for short in 0..call.inputs.len() + call.outputs.len() {
                check_refused(name(&case), &call, ctx, short);
            }
        }
    }
}

/// Shortens slice `short`, counted over inputs and then outputs.
fn check_refused(name: &str, call: &Call, ctx: Context, short: usize) {
    let mut inputs: Vec<&[f32]> = call.inputs.iter().map(|x| &x[..]).collect();
    let mut content: Vec<Vec<f32>> = call.outputs.iter().map(|o| o.before.clone()).collect();
    let before = content.clone();
    let mut outputs: Vec<&mut [f32]> = content.iter_mut().map(|y| &mut y[..]).collect();
    let whole = if short < inputs.len() { inputs[short].len() } else { outputs[short - inputs.len()].len() };
    if whole == 0 {
        return;
    }
    if short < inputs.len() {
        inputs[short] = &inputs[short][..whole - 1];
    } else {
        let output = &mut outputs[short - call.inputs.len()];
        *output = &mut std::mem::take(output)[..whole - 1];
    }
    let result = (call.run)(ctx, &inputs, &mut outputs);
    let what = format!("{name}: {}, slice {short} too short", call.what);
    assert!(result.is_err(), "{what}: {result:?}");
    for (after, before) in content.iter().zip(&before) {
        assert_bits(&what, after, before);
    }
}
