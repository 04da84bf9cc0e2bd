//! Copies and zeros for a program that copies and clears little: the compiler's own functions are fast, and take 1.2 KB
//! of flash. As the ABI names them, for every Cortex-M.

use core::arch::global_asm;

macro_rules! entry {
    ($name:literal) => {
        concat!(
            concat!(".global ", $name, "\n.global ", $name, "4\n.global ", $name, "8\n"),
            concat!(".thumb_func\n", $name, ":\n.thumb_func\n", $name, "4:\n.thumb_func\n", $name, "8:")
        )
    };
}

// To r0, from r1, r2 bytes: words as long as both ends are aligned and words are left.
global_asm!(
    ".section .text.memcpy,\"ax\"",
    ".syntax unified",
    ".thumb",
    entry!("__aeabi_memcpy"),
    "mov r3, r0",
    "orrs r3, r1",
    "lsls r3, #30",
    "bne 3f",
    "push {{r4}}",
    "1: subs r2, #4",
    "blo 2f",
    "ldmia r1!, {{r4}}",
    "stmia r0!, {{r4}}",
    "b 1b",
    "2: adds r2, #4",
    "pop {{r4}}",
    "3: subs r2, #1",
    "blo 4f",
    "ldrb r3, [r1, r2]",
    "strb r3, [r0, r2]",
    "b 3b",
    "4: bx lr",
);

// To r0, r1 bytes: zeros, or r2 in each of them.
global_asm!(
    ".section .text.memset,\"ax\"",
    ".syntax unified",
    ".thumb",
    entry!("__aeabi_memclr"),
    "movs r2, #0",
    entry!("__aeabi_memset"),
    "uxtb r2, r2",
    "lsls r3, r2, #8",
    "orrs r2, r3",
    "lsls r3, r2, #16",
    "orrs r2, r3",
    "lsls r3, r0, #30",
    "bne 3f",
    "1: subs r1, #4",
    "blo 2f",
    "stmia r0!, {{r2}}",
    "b 1b",
    "2: adds r1, #4",
    "3: subs r1, #1",
    "blo 4f",
    "strb r2, [r0, r1]",
    "b 3b",
    "4: bx lr",
);
