//! Two instructions of a Cortex-M's floating-point unit that stable Rust does not give without std.
//!
//! `s` registers are refused as operands of `asm!`, so values pass through core registers. Products do not come here
//! but to `gemm/scalar/thumb.rs`.

use core::arch::asm;

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

/// The square root, correctly rounded.
#[inline(always)]
pub(super) fn sqrt(x: f32) -> f32 {
    let mut out = x.to_bits();
    // SAFETY: as above.
    unsafe {
        asm!(
            "vmov s0, {x}", "vsqrt.f32 s0, s0", "vmov {x}, s0",
            x = inout(reg) out, out("s0") _,
            options(pure, nomem, nostack)
        );
    }
    f32::from_bits(out)
}
