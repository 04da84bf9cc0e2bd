//! Counts instructions: calls flatgrad-core's public functions on a microcontroller that QEMU emulates with a fixed
//! number of instructions per unit of time, and prints how many each multiply-add (or element) took, everything
//! included.
//!
//! `scripts/check_counts` runs it. Counts, not cycles: QEMU knows nothing of those.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod kernels;

#[cfg(target_os = "none")]
mod firmware {
    use cortex_m::peripheral::{SYST, syst::SystClkSource};
    use cortex_m_semihosting::{debug, hprintln};

    #[panic_handler]
    fn panic(info: &core::panic::PanicInfo) -> ! {
        hprintln!("{}", info);
        debug::exit(debug::EXIT_FAILURE);
        loop {}
    }

    const RELOAD: u32 = 0xff_ffff;

    /// Instructions that `work` takes.
    pub fn instructions(work: &mut dyn FnMut()) -> u32 {
        let before = SYST::get_current();
        work();
        let ticks = before.wrapping_sub(SYST::get_current()) & RELOAD;
        // An instruction takes 2^6 ns of the emulated time (`-icount shift=6`), a tick 40 ns (25 MHz).
        (u64::from(ticks) * 40 / 64) as u32
    }

    /// `name;count;goal`: instructions for each of `units` (multiply-adds or elements), the goal in thousandths.
    pub fn print(name: &str, instructions: u32, units: u32, goal: u32) {
        let each = (u64::from(instructions) * 1000 / u64::from(units)) as u32;
        hprintln!("{};{}.{:03};{}.{:03}", name, each / 1000, each % 1000, goal / 1000, goal % 1000);
    }

    /// Measures `work` and prints it.
    pub fn report(name: &str, units: u32, goal: u32, mut work: impl FnMut()) {
        print(name, instructions(&mut work), units, goal);
    }

    #[cortex_m_rt::entry]
    fn main() -> ! {
        if let Some(mut p) = cortex_m::Peripherals::take() {
            p.SYST.set_clock_source(SystClkSource::Core);
            p.SYST.set_reload(RELOAD);
            p.SYST.clear_current();
            p.SYST.enable_counter();
        }
        let done = crate::kernels::run();
        debug::exit(if done.is_ok() { debug::EXIT_SUCCESS } else { debug::EXIT_FAILURE });
        loop {}
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    println!("Instructions are counted on a microcontroller: scripts/check_counts.");
}
