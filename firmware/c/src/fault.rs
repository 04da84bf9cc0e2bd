//! Why a call was refused, and how that becomes a status and a text.

use crate::status::{FG_ERROR_TEXT, FG_NO_LAYER, fg_error, fg_status};
use crate::text::Text;
use flatgrad_core::Error;
use flatgrad_core::net::{NetError, Problem};

/// Why a call was refused.
pub(crate) enum Fault {
    Null { what: &'static str },
    Alignment { what: &'static str, align: usize },
    Overlap { what: &'static str, other: &'static str },
    TooLong { what: &'static str, count: usize },
    Uninitialized { what: &'static str },
    Option { owner: &'static str, option: &'static str },
    Unknown { what: &'static str, value: usize },
    Layer { layer: usize, problem: &'static str },
    Core(Error),
}

impl From<Error> for Fault {
    fn from(e: Error) -> Self {
        Self::Core(e)
    }
}

impl From<flatgrad_core::net::NetError> for Fault {
    fn from(e: flatgrad_core::net::NetError) -> Self {
        Self::Core(Error::Net(e))
    }
}

/// The text of an `fg_error`.
pub(crate) type ErrorText = Text<FG_ERROR_TEXT>;

/// The outcome of what stands behind a C function.
pub(crate) type Outcome<T = ()> = Result<T, Fault>;

impl Fault {
    fn status(&self) -> fg_status {
        use fg_status::*;
        match self {
            Self::Null { .. } => FG_ERROR_NULL,
            Self::Alignment { .. } => FG_ERROR_ALIGNMENT,
            Self::Overlap { .. } => FG_ERROR_OVERLAP,
            Self::TooLong { .. } => FG_ERROR_OVERFLOW,
            Self::Uninitialized { .. } => FG_ERROR_UNINITIALIZED,
            Self::Option { .. } | Self::Unknown { .. } => FG_ERROR_OPTION,
            Self::Layer { .. } | Self::Core(Error::Net(_)) => FG_ERROR_NETWORK,
            Self::Core(Error::Length { .. }) => FG_ERROR_LENGTH,
            Self::Core(Error::TooShort { .. }) => FG_ERROR_TOO_SHORT,
            Self::Core(Error::Dimension { .. }) => FG_ERROR_DIMENSION,
            Self::Core(Error::Parameter { .. }) => FG_ERROR_PARAMETER,
            Self::Core(Error::Label { .. }) => FG_ERROR_LABEL,
            Self::Core(Error::Overflow { .. }) => FG_ERROR_OVERFLOW,
            Self::Core(Error::NotLinked { .. }) => FG_ERROR_NOT_LINKED,
            Self::Core(_) => FG_ERROR_OTHER,
        }
    }

    fn layer(&self) -> usize {
        match self {
            Self::Layer { layer, .. } => *layer,
            Self::Core(Error::Net(e)) if names_layer(e) => e.layer,
            _ => FG_NO_LAYER,
        }
    }

    /// The words of core's errors are core's.
    fn describe(&self, t: &mut ErrorText) {
        match *self {
            Self::Null { what } => t.str(what).str(": is a null pointer"),
            Self::Alignment { what, align } => t.str(what).str(": must be aligned to ").num(align).str(" bytes"),
            Self::Overlap { what, other } => t.str(what).str(": shares memory with ").str(other),
            Self::TooLong { what, count } => t.str(what).str(": no memory holds ").num(count).str(" elements"),
            Self::Uninitialized { what } => t.str(what).str(": is not initialized"),
            Self::Option { owner, option } => t.str(owner).str(": has no option ").str(option),
            Self::Unknown { what, value } => t.str(what).str(": ").num(value).str(" is unknown"),
            Self::Layer { layer, problem } => t.str("layer ").num(layer).str(": ").str(problem),
            Self::Core(e) => describe(&e, t),
        };
    }
}

/// Whether a layer is to blame.
fn names_layer(e: &NetError) -> bool {
    !matches!(e.problem, Problem::NoLayers | Problem::TooManyLayers { .. }) && e.kind != "network"
}

fn describe<'t>(e: &Error, t: &'t mut ErrorText) -> &'t mut ErrorText {
    match *e {
        Error::Length { what, expected, actual } => {
            t.str(what).str(": expected ").num(expected).str(" elements, got ").num(actual)
        }
        Error::TooShort { what, needed, actual } => {
            t.str(what).str(": needs at least ").num(needed).str(" elements, got ").num(actual)
        }
        Error::Dimension { what, requires, actual } => {
            t.str(what).str(": must be ").str(requires).str(", got ").num(actual)
        }
        Error::Parameter { what, requires, actual } => {
            t.str(what).str(": must be ").str(requires).str(", got ").float(actual)
        }
        Error::Label { index, label, classes } => t
            .str("label ")
            .num(label as usize)
            .str(" of sample ")
            .num(index)
            .str(": must be below the number of classes, ")
            .num(classes),
        Error::Overflow { what } => t.str(what).str(": the number of elements overflows usize"),
        Error::NotLinked { what } => t.str(what).str(": left out of this archive; build it with the feature"),
        Error::Net(ref e) => t.str(e.text().as_str()),
        _ => t.str("refused by flatgrad-core"),
    }
}

/// Runs what stands behind a C function and reports what came of it.
///
/// # Safety
///
/// What the crate's page asks of the caller, for `error`.
#[inline(always)]
pub(crate) unsafe fn report(error: *mut fg_error, run: impl FnOnce() -> Outcome) -> fg_status {
    if !error.is_null() && !error.is_aligned() {
        return fg_status::FG_ERROR_ALIGNMENT;
    }
    match run() {
        Ok(()) => fg_status::FG_OK,
        // SAFETY: null or aligned.
        Err(fault) => unsafe { refuse(error, &fault) },
    }
}

#[cold]
#[inline(never)]
unsafe fn refuse(error: *mut fg_error, fault: &Fault) -> fg_status {
    let mut text = Text::new();
    fault.describe(&mut text);
    // SAFETY: null or aligned, see `report`.
    unsafe {
        crate::buffer::write(error, fg_error { status: fault.status(), layer: fault.layer(), text: text.finish() })
    };
    fault.status()
}
