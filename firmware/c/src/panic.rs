//! Nothing in the archive that a program uses can panic: the program would not link.

unsafe extern "C" {
    /// Defined nowhere: what reaches it does not link.
    fn flatgrad_can_panic() -> !;
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    // SAFETY: never runs; a program that contains the call does not link.
    unsafe { flatgrad_can_panic() }
}
