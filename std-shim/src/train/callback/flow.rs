//! What a callback asks for.

use std::ops::BitOr;

/// What a [`Callback`](super::Callback) asks for; `|` asks for both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// A checkpoint.
    pub save: bool,
    /// The end, with everything that belongs to it.
    pub stop: bool,
    /// The end at once, after a checkpoint: training gives [`Error::Interrupted`](crate::Error::Interrupted).
    pub abort: bool,
}

impl Flow {
    /// Nothing: training goes on.
    pub const CONTINUE: Self = Self { save: false, stop: false, abort: false };
    /// [`Flow::save`]
    pub const SAVE: Self = Self { save: true, ..Self::CONTINUE };
    /// [`Flow::stop`]
    pub const STOP: Self = Self { stop: true, ..Self::CONTINUE };
    /// [`Flow::abort`]
    pub const ABORT: Self = Self { abort: true, ..Self::CONTINUE };
}

impl BitOr for Flow {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self { save: self.save || other.save, stop: self.stop || other.stop, abort: self.abort || other.abort }
    }
}
