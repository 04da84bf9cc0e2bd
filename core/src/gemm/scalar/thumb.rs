//! The kernels in assembly, for Cortex-M with a floating-point unit (M4F, M7, M33, ...).
//!
//! Stable Rust has no `f32::mul_add` without std and refuses `s` registers as operands of `asm!`, so each kernel is one
//! function with its whole loop inside. All follow one pattern: `r0` is the [`Job`], whose fields are loaded in order
//! into `r1`, `r2`, ...; accumulators stay in `s` registers; every tile of one or two rows and 8, 4, 2 or 1 columns
//! comes from the same macro. The multi-register loads (`vldmia`) are what brings a multiply-add below 1.2
//! instructions.
//!
//! Assembly outside functions does not know the target's features, hence the `.fpu` lines.
//!
//! The bits rest on FPSCR being what it is after reset: denormals are kept, rounding is to nearest.

use super::job::Job;
use crate::gemm::{Tiles, Uses};
use core::arch::naked_asm;

type Kernel = unsafe extern "C" fn(&Job);

/// The tiles that a program contains, of which `first` and those after it are the parts.
const fn linked<U: Uses, const N: usize>(mut tiles: [Kernel; N], first: Tiles) -> [Kernel; N] {
    /// Stands for a tile that no plan of the program uses.
    unsafe extern "C" fn none(_: &Job) {}
    let mut i = 0;
    while i < N {
        if !U::TILES.has(first.nth(i)) {
            tiles[i] = none;
        }
        i += 1;
    }
    tiles
}

/// `s[c] = fma(s[a], s[b], s[c])` for each pair of `c` and `b`.
macro_rules! fmas {
    ($($c:literal)+, $a:literal, $($b:literal)+) => {
        concat!($("vfma.f32 s", $c, ", s", $a, ", s", $b, "\n"),+)
    };
}

pub(crate) use fmas;

// In: r1 k, r2 a, r3 distance of its rows, r4 b, r5 distance of its rows, r6 init, r7 distance of its rows.
// Row 0 of the tile is in s0.., row 1 in s8.., four steps of a in s16-s19 and s20-s23, a row of b in s24..
macro_rules! chain_tiles {
    ($($one:ident $two:ident: $row0:literal [$($c0:literal)+], $row1:literal [$($c1:literal)+], $b:literal [$($bs:literal)+];)+) => {$(
        #[unsafe(naked)]
        unsafe extern "C" fn $one(_: &Job) {
            macro_rules! step {
                ($a0:literal) => { concat!("vldmia r4, {{", $b, "}}\n add r4, r5\n", fmas!($($c0)+, $a0, $($bs)+)) };
            }
            naked_asm!(
                ".fpu fpv4-sp-d16",
                "push {{r4-r7, lr}}",
                "vpush {{s16-s31}}",
                "ldmia r0!, {{r1-r7}}",
                concat!("vldmia r6, {{", $row0, "}}"),
                "subs r1, #4",
                "blo 3f",
                "2: vldmia r2!, {{s16-s19}}",
                step!(16), step!(17), step!(18), step!(19),
                "subs r1, #4",
                "bhs 2b",
                "3: adds r1, #4",
                "beq 5f",
                "4: vldmia r2!, {{s16}}",
                step!(16),
                "subs r1, #1",
                "bne 4b",
                "5: ldr r1, [r0]",
                concat!("vstmia r1, {{", $row0, "}}"),
                "vpop {{s16-s31}}",
                "pop {{r4-r7, pc}}",
            )
        }
        #[unsafe(naked)]
        unsafe extern "C" fn $two(_: &Job) {
            macro_rules! step {
                ($a0:literal $a1:literal) => {
                    concat!("vldmia r4, {{", $b, "}}\n add r4, r5\n",
                        fmas!($($c0)+, $a0, $($bs)+), fmas!($($c1)+, $a1, $($bs)+))
                };
            }
            naked_asm!(
                ".fpu fpv4-sp-d16",
                "push {{r4-r7, lr}}",
                "vpush {{s16-s31}}",
                "ldmia r0!, {{r1-r7}}",
                concat!("vldmia r6, {{", $row0, "}}"),
                "add r6, r7",
                concat!("vldmia r6, {{", $row1, "}}"),
                "add r3, r2",
                "subs r1, #4",
                "blo 3f",
                "2: vldmia r2!, {{s16-s19}}",
                "vldmia r3!, {{s20-s23}}",
                step!(16 20), step!(17 21), step!(18 22), step!(19 23),
                "subs r1, #4",
                "bhs 2b",
                "3: adds r1, #4",
                "beq 5f",
                "4: vldmia r2!, {{s16}}",
                "vldmia r3!, {{s20}}",
                step!(16 20),
                "subs r1, #1",
                "bne 4b",
                "5: ldmia r0, {{r1, r2}}",
                concat!("vstmia r1, {{", $row0, "}}"),
                "add r1, r2",
                concat!("vstmia r1, {{", $row1, "}}"),
                "vpop {{s16-s31}}",
                "pop {{r4-r7, pc}}",
            )
        }
    )+};
}
chain_tiles! {
    chain_1x8 chain_2x8: "s0-s7" [0 1 2 3 4 5 6 7], "s8-s15" [8 9 10 11 12 13 14 15], "s24-s31" [24 25 26 27 28 29 30 31];
    chain_1x4 chain_2x4: "s0-s3" [0 1 2 3], "s8-s11" [8 9 10 11], "s24-s27" [24 25 26 27];
    chain_1x2 chain_2x2: "s0-s1" [0 1], "s8-s9" [8 9], "s24-s25" [24 25];
    chain_1x1 chain_2x1: "s0" [0], "s8" [8], "s24" [24];
}

/// A tile of one or two rows and `1 << log` columns: `c = init + a b`, `a` and `b` by rows.
///
/// # Safety
/// The job's pointers must be valid for the tile.
#[inline(always)]
pub(crate) unsafe fn chain<U: Uses>(two: bool, log: usize, job: &Job) {
    const TILES: [Kernel; 8] = [chain_1x1, chain_1x2, chain_1x4, chain_1x8, chain_2x1, chain_2x2, chain_2x4, chain_2x8];
    let tiles = const { &linked::<U, 8>(TILES, Tiles::chain(false, 0)) };
    // SAFETY: granted by the caller.
    unsafe { tiles[(usize::from(two) * 4 + log) & 7](job) }
}

// In: r1 rows, r2 a, r3 distance of its columns, r4 b, r5 distance of its rows, r6 init, r7 distance of its rows; then
// r4 c, r5 distance of its rows. One or two rows of b stay in s0.. and s8.., rows of c pass through s16.., two at a
// time; s24 and s25 are their elements of the first column of a, s26 and s27 of the second.
macro_rules! outer_tiles {
    ($($one:ident $two:ident: $b0:literal [$($bs0:literal)+], $b1:literal [$($bs1:literal)+], $c:literal [$($cs:literal)+];)+) => {$(
        #[unsafe(naked)]
        unsafe extern "C" fn $one(_: &Job) {
            macro_rules! row {
                ($a0:literal) => {
                    concat!("vldmia r6, {{", $c, "}}\n add r6, r7\n", fmas!($($cs)+, $a0, $($bs0)+),
                        "vstmia r4, {{", $c, "}}\n add r4, r5\n")
                };
            }
            naked_asm!(
                ".fpu fpv4-sp-d16",
                "push {{r4-r7, lr}}",
                "vpush {{s16-s27}}",
                "ldmia r0!, {{r1-r7}}",
                concat!("vldmia r4, {{", $b0, "}}"),
                "ldmia r0, {{r4, r5}}",
                "lsrs r1, #1",
                "bcc 2f",
                "vldmia r2!, {{s24}}",
                row!(24),
                "cmp r1, #0",
                "beq 3f",
                "2: vldmia r2!, {{s24-s25}}",
                row!(24), row!(25),
                "subs r1, #1",
                "bne 2b",
                "3: vpop {{s16-s27}}",
                "pop {{r4-r7, pc}}",
            )
        }
        #[unsafe(naked)]
        unsafe extern "C" fn $two(_: &Job) {
            macro_rules! row {
                ($a0:literal $a1:literal) => {
                    concat!("vldmia r6, {{", $c, "}}\n add r6, r7\n", fmas!($($cs)+, $a0, $($bs0)+),
                        fmas!($($cs)+, $a1, $($bs1)+), "vstmia r4, {{", $c, "}}\n add r4, r5\n")
                };
            }
            naked_asm!(
                ".fpu fpv4-sp-d16",
                "push {{r4-r7, lr}}",
                "vpush {{s16-s27}}",
                "ldmia r0!, {{r1-r7}}",
                concat!("vldmia r4, {{", $b0, "}}"),
                "add r4, r5",
                concat!("vldmia r4, {{", $b1, "}}"),
                "add r3, r2",
                "ldmia r0, {{r4, r5}}",
                "lsrs r1, #1",
                "bcc 2f",
                "vldmia r2!, {{s24}}",
                "vldmia r3!, {{s26}}",
                row!(24 26),
                "cmp r1, #0",
                "beq 3f",
                "2: vldmia r2!, {{s24-s25}}",
                "vldmia r3!, {{s26-s27}}",
                row!(24 26), row!(25 27),
                "subs r1, #1",
                "bne 2b",
                "3: vpop {{s16-s27}}",
                "pop {{r4-r7, pc}}",
            )
        }
    )+};
}
outer_tiles! {
    outer_1x8 outer_2x8: "s0-s7" [0 1 2 3 4 5 6 7], "s8-s15" [8 9 10 11 12 13 14 15], "s16-s23" [16 17 18 19 20 21 22 23];
    outer_1x4 outer_2x4: "s0-s3" [0 1 2 3], "s8-s11" [8 9 10 11], "s16-s19" [16 17 18 19];
    outer_1x2 outer_2x2: "s0-s1" [0 1], "s8-s9" [8 9], "s16-s17" [16 17];
    outer_1x1 outer_2x1: "s0" [0], "s8" [8], "s16" [16];
}

/// One or two steps of the chains in `k` rows of `1 << log` columns: `c = init + a b`, `a` by columns and `b` by rows.
///
/// # Safety
/// The job's pointers must be valid for the tile, and `k` not 0.
#[inline(always)]
pub(crate) unsafe fn outer<U: Uses>(two: bool, log: usize, job: &Job) {
    const TILES: [Kernel; 8] = [outer_1x1, outer_1x2, outer_1x4, outer_1x8, outer_2x1, outer_2x2, outer_2x4, outer_2x8];
    let tiles = const { &linked::<U, 8>(TILES, Tiles::outer(false, 0)) };
    // SAFETY: granted by the caller.
    unsafe { tiles[(usize::from(two) * 4 + log) & 7](job) }
}

/// The text if the tile has more than one row, or column.
macro_rules! more {
    (1, $text:expr) => {
        ""
    };
    ($_:tt, $text:expr) => {
        $text
    };
}

/// Four steps of a column of `b` (through `$p`), or one, times the rows of `a`; `$c` are its accumulators.
macro_rules! column {
    (4, $p:literal [$c0:literal]) => {
        concat!("vldmia ", $p, "!, {{s16-s19}}\n",
            fmas!($c0, 16, 8), fmas!($c0, 17, 9), fmas!($c0, 18, 10), fmas!($c0, 19, 11))
    };
    (4, $p:literal [$c0:literal $c1:literal]) => {
        concat!("vldmia ", $p, "!, {{s16-s19}}\n", fmas!($c0 $c1, 16, 8 12), fmas!($c0 $c1, 17, 9 13),
            fmas!($c0 $c1, 18, 10 14), fmas!($c0 $c1, 19, 11 15))
    };
    (1, $p:literal [$c0:literal]) => { concat!("vldmia ", $p, "!, {{s16}}\n", fmas!($c0, 16, 8)) };
    (1, $p:literal [$c0:literal $c1:literal]) => {
        concat!("vldmia ", $p, "!, {{s16}}\n", fmas!($c0 $c1, 16, 8 12))
    };
}

// In: r1 k, r2 a, r3 distance of its rows, r4 b, r5 distance of its columns; behind init: r8 c, r9 distance of its
// rows, r10 groups. The tile's rows are in s0.. and s4.., four steps of a in s8-s11 and s12-s15, and of a column of b
// in s16-s19.
macro_rules! dot_tiles {
    ($($name:ident: $rows:tt [$row0:literal $row1:literal], $cols:tt [$($p:literal $c:tt)+];)+) => {$(
        #[unsafe(naked)]
        unsafe extern "C" fn $name(_: &Job) {
            naked_asm!(
                ".fpu fpv4-sp-d16",
                "push {{r4-r11, lr}}",
                "vpush {{s16-s19}}",
                "ldmia r0!, {{r1-r7}}",
                "ldmia r0, {{r8-r10}}",
                "add r3, r2",
                more!($cols, "add r6, r4, r5\n add r7, r6, r5\n add r11, r7, r5\n lsl r5, #2"),
                "sub r5, r5, r1, lsl #2", // from the end of a column to the beginning of its successor
                "2: ldr lr, [r0, #12]",   // zeros, or null to go on from c
                "cmp lr, #0",
                "it eq",
                "moveq lr, r8",
                concat!("vldmia lr, {{", $row0, "}}"),
                more!($rows, concat!("it eq\n addeq lr, r9\n vldmia lr, {{", $row1, "}}")),
                "subs r12, r1, #4",
                "blo 4f",
                "3: vldmia r2!, {{s8-s11}}",
                more!($rows, "vldmia r3!, {{s12-s15}}"),
                $(column!(4, $p $c),)+
                "subs r12, #4",
                "bhs 3b",
                "4: adds r12, #4",
                "beq 6f",
                "5: vldmia r2!, {{s8}}",
                more!($rows, "vldmia r3!, {{s12}}"),
                $(column!(1, $p $c),)+
                "subs r12, #1",
                "bne 5b",
                concat!("6: vstmia r8, {{", $row0, "}}"),
                more!($rows, concat!("add lr, r8, r9\n vstmia lr, {{", $row1, "}}\n sub r3, r3, r1, lsl #2")),
                concat!("add r8, #4*", $cols),
                "sub r2, r2, r1, lsl #2",
                $(concat!("add ", $p, ", r5"),)+
                "subs r10, #1",
                "bne 2b",
                "vpop {{s16-s19}}",
                "pop {{r4-r11, pc}}",
            )
        }
    )+};
}
dot_tiles! {
    dot_1x4: 1 ["s0-s3" "s4-s7"], 4 ["r4" [0] "r6" [1] "r7" [2] "r11" [3]];
    dot_2x4: 2 ["s0-s3" "s4-s7"], 4 ["r4" [0 4] "r6" [1 5] "r7" [2 6] "r11" [3 7]];
    dot_1x1: 1 ["s0" "s4"], 1 ["r4" [0]];
    dot_2x1: 2 ["s0" "s4"], 1 ["r4" [0 4]];
}

/// One or two rows and `groups` times four columns, or one: `c = init + a b`, `a` by rows and `b` by columns.
///
/// # Safety
/// The job's pointers must be valid for the tile.
#[inline(always)]
pub(crate) unsafe fn dot<U: Uses>(two: bool, four: bool, job: &Job) {
    const TILES: [Kernel; 4] = [dot_1x1, dot_1x4, dot_2x1, dot_2x4];
    let tiles = const { &linked::<U, 4>(TILES, Tiles::dot(false, false)) };
    // SAFETY: granted by the caller.
    unsafe { tiles[(usize::from(two) * 2 + usize::from(four)) & 3](job) }
}
