//! What happens to the old content of an output.

/// Whether a kernel overwrites its output or adds to it (gradient accumulation).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// The old content is ignored; it may be uninitialized garbage or NaN.
    Overwrite,
    /// The chain of each element starts from the old content.
    Accumulate,
}
