//! Which instruction set runs, and defaults.

use flatgrad_core::{Context, Isa};

/// Firmware is built for its processor; elsewhere each call asks the processor what it has, for nothing is kept in
/// globals. The bits are the same on all.
pub(crate) fn context() -> Context<'static> {
    Context::serial(if cfg!(target_os = "none") { Isa::BASELINE } else { Isa::detect() })
}

/// Zero in a C structure stands for the default.
pub(crate) trait Or: Copy + PartialEq + Default {
    /// `self`, or `default` if it is zero.
    fn or(self, default: Self) -> Self {
        if self == Self::default() { default } else { self }
    }
}

impl Or for f32 {}
impl Or for f64 {}
impl Or for usize {}

/// A pair down and across, zeros replaced.
pub(crate) fn pair([down, across]: [usize; 2], default: [usize; 2]) -> [usize; 2] {
    [down.or(default[0]), across.or(default[1])]
}

/// An empty buffer stands for one that is left out.
pub(crate) fn optional(x: &[f32]) -> Option<&[f32]> {
    (!x.is_empty()).then_some(x)
}

/// Whether to add to what the output holds.
pub(crate) fn update(accumulate: bool) -> flatgrad_core::Update {
    if accumulate { flatgrad_core::Update::Accumulate } else { flatgrad_core::Update::Overwrite }
}

/// What is applied to a finished sum.
pub(crate) fn fused(relu: bool) -> flatgrad_core::Fused {
    if relu { flatgrad_core::Fused::Relu } else { flatgrad_core::Fused::None }
}
