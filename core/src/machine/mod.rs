//! What the program runs on: the kind of target, its instruction sets, its threads.

mod context;
mod isa;
pub(crate) mod target;

pub use context::{Context, Parallel, Serial};
pub use isa::Isa;
pub(crate) use isa::Set;
