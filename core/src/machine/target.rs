//! The target of this build. Outside this room and `simd`, nothing asks the compiler for the target.

// The x87 unit keeps more bits than a float has, so nothing below would have the documented bits.
#[cfg(all(target_arch = "x86", not(target_feature = "sse2")))]
compile_error!(
    "flatgrad-core: this target computes on the x87 unit, which rounds differently. Build for i686, which has SSE2, \
     or, if the machine has it, with RUSTFLAGS=-Ctarget-feature=+sse,+sse2"
);

/// A microcontroller (M-profile Arm: no other Arm lacks 64-bit atomics). Products and convolutions have an engine of
/// their own there, without vectors and small, and `f64` arithmetic is done in integers.
pub const MICROCONTROLLER: bool = cfg!(all(target_arch = "arm", not(target_has_atomic = "64")));

/// There is no operating system, and so there are no threads.
pub const BARE_METAL: bool = cfg!(target_os = "none");

/// Vectors, and caches that pay for packing. The other targets have kilobytes of memory in all.
pub const LARGE: bool = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));

/// The widest vector that a build for this target can meet, in lanes: lengths of scratch are constants, so they do not
/// ask the CPU.
pub const MAX_WIDTH: usize = if cfg!(target_arch = "x86_64") { 16 } else { 4 };

/// Lanes of the portable table: 32-bit Arm has as many vectors as it has lanes, none.
pub const PORTABLE_LANES: usize = if cfg!(target_arch = "arm") { 1 } else { 4 };

/// A pointer that advances is cheaper than a base and an index.
pub const ADVANCE: bool = cfg!(target_arch = "arm");

/// `mod kernels`: `thumb.rs`, in assembly, on an M-profile core with a floating-point unit (no other Arm passes floats
/// in registers and lacks 64-bit atomics), else `plain.rs`.
macro_rules! kernels {
    ($visibility:vis) => {
        #[cfg_attr(all(target_arch = "arm", target_abi = "eabihf", not(target_has_atomic = "64")), path = "thumb.rs")]
        #[cfg_attr(
            not(all(target_arch = "arm", target_abi = "eabihf", not(target_has_atomic = "64"))),
            path = "plain.rs"
        )]
        $visibility mod kernels;
    };
}
pub(crate) use kernels;
