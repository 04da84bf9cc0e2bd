//! Some of a data set's samples.

use super::{DataFault, Dataset, Label, Scratch, Task, Values};
use crate::error::{Error, Result};

/// Samples of another data set, by their numbers: nothing is copied.
///
/// ```
/// use flatgrad::data::{self, Dataset, Subset};
/// let digits = data::digits()?;
/// let few = Subset::new(&digits.train, vec![5, 1436, 5])?;
/// assert_eq!((few.len(), few.target(1)), (3, digits.train.target(1436)));
/// assert!(Subset::new(&digits.train, vec![1437]).is_err());
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Subset<D> {
    data: D,
    indices: Vec<u32>,
}

impl<D: Dataset> Subset<D> {
    /// The samples `indices` of `data`, in this order; one may come twice.
    ///
    /// # Errors
    ///
    /// [`DataFault::Empty`] if there are none, [`DataFault::Sample`] for one that `data` does not have.
    pub fn new(data: D, indices: Vec<u32>) -> Result<Self> {
        let (len, pixels) = (data.len(), data.pixels());
        if indices.is_empty() {
            return Err(Error::data(data.name(), DataFault::Empty));
        }
        match indices.iter().find(|&&index| index as usize >= len) {
            Some(&index) => {
                let fault = DataFault::Sample { index: index as usize, len, actual: pixels, pixels };
                Err(Error::data(data.name(), fault))
            }
            None => Ok(Self { data, indices }),
        }
    }

    /// The numbers of its samples in the other data set.
    pub fn indices(&self) -> &[u32] {
        &self.indices
    }

    fn index(&self, index: usize) -> usize {
        self.indices.get(index).map_or(usize::MAX, |&i| i as usize)
    }
}

impl<D: Dataset> Dataset for Subset<D> {
    fn name(&self) -> &str {
        self.data.name()
    }
    fn len(&self) -> usize {
        self.indices.len()
    }
    fn shape(&self) -> [usize; 3] {
        self.data.shape()
    }
    fn task(&self) -> &Task {
        self.data.task()
    }
    fn white(&self) -> Option<u8> {
        self.data.white()
    }
    fn target(&self, index: usize) -> Label<'_> {
        self.data.target(self.index(index))
    }
    fn read<'a>(&'a self, index: usize, scratch: &'a mut Scratch) -> Result<Values<'a>> {
        super::dataset::check_sample(self, index, self.pixels())?;
        self.data.read(self.index(index), scratch)
    }
}
