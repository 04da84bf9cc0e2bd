//! Looks at the machine code of the microkernel: a lost `#[inline(always)]` or a spilled accumulator costs a factor
//! of ten and no other test notices. Looks at the program that `FLATGRAD_PROGRAM` names (`bits/src/bin/product.rs`),
//! or else at itself, which must then be an optimized build without overflow checks (`cargo test --release`). Needs
//! `objdump`. Says what it skipped.
#![allow(missing_docs, reason = "tests")]
#![cfg(target_arch = "x86_64")]

use flatgrad_core::gemm::{Epilogue, gemm, gemm_scratch_len};
use flatgrad_core::{Context, Isa, Mat, MatMut, Update};
use std::process::Command;

/// A loop without a loop inside.
struct Loop<'a> {
    body: Vec<&'a str>,
}

impl Loop<'_> {
    fn count(&self, what: impl Fn(&str) -> bool) -> usize {
        self.body.iter().filter(|i| what(i)).count()
    }
    /// Fused multiply-adds on these registers: `zmm` or `ymm`.
    fn fmas(&self, registers: &str) -> usize {
        self.count(|i| i.starts_with("vfmadd") && i.contains(registers) && i.contains("ps"))
    }
    fn calls(&self) -> usize {
        self.count(|i| i.starts_with("call"))
    }
    /// Vectors that live on the stack.
    fn spills(&self) -> usize {
        self.count(|i| i.starts_with('v') && (i.contains("(%rsp") || i.contains(",%rsp")))
    }
}

fn address(text: &str) -> Option<u64> {
    u64::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok()
}

/// The innermost loops of one function, given as (address, instruction).
fn innermost<'a>(function: &[(u64, &'a str)]) -> Vec<Loop<'a>> {
    let target = |i: &str| i.strip_prefix('j').and_then(|j| j.split_whitespace().nth(1)).and_then(address);
    let jumps: Vec<(u64, u64)> = function
        .iter()
        .filter_map(|&(at, i)| target(i).filter(|&to| to <= at && to >= function[0].0).map(|to| (to, at)))
        .collect();
    let encloses = |outer: &(u64, u64), inner: &(u64, u64)| outer != inner && outer.0 <= inner.0 && inner.1 <= outer.1;
    let inner = jumps.iter().filter(|j| !jumps.iter().any(|other| encloses(j, other)));
    inner
        .map(|&(from, to)| Loop {
            body: function.iter().filter(|(at, _)| (from..=to).contains(at)).map(|&(_, i)| i).collect(),
        })
        .collect()
}

/// The innermost loops of every function of `text` whose name contains `name`.
fn loops<'a>(text: &'a str, name: &str) -> Vec<Loop<'a>> {
    let mut all = vec![];
    for function in text.split("\n\n").filter(|f| f.lines().next().is_some_and(|head| head.contains(name))) {
        let line = |l: &'a str| l.split_once(':').and_then(|(at, i)| Some((address(at)?, i.trim())));
        let instructions: Vec<_> = function.lines().skip(1).filter_map(line).collect();
        all.extend(innermost(&instructions));
    }
    all
}

/// Keeps the product in this binary.
fn use_it() {
    let (a, mut c) = ([1.0; 4], [0.0; 4]);
    let mut scratch = [0.0; gemm_scratch_len(2, 2, 2)];
    let (a, out) = (Mat::new(&a, 2, 2).unwrap(), MatMut::new(&mut c, 2, 2).unwrap());
    gemm(Context::serial(Isa::detect()), a, a, Update::Overwrite, Epilogue::NONE, out, &mut scratch).unwrap();
    assert_eq!(c, [2.0; 4]);
}

#[test]
fn tiles_stay_in_registers() {
    use_it();
    let exe = match std::env::var_os("FLATGRAD_PROGRAM") {
        Some(program) => program.into(),
        None if cfg!(debug_assertions) => {
            return eprintln!("SKIPPED: the microkernel is looked at in release builds only");
        }
        None => std::env::current_exe().unwrap(),
    };
    let Ok(out) = Command::new("objdump").args(["-d", "--no-show-raw-insn"]).arg(exe).output() else {
        return eprintln!("SKIPPED: objdump is missing");
    };
    let text = String::from_utf8_lossy(&out.stdout);
    for (name, registers, tile) in [("avx512..Avx512", "zmm", 12 * 2), ("avx2..Avx2", "ymm", 6 * 2)] {
        let loops = loops(&text, name);
        let full = loops.iter().filter(|l| l.fmas(registers) == tile && l.body.len() <= 3 * tile).count();
        // From the matrix or packing on the way; full or cut at the last column.
        assert!(full >= 4, "{name}: {full} loops of {tile} fused multiply-adds, expected the microkernel's 4 or more");
        // Loops that transpose blocks on the way have more vectors than there are registers; a few spills are right
        // there.
        let shuffles = |l: &Loop| l.count(|i| i.contains("perm") || i.contains("unpck"));
        for l in loops.iter().filter(|l| l.fmas(registers) >= 4 && shuffles(l) == 0) {
            let code = l.body.join("\n");
            assert_eq!(l.calls(), 0, "{name}: a call in the inner loop:\n{code}");
            assert_eq!(l.spills(), 0, "{name}: a vector on the stack in the inner loop:\n{code}");
        }
    }
}
