//! Data: sets of samples in memory and in files, normalization, batches.
//!
//! A [`Dataset`] is anything that gives samples by number; [`Images`] and [`Floats`] are in memory, readers such as
//! [`idx`] make them, a [`Subset`] is some samples of another. A [`Normalizer`] is measured on the training part, and a
//! [`Loader`] makes batches.
//!
//! ```
//! use flatgrad::data::{self, Dataset, Normalizer};
//! let digits = data::digits()?;
//! assert_eq!((digits.train.len(), digits.test.len()), (1437, 360));
//! let normalizer = Normalizer::fit(&digits.train)?;
//! let mut x = [0.0; 64];
//! normalizer.write(&digits.train, 0, &mut x)?;
//! # Ok::<(), flatgrad::Error>(())
//! ```

mod batch;
pub mod cifar;
mod dataset;
mod digits;
mod features;
mod floats;
mod folder;
pub mod idx;
mod image_file;
mod images;
mod loader;
mod moments;
mod normalize;
pub mod npy;
mod npz;
mod open;
mod records;
mod samples;
mod split;
mod subset;
mod table;
mod target_scaling;
mod targets;

pub use batch::Batch;
pub use dataset::{DataSplit, Dataset, Label, Scratch, Task, Values, is_rows};
pub use digits::{TEST_PER_CLASS, digits, digits_test_samples};
pub use features::{FeatureOptions, read_samples};
pub use floats::Floats;
pub use folder::ImageFolder;
pub use image_file::image_bytes;
pub use images::Images;
pub use loader::{Batches, Loader, epoch_order};
pub use normalize::{Normalization, Normalizer, Scaling};
pub use open::{OpenOptions, Opened, open, open_digits};
pub use records::is_table;
pub use samples::{SampleOptions, Samples};
pub use split::{split, split_groups};
pub use subset::Subset;
pub use table::{Columns, Table, TableOptions, read_table};
pub use target_scaling::{Standardized, TargetScaling};
pub use targets::Targets;

use crate::error::DataFault;
