//! The instruction sets that a test run must have covered.

use flatgrad_core::Isa;

/// Tests skip what a machine lacks, and a skipped test passes. `FLATGRAD_REQUIRE_ISAS="portable avx2 avx512"` says what
/// this run was meant to cover, and turns a skip into a failure.
#[test]
fn required_instruction_sets_are_here() {
    let here: Vec<_> = Isa::available().map(Isa::name).collect();
    println!("instruction sets tested: {}", here.join(" "));
    let required = std::env::var("FLATGRAD_REQUIRE_ISAS").unwrap_or_default();
    for isa in required.split_whitespace() {
        assert!(here.contains(&isa), "this run must cover {isa}, but the machine has only {}", here.join(" "));
    }
}

#[test]
fn the_best_comes_last_and_portable_first() {
    assert_eq!(Isa::available().next(), Some(Isa::PORTABLE));
    assert_eq!(Isa::available().last(), Some(Isa::detect()));
    assert!(Isa::available().any(|isa| isa == Isa::BASELINE));
}
