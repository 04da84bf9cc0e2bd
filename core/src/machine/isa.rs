//! Which instruction set a kernel runs on: detected without std, or fixed by the build.

use crate::error::{Error, Result};

/// An instruction set that this machine is known to have.
///
/// The only ways to get one are [`Isa::BASELINE`], [`Isa::detect`], [`Isa::available`] and [`Isa::by_name`], so holding
/// an `Isa` proves that its instructions may run. All of them give the same bits.
///
/// ```
/// use flatgrad_core::Isa;
/// let isa = Isa::detect();
/// assert!(Isa::available().any(|other| other == isa));
/// println!("running on {}", isa.name());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa(Set);

/// The instruction sets that this target can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Set {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
    Neon,
}

impl Isa {
    /// Ordinary Rust, available everywhere: the definition of the bits.
    pub const PORTABLE: Isa = Isa(Set::Portable);

    /// The best instruction set that the build itself promises (`-C target-feature`, or the target's own baseline).
    ///
    /// Firmware passes this: it is a constant, so the code for the others vanishes.
    pub const BASELINE: Isa = Self::baseline();

    /// Every name [`Isa::by_name`] knows, on any machine.
    pub const NAMES: [&'static str; 4] = ["portable", "avx2", "avx512", "neon"];

    const fn baseline() -> Isa {
        #[cfg(all(target_arch = "x86_64", target_feature = "avx512f"))]
        // AVX-512F implies AVX2 and FMA.
        return Isa(Set::Avx512);
        #[cfg(all(
            target_arch = "x86_64",
            target_feature = "avx2",
            target_feature = "fma",
            not(target_feature = "avx512f")
        ))]
        return Isa(Set::Avx2);
        #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
        return Isa(Set::Neon);
        #[cfg(not(any(
            all(target_arch = "x86_64", target_feature = "avx512f"),
            all(target_arch = "x86_64", target_feature = "avx2", target_feature = "fma"),
            all(target_arch = "aarch64", target_feature = "neon")
        )))]
        Self::PORTABLE
    }

    /// The best instruction set of this machine. Costs a few `cpuid` instructions: ask once and keep it.
    pub fn detect() -> Isa {
        Self::table().into_iter().flatten().last().unwrap_or(Self::PORTABLE)
    }

    /// All instruction sets of this machine, [`Isa::PORTABLE`] first, the best last.
    pub fn available() -> impl Iterator<Item = Isa> {
        Self::table().into_iter().flatten()
    }

    /// The instruction set of this name: one of [`Isa::NAMES`], or `auto` for [`Isa::detect`].
    ///
    /// # Errors
    ///
    /// [`Error::IsaUnavailable`] if this machine lacks it, [`Error::IsaUnknown`] if there is no such name.
    ///
    /// ```
    /// use flatgrad_core::{Error, Isa};
    /// assert_eq!(Isa::by_name("portable"), Ok(Isa::PORTABLE));
    /// assert_eq!(Isa::by_name("mmx"), Err(Error::IsaUnknown));
    /// ```
    pub fn by_name(name: &str) -> Result<Isa> {
        if name == "auto" {
            return Ok(Self::detect());
        }
        let known = Self::NAMES.into_iter().find(|&n| n == name).ok_or(Error::IsaUnknown)?;
        Self::available().find(|isa| isa.name() == known).ok_or(Error::IsaUnavailable { isa: known })
    }

    /// Its name: one of [`Isa::NAMES`].
    pub const fn name(self) -> &'static str {
        match self.0 {
            Set::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => "avx512",
            #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
            Set::Neon => "neon",
        }
    }

    #[inline(always)]
    pub(crate) const fn set(self) -> Set {
        self.0
    }

    /// Worst to best; `None` where this machine lacks it.
    #[cfg(target_arch = "x86_64")]
    fn table() -> [Option<Isa>; 3] {
        let (avx2, avx512) = x86::detect();
        // These features have just been seen, and that the operating system saves their registers.
        [Some(Self::PORTABLE), avx2.then_some(Isa(Set::Avx2)), avx512.then_some(Isa(Set::Avx512))]
    }

    #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
    fn table() -> [Option<Isa>; 2] {
        [Some(Self::PORTABLE), Some(Self::BASELINE)]
    }

    #[cfg(not(any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon"))))]
    fn table() -> [Option<Isa>; 1] {
        [Some(Self::PORTABLE)]
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use core::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};

    /// `(avx2 and fma, avx512f as well)`: the CPU has the instructions and the system saves the registers.
    pub(super) fn detect() -> (bool, bool) {
        let bit = |word: u32, n: u32| word >> n & 1 == 1;
        if __cpuid(0).eax < 7 {
            return (false, false);
        }
        // Leaf 1, ecx: 12 FMA, 27 OSXSAVE, 28 AVX. Leaf 7, ebx: 5 AVX2, 16 AVX-512F.
        let (one, seven) = (__cpuid(1).ecx, __cpuid_count(7, 0).ebx);
        if !bit(one, 27) {
            return (false, false);
        }
        // SAFETY: OSXSAVE says that xgetbv may run.
        let saved = unsafe { xcr0() };
        // XCR0: 1 SSE, 2 AVX; 5 opmask, 6 and 7 the upper parts of the 512-bit registers.
        let avx2 = bit(one, 12) && bit(one, 28) && bit(seven, 5) && saved & 0x6 == 0x6;
        (avx2, avx2 && bit(seven, 16) && saved & 0xe6 == 0xe6)
    }

    #[target_feature(enable = "xsave")]
    fn xcr0() -> u64 {
        // SAFETY: register 0 exists wherever xgetbv does, and the caller has checked OSXSAVE.
        unsafe { _xgetbv(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn detection_agrees_with_std() {
        extern crate std;
        let avx2 = std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma");
        let avx512 = avx2 && std::is_x86_feature_detected!("avx512f");
        assert_eq!(x86::detect(), (avx2, avx512));
    }

    #[test]
    fn names_are_found_again() {
        for isa in Isa::available() {
            assert_eq!(Isa::by_name(isa.name()), Ok(isa));
        }
        assert_eq!(Isa::by_name("auto"), Ok(Isa::detect()));
        let missing = if cfg!(target_arch = "aarch64") { "avx2" } else { "neon" };
        assert_eq!(Isa::by_name(missing), Err(Error::IsaUnavailable { isa: missing }));
    }
}
