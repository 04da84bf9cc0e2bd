//! Train small networks fast and reproducibly: the std side of flatgrad.
//!
//! [`flatgrad_core`] computes; this crate owns every allocation, thread and file around it: [`data`] reads and batches
//! images, [`train`] runs the epochs, [`model`] saves weights under PyTorch's names, [`report`] writes down what
//! happened, [`reproduce`] does well-known experiments again, [`Pool`] lends the kernels its threads. The `flatgrad`
//! program is all of them behind one command line.
//!
//! The same seed gives the same weights, bit for bit, on every instruction set and for every number of threads.
//!
//! ```
//! use flatgrad::{Pool, data, train};
//! use flatgrad_core::Isa;
//! use flatgrad_core::net::{Layer, Net, Optimizer};
//!
//! const LAYERS: [Layer; 4] = [Layer::flatten(), Layer::dense(32), Layer::relu(), Layer::dense(10)];
//! const NET: Net = Net::new([1, 8, 8], &LAYERS);
//!
//! let digits = data::digits()?;
//! let optimizer = Optimizer::adam(3e-3);
//! let settings = train::Settings { epochs: 5, ..train::Settings::new(optimizer) };
//! let pool = Pool::new(2)?;
//! let outcome = pool.run(|| train::train(pool.context(Isa::detect()), NET, &digits, &settings, &mut []))?;
//! assert!(outcome.history.epochs[4].test_accuracy > Some(0.9));
//! println!("weights sha256 {}", outcome.weights.sha256());
//! # Ok::<(), flatgrad::Error>(())
//! ```
#![forbid(unsafe_code)]

/// The examples of the front page are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod error;
mod files;
mod parallel;
mod toml;

pub mod augment;
pub mod data;
pub mod distributed;
pub mod memory;
pub mod model;

pub mod report;
pub mod reproduce;
pub mod train;
pub mod tune;

pub use error::{DataFault, Error, Result};
pub use files::atomic_write;
pub use parallel::Pool;
