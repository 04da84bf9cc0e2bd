//! What happens to the old content of an output.

/// Whether a kernel overwrites its output or adds to it (gradient accumulation).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// The old content is ignored; it may be uninitialized garbage or NaN.
    Overwrite,
    /// The result is added to the old content: the chain of each element starts from it, or, where a kernel says so, a
    /// finished sum is added to it.
    Accumulate,
}
