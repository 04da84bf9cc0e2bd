//! One list of all kernels. Each row makes a call of a kernel on drawn sizes and values, together with what the plain
//! loops of `flatgrad_core::reference` give for it. The properties (`kernels.rs`), the fuzz target and a benchmark run
//! over the list, and `coverage.rs` fails for a public function that no row covers.
#![allow(missing_docs, reason = "test support")]
#![allow(dead_code, reason = "tests, fuzzing and benches each use their own part")]

#[path = "../common/mod.rs"]
pub mod common;
mod draw;

mod activation;
mod conv;
mod dense;
mod dropout;
mod gemm;
mod init;
mod loss;
mod math;
mod net;
mod norm;
mod optim;
mod pool;

pub use draw::Draw;
use flatgrad_core::{Context, Result};

/// A row of the list.
pub struct Case {
    /// The public functions that its calls reach, as paths below the crate: `"activation::softmax"`.
    pub covers: &'static [&'static str],
    /// Draws a call.
    pub make: fn(&mut Draw) -> Call,
}

/// A call of one kernel, and what it must give.
pub struct Call {
    /// Sizes and options, for messages.
    pub what: String,
    /// What the kernel reads.
    pub inputs: Vec<Vec<f32>>,
    /// What the kernel writes, scratch included.
    pub outputs: Vec<Output>,
    /// Whether element `i` of all outputs depends on element `i` of all slices alone, so that any part of them can be
    /// computed by itself.
    pub elementwise: bool,
    /// Calls the kernel on these inputs and outputs, which are as long as those above (or, to see that it is refused,
    /// one of them is shorter).
    pub run: Run,
}

pub type Run = Box<dyn Fn(Context, &[&[f32]], &mut [&mut [f32]]) -> Result>;

/// A slice that a kernel writes.
pub struct Output {
    /// Its content before the call; NaN where the kernel may not look.
    pub before: Vec<f32>,
    /// Its content afterwards; `None` for scratch.
    pub want: Option<Vec<f32>>,
}

impl Output {
    /// Overwritten: garbage before.
    pub fn new(want: Vec<f32>) -> Self {
        Self { before: vec![f32::NAN; want.len()], want: Some(want) }
    }
    /// Read and written.
    pub fn update(before: &[f32], want: Vec<f32>) -> Self {
        Self { before: before.to_vec(), want: Some(want) }
    }
    /// Garbage before and after.
    pub fn scratch(len: usize) -> Self {
        Self { before: vec![f32::NAN; len], want: None }
    }
}

/// What a kernel gets of the scratch for three threads: all of it, or (a test has made it a float shorter, to see it
/// refused) nothing.
pub fn for_threads(scratch: &mut [f32], per_thread: usize) -> &mut [f32] {
    if scratch.len() < 3 * per_thread { &mut [] } else { scratch }
}

/// All kernels.
pub fn all() -> Vec<Case> {
    let mut all = Vec::new();
    all.extend(activation::CASES);
    all.extend(conv::CASES);
    all.extend(dense::CASES);
    all.extend(dropout::CASES);
    all.extend(gemm::CASES);
    all.extend(init::CASES);
    all.extend(loss::CASES);
    all.extend(math::CASES);
    all.extend(net::CASES);
    all.extend(norm::CASES);
    all.extend(optim::CASES);
    all.extend(pool::CASES);
    all
}

/// The name of a case: the function it is mainly about.
pub fn name(case: &Case) -> &'static str {
    case.covers[0]
}

/// A guarded run: the outputs after the call, in buffers misaligned by `shift`, with their canaries checked.
#[track_caller]
pub fn run_guarded(call: &Call, ctx: Context, shift: usize) -> (Result, Vec<Vec<f32>>) {
    let inputs: Vec<_> = call.inputs.iter().map(|x| common::Guarded::new(x, shift)).collect();
    let mut outputs: Vec<_> = call.outputs.iter().map(|o| common::Guarded::new(&o.before, (shift + 1) % 4)).collect();
    let read: Vec<&[f32]> = inputs.iter().map(|x| &**x).collect();
    let mut written: Vec<&mut [f32]> = outputs.iter_mut().map(|y| &mut **y).collect();
    let result = (call.run)(ctx, &read, &mut written);
    (result, outputs.iter().map(|y| y.get().to_vec()).collect())
}

/// One context gives the bits of the plain loops.
#[track_caller]
pub fn check(name: &str, call: &Call, context: &str, ctx: Context, shift: usize) {
    let what = format!("{name} on {context}: {}", call.what);
    let (result, outputs) = run_guarded(call, ctx, shift);
    assert_eq!(result, Ok(()), "{what}");
    for (i, (got, output)) in outputs.iter().zip(&call.outputs).enumerate() {
        if let Some(want) = &output.want {
            common::assert_bits(&format!("{what}, output {i}"), got, want);
        }
    }
}
