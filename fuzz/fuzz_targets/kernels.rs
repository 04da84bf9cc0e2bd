//! Every kernel of the list (`core/tests/cases`): the first byte says which, the others its sizes, options and values.
//! All instruction sets and several threads must give the bits of the plain loops, write nothing outside their outputs
//! and read nothing from garbage.
//!
//!     cargo install cargo-fuzz
//!     cargo +nightly fuzz run kernels -- -max_total_time=60 -len_control=0
#![no_main]

#[path = "../../core/tests/cases/mod.rs"]
mod cases;

use cases::Draw;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((&which, bytes)) = bytes.split_first() else { return };
    let all = cases::all();
    let case = &all[which as usize % all.len()];
    let call = (case.make)(&mut Draw::bytes(bytes));
    let contexts = cases::common::contexts();
    // Every instruction set on one thread, and the best on three: starting threads is most of a call's time.
    let last = contexts.len() - 1;
    for (i, (name, ctx)) in contexts.iter().enumerate() {
        if ctx.threads() == 1 || i == last {
            cases::check(cases::name(case), &call, name, *ctx, bytes.len() % 4);
        }
    }
});
