//! Networks as data.

mod error;

pub use error::NetError;
