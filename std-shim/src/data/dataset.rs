//! What a data set is, wherever its samples come from.

use std::sync::Arc;

use super::{DataFault, TargetScaling};
use crate::error::{Error, Result};

/// Samples with their targets: numbered from 0, all of one shape, read in any order from any thread.
///
/// A data set need not be in memory: [`Dataset::read`] may decode a file into the caller's [`Scratch`]. Samples are
/// bytes ([`Dataset::white`]) or `f32`; bytes stay bytes until [`Normalizer`](super::Normalizer) looks them up.
///
/// ```
/// use flatgrad::Result;
/// use flatgrad::data::{Dataset, Label, Scratch, Task, Values};
///
/// /// The numbers from 0 to 99, and whether they are odd.
/// struct Parity(Task);
///
/// impl Dataset for Parity {
///     fn name(&self) -> &str {
///         "parity"
///     }
///     fn len(&self) -> usize {
///         100
///     }
///     fn shape(&self) -> [usize; 3] {
///         [1, 1, 1]
///     }
///     fn task(&self) -> &Task {
///         &self.0
///     }
///     fn white(&self) -> Option<u8> {
///         None
///     }
///     fn target(&self, index: usize) -> Label<'_> {
///         Label::Class(index as u32 % 2)
///     }
///     fn read<'a>(&'a self, index: usize, scratch: &'a mut Scratch) -> Result<Values<'a>> {
///         scratch.floats.clear();
///         scratch.floats.push(index as f32);
///         Ok(Values::Floats(&scratch.floats))
///     }
/// }
///
/// let data = Parity(Task::classes(["even", "odd"]));
/// let mut scratch = Scratch::default();
/// assert!(matches!(data.read(7, &mut scratch)?, Values::Floats([7.0])));
/// assert_eq!((data.target(7), data.task().outputs()), (Label::Class(1), 2));
/// # Ok::<(), flatgrad::Error>(())
/// ```
pub trait Dataset: Send + Sync {
    /// What to call it.
    fn name(&self) -> &str;
    /// The number of samples; at least 1, at most `u32::MAX`.
    fn len(&self) -> usize;
    /// Whether there are no samples: never so in the data sets of this crate.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Channels, height and width of every sample; of a table, `[columns, 1, 1]`.
    fn shape(&self) -> [usize; 3];
    /// Values in one sample: the product of the shape.
    fn pixels(&self) -> usize {
        self.shape().iter().product()
    }
    /// What is to be learnt.
    fn task(&self) -> &Task;
    /// If samples are bytes, the largest that a byte can be; `None` if they are `f32`.
    fn white(&self) -> Option<u8>;
    /// The target of sample `index`, as [`Dataset::task`] says; of a sample that does not exist, anything.
    fn target(&self, index: usize) -> Label<'_>;
    /// How its values to predict were standardized, if they were ([`Standardized`](super::Standardized)): errors are
    /// measured in the unit that they had before.
    fn target_scaling(&self) -> Option<&TargetScaling> {
        None
    }
    /// Sample `index`, `[c, h, w]`: from memory, or put into `scratch`.
    ///
    /// # Errors
    ///
    /// [`DataFault::Sample`] if there is no such sample; whatever is wrong with its file.
    fn read<'a>(&'a self, index: usize, scratch: &'a mut Scratch) -> Result<Values<'a>>;
}

/// What is to be learnt.
#[derive(Clone, Debug, PartialEq)]
pub enum Task {
    /// One of several classes.
    Classes {
        /// What the classes are called, in the order of their numbers.
        names: Vec<String>,
    },
    /// Numbers.
    Values {
        /// How many for each sample; at least 1.
        outputs: usize,
    },
}

impl Task {
    /// Classes of these names.
    pub fn classes<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        Self::Classes { names: names.into_iter().map(Into::into).collect() }
    }

    /// Classes that are called 0, 1, 2, ...
    pub fn numbered(classes: usize) -> Self {
        Self::classes((0..classes).map(|class| class.to_string()))
    }

    /// The number of classes, or of values.
    pub fn outputs(&self) -> usize {
        match self {
            Self::Classes { names } => names.len(),
            Self::Values { outputs } => *outputs,
        }
    }

    /// Whether it is about classes.
    pub fn is_classes(&self) -> bool {
        matches!(self, Self::Classes { .. })
    }
}

/// The target of one sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Label<'a> {
    /// A class, below the number of classes.
    Class(u32),
    /// So many values as the task says.
    Values(&'a [f32]),
}

/// The content of one sample, `[c, h, w]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Values<'a> {
    /// From 0 to [`Dataset::white`].
    Bytes(&'a [u8]),
    /// Finite numbers.
    Floats(&'a [f32]),
}

/// A reader's own buffers, for samples that are not in memory; to be used again and again.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    /// For [`Values::Bytes`].
    pub bytes: Vec<u8>,
    /// For [`Values::Floats`].
    pub floats: Vec<f32>,
}

macro_rules! forward {
    ($($pointer:ty),*) => { $(
        impl<D: Dataset + ?Sized> Dataset for $pointer {
            fn name(&self) -> &str {
                (**self).name()
            }
            fn len(&self) -> usize {
                (**self).len()
            }
            fn shape(&self) -> [usize; 3] {
                (**self).shape()
            }
            fn task(&self) -> &Task {
                (**self).task()
            }
            fn white(&self) -> Option<u8> {
                (**self).white()
            }
            fn target(&self, index: usize) -> Label<'_> {
                (**self).target(index)
            }
            fn target_scaling(&self) -> Option<&TargetScaling> {
                (**self).target_scaling()
            }
            fn read<'a>(&'a self, index: usize, scratch: &'a mut Scratch) -> Result<Values<'a>> {
                (**self).read(index, scratch)
            }
        }
    )* };
}
forward!(&D, Box<D>, Arc<D>);

/// What to learn from, and what to measure on.
///
/// ```
/// use flatgrad::data::{self, Dataset, DataSplit};
/// // Of one type, or of any: what a reader gives that looks at the files first.
/// let digits: DataSplit = data::digits()?.shared();
/// assert_eq!(digits.test.len(), 360);
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DataSplit<D = Arc<dyn Dataset>> {
    /// The training part.
    pub train: D,
    /// The test part: nothing is fitted on it, not even the normalization.
    pub test: D,
}

impl<D: Dataset + 'static> DataSplit<D> {
    /// The same, whatever the type was.
    pub fn shared(self) -> DataSplit {
        DataSplit { train: Arc::new(self.train), test: Arc::new(self.test) }
    }
}

/// Whether samples are rows of numbers, as those of tables.
pub fn is_rows(data: &dyn Dataset) -> bool {
    data.white().is_none() && data.shape()[1..] == [1, 1]
}

/// The fault of asking for a sample that does not exist, or of a buffer that does not fit it.
pub(super) fn check_sample(data: &dyn Dataset, index: usize, buffer: usize) -> Result {
    let (len, pixels) = (data.len(), data.pixels());
    if index < len && buffer == pixels {
        return Ok(());
    }
    Err(Error::data(data.name(), DataFault::Sample { index, len, actual: buffer, pixels }))
}
