//! What every function returns.

use core::ffi::{CStr, c_char};

/// Bytes of an error's text, its final zero included.
pub const FG_ERROR_TEXT: usize = 160;
/// Stands where a layer's number would be, if no layer is to blame.
pub const FG_NO_LAYER: usize = usize::MAX;

/// What came of a call. Unless it is FG_OK, nothing was written.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum fg_status {
    /// Done.
    FG_OK = 0,
    /// A null pointer, where the length is not 0.
    FG_ERROR_NULL = 1,
    /// A pointer that is not aligned for what it points to.
    FG_ERROR_ALIGNMENT = 2,
    /// An output (scratch is one) shares memory with another buffer.
    FG_ERROR_OVERLAP = 3,
    /// A buffer does not have the length that the shape asks for.
    FG_ERROR_LENGTH = 4,
    /// Scratch, an arena or a plan's memory is too short.
    FG_ERROR_TOO_SHORT = 5,
    /// A size, stride or count is outside its range.
    FG_ERROR_DIMENSION = 6,
    /// A hyper-parameter is outside its range.
    FG_ERROR_PARAMETER = 7,
    /// A label is not below the number of classes.
    FG_ERROR_LABEL = 8,
    /// A size does not fit in a size_t, or in memory.
    FG_ERROR_OVERFLOW = 9,
    /// The network is wrong: see fg_error.layer and fg_error.text.
    FG_ERROR_NETWORK = 10,
    /// An unknown kind, or an option that the kind does not have.
    FG_ERROR_OPTION = 11,
    /// A plan or a trainer that was never initialized.
    FG_ERROR_UNINITIALIZED = 12,
    /// The network, loss or optimizer needs what was left out when the archive was built.
    FG_ERROR_NOT_LINKED = 13,
    /// Anything else.
    FG_ERROR_OTHER = 14,
}

/// The whole story of a refused call. Every function takes a pointer to one, which may be null; it is written only if
/// the call is refused.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct fg_error {
    /// What the function returned.
    pub status: fg_status,
    /// The layer to blame, counted from 0 in the order in which layers run, or FG_NO_LAYER.
    pub layer: usize,
    /// What was expected and what was given, for people; ends with a zero.
    pub text: [c_char; FG_ERROR_TEXT],
}

/// A status in a few words, such as "a null pointer". The text lives forever. For the argument's name and the
/// numbers see fg_error.text.
#[unsafe(no_mangle)]
pub extern "C" fn fg_status_text(status: u32) -> *const c_char {
    let text: &'static CStr = match status {
        0 => c"ok",
        1 => c"a null pointer",
        2 => c"a misaligned pointer",
        3 => c"an output shares memory with another buffer",
        4 => c"a buffer of the wrong length",
        5 => c"memory too short",
        6 => c"a size outside its range",
        7 => c"a parameter outside its range",
        8 => c"a label that is no class",
        9 => c"a size that overflows",
        10 => c"a wrong network",
        11 => c"an unknown kind or option",
        12 => c"not initialized",
        13 => c"left out of this archive",
        14 => c"refused",
        _ => c"unknown status",
    };
    text.as_ptr()
}

/// Planted by a feature: an index that can panic.
#[cfg(feature = "plant-panic")]
#[unsafe(no_mangle)]
pub extern "C" fn fg_planted_panic(i: usize) -> u8 {
    b"panic"[i]
}
