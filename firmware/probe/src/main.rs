//! Runs kernels of flatgrad-core and prints a hash of the bits of each result: as firmware on an emulated
//! microcontroller, and as a program on the host, on every instruction set. The lines must be the same.
//!
//! The firmware's panic handler calls a function that does not exist, so it links only if no kernel can panic.

#![cfg_attr(target_os = "none", no_std, no_main)]

mod kernels;

#[cfg(target_os = "none")]
mod firmware {
    use core::fmt::Write as _;
    use cortex_m_semihosting::{debug, hio};
    use flatgrad_core::Isa;

    unsafe extern "C" {
        /// Defined nowhere: what reaches it does not link.
        fn flatgrad_core_can_panic() -> !;
    }

    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo) -> ! {
        // SAFETY: never runs; a program that contains the call does not link.
        unsafe { flatgrad_core_can_panic() }
    }

    /// `name 0123456789abcdef`, without `core::fmt`, which can panic.
    fn print(name: &str, hash: u64) {
        let mut line = [b' '; 17];
        for (i, digit) in line.iter_mut().skip(1).enumerate() {
            let nibble = (hash >> (60 - 4 * i) & 15) as u8;
            *digit = if nibble < 10 { b'0' + nibble } else { b'a' - 10 + nibble };
        }
        if let (Ok(mut out), Ok(line)) = (hio::hstdout(), core::str::from_utf8(&line)) {
            for part in [name, line, "\n"] {
                if out.write_str(part).is_err() {
                    debug::exit(debug::EXIT_FAILURE);
                }
            }
        }
    }

    #[cortex_m_rt::entry]
    fn main() -> ! {
        let done = crate::kernels::run(Isa::BASELINE, &mut print);
        debug::exit(if done.is_ok() { debug::EXIT_SUCCESS } else { debug::EXIT_FAILURE });
        loop {}
    }
}

#[cfg(not(target_os = "none"))]
fn main() -> Result<(), flatgrad_core::Error> {
    use flatgrad_core::Isa;
    let name = std::env::args().nth(1).unwrap_or("auto".into());
    kernels::run(Isa::by_name(&name)?, &mut |name, hash| println!("{name} {hash:016x}"))
}
