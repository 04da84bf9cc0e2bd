//! The list of all kernels (`core/tests/cases`), which knows sizes, options and values for each of them.

#[path = "../../core/tests/cases/mod.rs"]
mod cases;

use crate::{Work, line};
use cases::{Call, Case, Draw, check, common, name};
use flatgrad_core::dropout::{Dropout, DropoutMask, dropout};
use flatgrad_core::rng::Stream;
use flatgrad_core::{Context, Isa, reference};
use std::ops::Range;

/// Rounds in which every length of the list comes first once, and as many with other options and values as give five
/// of each.
const BRIEF: Range<usize> = 0..common::LENGTHS.len();
const MORE: Range<usize> = BRIEF.end..6 * BRIEF.end;

/// Compares every instruction set with the plain loops, and prints a hash of what each kernel gave.
pub fn run(work: Work) {
    for case in cases::all() {
        println!("{}", line(&format!("{}, rounds {BRIEF:?}", name(&case)), &rounds(&case, BRIEF)));
        if work == Work::All {
            println!("{}", line(&format!("{}, rounds {MORE:?}", name(&case)), &rounds(&case, MORE)));
        }
    }
    println!("{}", line("dropout::dropout, some positions", &positions((0..64).step_by(7))));
    if work == Work::All {
        println!("{}", line("dropout::dropout, all positions", &positions(0..64)));
    }
}

fn rounds(case: &Case, rounds: Range<usize>) -> Vec<f32> {
    let mut results = Vec::new();
    for round in rounds {
        let call = (case.make)(&mut Draw::awkward(round));
        for isa in Isa::available() {
            check(name(case), &call, isa.name(), Context::serial(isa), round % 4);
        }
        results.extend(wanted(&call));
    }
    results
}

/// What the call gives; every NaN is the same, for its sign and payload are outside the promise.
fn wanted(call: &Call) -> impl Iterator<Item = f32> {
    let outputs = call.outputs.iter().filter_map(|output| output.want.as_ref());
    outputs.flatten().map(|x| if x.is_nan() { f32::from_bits(0x7fc0_0000) } else { *x })
}

/// Random words are made in groups of four vectors, at most 64 words: slices that start at these positions in a
/// group, of all lengths until two groups are full.
fn positions(firsts: impl Iterator<Item = u64>) -> Vec<f32> {
    let half = Dropout::drop(0.5).expect("a probability");
    let mut results = Vec::new();
    for (first, len) in firsts.flat_map(|first| (0..130).map(move |len| (first, len))) {
        let stream = Stream { seed: 3 << 40 | first, stream: 7, step: len as u64 };
        let mask = DropoutMask { stream, first };
        let x = common::numbers(len, first as u32);
        let mut want = vec![f32::NAN; len];
        reference::dropout::dropout(half, mask, &x, &mut want);
        for isa in Isa::available() {
            let mut y = common::Guarded::garbage(len, first as usize % 4);
            dropout(Context::serial(isa), half, mask, &x, &mut y).expect("equal lengths");
            common::assert_bits(&format!("dropout on {}, {mask:?}", isa.name()), y.get(), &want);
        }
        results.extend(want);
    }
    results
}
