//! The kernels in assembly, for Cortex-M with a floating-point unit; see `gemm/scalar/thumb.rs`.

use super::job::{Gradient, Rows, Taps, Three};
use crate::gemm::scalar::kernels::fmas;
use core::arch::naked_asm;

/// `s[c] = s[c] + s[b]` for each `c`.
macro_rules! adds {
    ($($c:literal)+, $b:literal) => { concat!($("vadd.f32 s", $c, ", s", $c, ", s", $b, "\n"),+) };
}

// In: r1 zeros, r2 channels, r3 x, r4 from row to row, r5 to the next channel, r6 and r7 weights, r8 to their next;
// then the outputs and the biases. The tile is in s0-s7 and s8-s15, ten pixels in s16-s25, weights in s26-s28 and
// s29-s31. The three lists are the pixels under the first, second and third column of taps.
macro_rules! three_tile {
    ($name:ident: [$($x0:literal)+] [$($x1:literal)+] [$($x2:literal)+]) => {
        #[unsafe(naked)]
        unsafe extern "C" fn $name(_: &Three) {
            naked_asm!(
                ".fpu fpv4-sp-d16",
                "push {{r4-r9, lr}}",
                "vpush {{s16-s31}}",
                "ldmia r0!, {{r1-r8}}",
                "vldmia r1, {{s0-s15}}",
                "2: mov r9, #3",
                "3: vldmia r3, {{s16-s25}}",
                "add r3, r4",
                "vldmia r6!, {{s26-s28}}",
                "vldmia r7!, {{s29-s31}}",
                fmas!(0 1 2 3 4 5 6 7, 26, $($x0)+),
                fmas!(8 9 10 11 12 13 14 15, 29, $($x0)+),
                fmas!(0 1 2 3 4 5 6 7, 27, $($x1)+),
                fmas!(8 9 10 11 12 13 14 15, 30, $($x1)+),
                fmas!(0 1 2 3 4 5 6 7, 28, $($x2)+),
                fmas!(8 9 10 11 12 13 14 15, 31, $($x2)+),
                "subs r9, #1",
                "bne 3b",
                "add r3, r5",
                "add r6, r8",
                "add r7, r8",
                "subs r2, #1",
                "bne 2b",
                "ldmia r0!, {{r2, r3}}",
                "vldmia r0, {{s17-s18}}",
                adds!(0 1 2 3 4 5 6 7, 17),
                adds!(8 9 10 11 12 13 14 15, 18),
                "vstmia r2, {{s0-s7}}",
                "vstmia r3, {{s8-s15}}",
                "vpop {{s16-s31}}",
                "pop {{r4-r9, pc}}",
            )
        }
    };
}
three_tile!(three_forward: [16 17 18 19 20 21 22 23] [17 18 19 20 21 22 23 24] [18 19 20 21 22 23 24 25]);
three_tile!(three_reversed: [18 19 20 21 22 23 24 25] [17 18 19 20 21 22 23 24] [16 17 18 19 20 21 22 23]);

/// `out = chain + bias`, the chain over channels, rows and columns of taps; `reversed`: the last column of taps
/// reads the first pixel.
///
/// # Safety
/// The job's pointers must be valid for its tile.
#[inline(always)]
pub(super) unsafe fn three(reversed: bool, job: &Three) {
    // SAFETY: granted by the caller.
    unsafe { if reversed { three_reversed(job) } else { three_forward(job) } }
}

/// The text if the tile has three channels.
macro_rules! third {
    (3, $text:expr) => {
        $text
    };
    (2, $text:expr) => {
        ""
    };
}

/// A tap (what it reads comes through `$p`) at four outputs, or one; `$c` are its chains.
macro_rules! tap {
    (4, $p:literal [$($c:literal)+] $a0:tt $a1:tt $a2:tt $a3:tt) => {
        concat!("vldmia ", $p, "!, {{s24-s27}}\n", tap!($($c)+, 24 $a0), tap!($($c)+, 25 $a1), tap!($($c)+, 26 $a2),
            tap!($($c)+, 27 $a3))
    };
    (1, $p:literal [$($c:literal)+] $a0:tt) => { concat!("vldmia ", $p, "!, {{s24}}\n", tap!($($c)+, 24 $a0)) };
    ($($c:literal)+, $x:literal [$($a:literal)+]) => { fmas!($($c)+, $x, $($a)+) };
}

/// Adds s12, a zero, to the chains.
macro_rules! zeros {
    ([$($c:literal)+]) => { adds!($($c)+, 12) };
}

// In: dw to r1-r3, then dy to r1-r3 and x to r4-r7, then r9 rows, r10 columns, r11 to the next row of x. The
// chains are in s0-s3, s4-s7 and s8-s11, four outputs of dy in s12-s15, s16-s19 and s20-s23, of x in s24-s27.
macro_rules! gradient_tiles {
    ($($name:ident: $channels:tt [$c0:literal $c1:literal $c2:literal]
        $a0:tt $a1:tt $a2:tt $a3:tt, [$($p:literal $c:tt)+] $all:tt;)+) => {$(
        #[unsafe(naked)]
        unsafe extern "C" fn $name(_: &Gradient) {
            naked_asm!(
                ".fpu fpv4-sp-d16",
                "push {{r4-r11, lr}}",
                "vpush {{s16-s27}}",
                "ldmia r0!, {{r1-r3}}",
                concat!("vldmia r1, {{", $c0, "}}\n vldmia r2, {{", $c1, "}}"),
                third!($channels, concat!("vldmia r3, {{", $c2, "}}")),
                "ldmia r0!, {{r1-r7}}",
                "ldmia r0, {{r9-r11}}",
                "2: subs r8, r10, #4",
                "blo 4f",
                "3: vldmia r1!, {{s12-s15}}",
                "vldmia r2!, {{s16-s19}}",
                third!($channels, "vldmia r3!, {{s20-s23}}"),
                $(tap!(4, $p $c $a0 $a1 $a2 $a3),)+
                "subs r8, #4",
                "bhs 3b",
                "4: adds r8, #4",
                "beq 6f",
                "5: vldmia r1!, {{s12}}",
                "vldmia r2!, {{s16}}",
                third!($channels, "vldmia r3!, {{s20}}"),
                $(tap!(1, $p $c $a0),)+
                "subs r8, #1",
                "bne 5b",
                "6:",
                $(concat!("add ", $p, ", r11"),)+
                "subs r9, #1",
                "bne 2b",
                "vmov s12, r9", // 0
                zeros!($all),
                "sub r0, #40",
                "ldmia r0, {{r1-r3}}",
                concat!("vstmia r1, {{", $c0, "}}\n vstmia r2, {{", $c1, "}}"),
                third!($channels, concat!("vstmia r3, {{", $c2, "}}")),
                "vpop {{s16-s27}}",
                "pop {{r4-r11, pc}}",
            )
        }
    )+};
}
gradient_tiles! {
    gradient_3x4: 3 ["s0-s3" "s4-s7" "s8-s11"] [12 16 20] [13 17 21] [14 18 22] [15 19 23],
        ["r4" [0 4 8] "r5" [1 5 9] "r6" [2 6 10] "r7" [3 7 11]] [0 1 2 3 4 5 6 7 8 9 10 11];
    gradient_2x4: 2 ["s0-s3" "s4-s7" ""] [12 16] [13 17] [14 18] [15 19],
        ["r4" [0 4] "r5" [1 5] "r6" [2 6] "r7" [3 7]] [0 1 2 3 4 5 6 7];
    gradient_3x1: 3 ["s0" "s4" "s8"] [12 16 20] [13 17 21] [14 18 22] [15 19 23], ["r4" [0 4 8]] [0 4 8];
    gradient_2x1: 2 ["s0" "s4" ""] [12 16] [13 17] [14 18] [15 19], ["r4" [0 4]] [0 4];
}

/// `dw = chain(dw) + 0.0`, the chain over rows and columns of outputs.
///
/// # Safety
/// The job's pointers must be valid for its tile, rows and columns not 0.
#[inline(always)]
pub(super) unsafe fn gradient(three: bool, four: bool, job: &Gradient) {
    static TILES: [unsafe extern "C" fn(&Gradient); 4] = [gradient_2x1, gradient_2x4, gradient_3x1, gradient_3x4];
    // SAFETY: granted by the caller.
    unsafe { TILES[(usize::from(three) * 2 + usize::from(four)) & 3](job) }
}

/// Copies rows.
///
/// # Safety
/// The job's pointers must be valid for its rows.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn copy(_: &Rows) {
    naked_asm!(
        ".fpu fpv4-sp-d16",
        "push {{r4-r7, lr}}",
        "ldmia r0, {{r1-r7}}", // rows, length, from, its step, to the next, to, to the next
        "cmp r4, #4",
        "bne 7f",
        "2: subs r0, r2, #8",
        "blo 4f",
        "3: vldmia r3!, {{s0-s7}}",
        "vstmia r6!, {{s0-s7}}",
        "subs r0, #8",
        "bhs 3b",
        "4: adds r0, #8",
        "beq 6f",
        "5: ldr r12, [r3], #4",
        "str r12, [r6], #4",
        "subs r0, #1",
        "bne 5b",
        "6: add r3, r5",
        "add r6, r7",
        "subs r1, #1",
        "bne 2b",
        "pop {{r4-r7, pc}}",
        "7: mov r0, r2",
        "8: ldr r12, [r3]",
        "add r3, r4",
        "str r12, [r6], #4",
        "subs r0, #1",
        "bne 8b",
        "add r3, r5",
        "add r6, r7",
        "subs r1, #1",
        "bne 7b",
        "pop {{r4-r7, pc}}",
    )
}

/// Zeros.
///
/// # Safety
/// `to` must be valid for `len` floats.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn clear(to: *mut f32, len: usize) {
    naked_asm!(
        ".fpu fpv4-sp-d16",
        "movs r2, #0",
        "vmov s0, s1, r2, r2",
        "vmov s2, s3, r2, r2",
        "vmov s4, s5, r2, r2",
        "vmov s6, s7, r2, r2",
        "vmov s8, s9, r2, r2",
        "vmov s10, s11, r2, r2",
        "vmov s12, s13, r2, r2",
        "vmov s14, s15, r2, r2",
        "subs r1, #16",
        "blo 4f",
        "3: vstmia r0!, {{s0-s15}}",
        "subs r1, #16",
        "bhs 3b",
        "4: adds r1, #16",
        "beq 6f",
        "5: str r2, [r0], #4",
        "subs r1, #1",
        "bne 5b",
        "6: bx lr",
    )
}

/// Copies what the taps read.
///
/// # Safety
/// The job's pointers must be valid for its taps.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn gather(_: &Taps) {
    naked_asm!(
        ".fpu fpv4-sp-d16",
        "push {{r4-r6, lr}}",
        "ldmia r0, {{r1-r6}}", // taps, offsets, from, to, length, to the next
        "2: ldr r0, [r2], #4",
        "add r0, r3, r0, lsl #2",
        "cmp r5, #8",
        "bne 4f",
        "vldmia r0, {{s0-s7}}",
        "vstmia r4!, {{s0-s7}}",
        "3: add r4, r6",
        "subs r1, #1",
        "bne 2b",
        "pop {{r4-r6, pc}}",
        "4: mov r12, r5",
        "5: ldr lr, [r0], #4",
        "str lr, [r4], #4",
        "subs r12, #1",
        "bne 5b",
        "b 3b",
    )
}
