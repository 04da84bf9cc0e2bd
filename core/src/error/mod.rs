//! One small error type: every kernel checks its arguments first and returns one of these before it writes anything.

mod network;
mod text;

use core::fmt;

pub use network::{NetError, Problem};
pub use text::Text;

/// Why a call was refused. Nothing has been written when one of these comes back.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// A slice does not have the length that the shape asks for.
    Length {
        /// The argument's name.
        what: &'static str,
        /// The length it must have.
        expected: usize,
        /// The length it has.
        actual: usize,
    },
    /// A slice (scratch, arena, the data behind a view) is shorter than needed.
    TooShort {
        /// The argument's name.
        what: &'static str,
        /// The length it needs at least.
        needed: usize,
        /// The length it has.
        actual: usize,
    },
    /// A size, stride or count is outside its range.
    Dimension {
        /// The argument's name.
        what: &'static str,
        /// The condition it must meet, in words.
        requires: &'static str,
        /// Its value.
        actual: usize,
    },
    /// A hyper-parameter is outside its range.
    Parameter {
        /// The parameter's name.
        what: &'static str,
        /// The condition it must meet, in words.
        requires: &'static str,
        /// Its value.
        actual: f32,
    },
    /// A class index is not below the number of classes.
    Label {
        /// Position in the batch.
        index: usize,
        /// The label found there.
        label: u32,
        /// The number of classes.
        classes: usize,
    },
    /// The product of the dimensions does not fit in `usize`.
    Overflow {
        /// The tensor whose length overflows.
        what: &'static str,
    },
    /// This CPU, or this build, lacks the instruction set.
    IsaUnavailable {
        /// The name asked for.
        isa: &'static str,
    },
    /// No instruction set has this name.
    IsaUnknown,
    /// The program does not contain the code ([`net::Linked`](crate::net::Linked)).
    NotLinked {
        /// What is missing.
        what: &'static str,
    },
    /// A network description is wrong.
    Net(NetError),
}

/// The result of every fallible function in this crate.
pub type Result<T = (), E = Error> = core::result::Result<T, E>;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Error::Length { what, expected, actual } => {
                write!(f, "{what}: expected {expected} elements, got {actual}")
            }
            Error::TooShort { what, needed, actual } => {
                write!(f, "{what}: needs at least {needed} elements, got {actual}")
            }
            Error::Dimension { what, requires, actual } => write!(f, "{what}: must be {requires}, got {actual}"),
            Error::Parameter { what, requires, actual } => write!(f, "{what}: must be {requires}, got {actual}"),
            Error::Label { index, label, classes } => {
                write!(f, "label {label} of sample {index}: must be below the number of classes, {classes}")
            }
            Error::Overflow { what } => write!(f, "{what}: the number of elements overflows usize"),
            Error::IsaUnavailable { isa } => write!(f, "instruction set {isa}: this machine lacks it"),
            Error::IsaUnknown => write!(f, "unknown instruction set: expected portable, avx2, avx512 or neon"),
            Error::NotLinked { what } => write!(f, "{what}: left out of this program, see Linked"),
            Error::Net(e) => e.fmt(f),
        }
    }
}

impl core::error::Error for Error {}

/// `actual == expected`, or [`Error::Length`].
pub(crate) const fn check_len(what: &'static str, expected: usize, actual: usize) -> Result {
    if expected == actual { Ok(()) } else { Err(Error::Length { what, expected, actual }) }
}

/// `actual == rows * cols`, or [`Error::Length`] or [`Error::Overflow`].
pub(crate) const fn check_product(what: &'static str, [rows, cols]: [usize; 2], actual: usize) -> Result {
    match rows.checked_mul(cols) {
        Some(expected) => check_len(what, expected, actual),
        None => Err(Error::Overflow { what }),
    }
}

/// `actual >= needed`, or [`Error::TooShort`].
pub(crate) const fn check_at_least(what: &'static str, needed: usize, actual: usize) -> Result {
    if actual >= needed { Ok(()) } else { Err(Error::TooShort { what, needed, actual }) }
}

/// The product of `dims`, or [`Error::Overflow`]. A 0 among them hides no overflow: any part of the product fits, too.
pub(crate) const fn checked_len(what: &'static str, dims: &[usize]) -> Result<usize> {
    match product(dims) {
        Some(len) => Ok(len),
        None => Err(Error::Overflow { what }),
    }
}

/// Not inlined: the loop takes more code than a call.
#[inline(never)]
const fn product(dims: &[usize]) -> Option<usize> {
    let (mut len, mut empty, mut i) = (1usize, false, 0);
    while i < dims.len() {
        match len.checked_mul(dims[i]) {
            Some(0) => empty = true,
            Some(l) => len = l,
            None => return None,
        }
        i += 1;
    }
    Some(if empty { 0 } else { len })
}

/// `ok`, or [`Error::Parameter`] with the value.
pub(crate) const fn check_param(ok: bool, what: &'static str, requires: &'static str, actual: f32) -> Result {
    if ok { Ok(()) } else { Err(Error::Parameter { what, requires, actual }) }
}

/// `ok`, or [`Error::Dimension`] with the value.
pub(crate) const fn check_dim(ok: bool, what: &'static str, requires: &'static str, actual: usize) -> Result {
    if ok { Ok(()) } else { Err(Error::Dimension { what, requires, actual }) }
}
