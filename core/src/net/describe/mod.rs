//! Networks as data: layers, their options, and a list of them that has been checked.

mod kind;
mod layer;
mod options;

pub use kind::Kind;
pub(super) use layer::Form;
pub use layer::{Layer, Options};
