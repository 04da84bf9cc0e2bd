//! Two instructions of a Cortex-M's floating-point unit that stable Rust does not give without std.
//!
//! `s` registers are refused as operands of `asm!`, so values pass through core registers. Products do not come here but
//! to `gemm/small/thumb.rs`.

use core::arch::{asm, naked_asm};

/// `a * b + c`, rounded once.
#[inline(always)]
pub(super) fn fma(a: f32, b: f32, c: f32) -> f32 {
    let mut out = c.to_bits();
    // SAFETY: arithmetic on registers that are named; this module exists only where these instructions do.
    unsafe {
        asm!(
            "vmov s0, {c}", "vmov s1, {a}", "vmov s2, {b}", "vfma.f32 s0, s1, s2", "vmov {c}, s0",
            a = in(reg) a.to_bits(), b = in(reg) b.to_bits(), c = inout(reg) out,
            out("s0") _, out("s1") _, out("s2") _,
            options(pure, nomem, nostack)
        );
    }
    f32::from_bits(out)
}

/// Four floats: as an argument and a result they are in s0-s3.
#[repr(C)]
struct Four(f32, f32, f32, f32);

/// Four square roots: a call costs less than the way of each through a core register and back.
#[unsafe(naked)]
extern "C" fn sqrt_four(_: Four) -> Four {
    naked_asm!(
        ".fpu fpv4-sp-d16",
        "vsqrt.f32 s0, s0",
        "vsqrt.f32 s1, s1",
        "vsqrt.f32 s2, s2",
        "vsqrt.f32 s3, s3",
        "bx lr",
    )
}

/// The square roots, correctly rounded.
#[inline(always)]
pub(super) fn sqrt([a, b, c, d]: [f32; 4]) -> [f32; 4] {
    let Four(a, b, c, d) = sqrt_four(Four(a, b, c, d));
    [a, b, c, d]
}
