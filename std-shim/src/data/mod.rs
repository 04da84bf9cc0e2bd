//! Images and labels: the data set in the program, IDX files, normalization, batches.
//!
//! ```
//! use flatgrad::data::{self, Normalizer};
//! let digits = data::digits()?;
//! assert_eq!((digits.train.len(), digits.test.len()), (1437, 360));
//! let normalizer = Normalizer::fit(&digits.train);
//! let mut x = [0.0; 64];
//! normalizer.write(&digits.train, 0, &mut x)?;
//! # Ok::<(), flatgrad::Error>(())
//! ```

mod dataset;
mod digits;
mod fault;
pub mod idx;
mod image_file;
mod loader;
mod normalize;

pub use dataset::{DataSplit, Dataset};
pub use digits::{TEST_PER_CLASS, digits, digits_test_samples};
pub use fault::DataFault;
pub use image_file::image_bytes;
pub use loader::{Batches, epoch_order};
pub use normalize::{Normalizer, Scaling};
