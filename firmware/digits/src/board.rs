//! The microcontroller: where the arena is, how text gets out, how much stack was used.

use crate::{model, report, run};
use core::ptr;
use cortex_m_semihosting::{debug, nr, syscall};
use flatgrad_core::Isa;

unsafe extern "C" {
    /// Defined nowhere: a program in which anything can panic does not link.
    fn flatgrad_core_can_panic() -> !;
    /// The end of all statics, where the stack may grow down to (cortex-m-rt).
    static mut __sheap: u32;
    /// What an interrupt that nobody expects leads to (cortex-m-rt).
    fn DefaultHandler();
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    // SAFETY: never runs; a program that contains the call does not link.
    unsafe { flatgrad_core_can_panic() }
}

/// The vectors of the board's interrupts, of which the program uses none; the runtime crate wants at least one. Its own
/// table for boards that it does not know has 240.
#[unsafe(link_section = ".vector_table.interrupts")]
#[unsafe(no_mangle)]
pub static __INTERRUPTS: [unsafe extern "C" fn(); 1] = [DefaultHandler];

fn print(text: &[u8]) {
    for byte in text {
        // SAFETY: the host reads a byte.
        unsafe { syscall(nr::WRITEC, byte) };
    }
}

/// What unused stack holds.
const PAINT: u32 = 0xdead_beef;

/// The words from the end of the statics to the stack pointer.
fn unused() -> (*mut u32, usize) {
    let (end, top) = (&raw mut __sheap, cortex_m::register::msp::read() as usize);
    // Some words are left for the caller's own frame.
    (end, (top.saturating_sub(end.addr()) / size_of::<u32>()).saturating_sub(64))
}

/// Fills the unused stack.
fn paint() {
    let (words, count) = unused();
    for i in 0..count {
        // SAFETY: between the statics and the stack nothing lives.
        unsafe { ptr::write_volatile(words.wrapping_add(i), PAINT) }
    }
}

/// The most bytes of stack in use since `paint`, from the top of memory.
fn stack_used() -> usize {
    let (words, count) = unused();
    // SAFETY: as in `paint`.
    let untouched = (0..count).take_while(|&i| unsafe { ptr::read_volatile(words.wrapping_add(i)) } == PAINT).count();
    let top = cortex_m::register::msp::read() as usize + STACK_ABOVE;
    top.saturating_sub(words.addr() + size_of::<u32>() * untouched)
}

/// Upper bound of what lies above the stack pointer of `main`.
const STACK_ABOVE: usize = 256;

/// What the planted index looks into.
const PLANTED: [u8; 8] = [0; 8];

#[cortex_m_rt::entry]
fn main() -> ! {
    // cortex-m-rt turns a static of the entry function into a reference of its own.
    static mut ARENA: [f32; model::ARENA] = [0.0; model::ARENA];
    paint();
    let done = run::run(Isa::BASELINE, ARENA, print);
    print(b"stack bytes      ");
    report::number(print, stack_used());
    print(b"\n");
    if cfg!(feature = "plant-panic") {
        print(&PLANTED[stack_used()..]);
    }
    debug::exit(if done.is_ok() { debug::EXIT_SUCCESS } else { debug::EXIT_FAILURE });
    loop {}
}
