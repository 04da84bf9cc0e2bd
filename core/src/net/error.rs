//! What can be wrong with a network description.

use core::fmt;

/// Why a network description or its memory plan was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetError;

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("network")
    }
}
