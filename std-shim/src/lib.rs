//! Train small networks fast and reproducibly: the std side of flatgrad.
//!
//! [`flatgrad_core`] computes; this crate owns every allocation, thread and file around it: [`data`] reads and batches
//! images, [`train`] runs the epochs, [`model`] saves weights under PyTorch's names, [`report`] writes down what
//! happened, [`Pool`] lends the kernels its threads. The `flatgrad` program is all of them behind one command line.
//!
//! The same seed gives the same weights, bit for bit, on every instruction set and for every number of threads.
#![forbid(unsafe_code)]

mod error;
mod files;
mod parallel;

pub mod data;
pub mod model;

pub mod report;
pub mod train;

pub use error::{Error, Result};
pub use files::atomic_write;
pub use parallel::Pool;
