//! A recipe made ready for samples of one shape.

use super::check::check;
use super::{Mixing, Pipeline};
use crate::error::Result;

/// What happens to samples of one shape on their way into a network.
///
/// ```
/// use flatgrad::augment::Recipe;
/// let augmentation = Recipe::named("fashion")?.augmentation([1, 28, 28])?;
/// assert_eq!(augmentation.out_shape(), [1, 28, 28]);
/// assert!(augmentation.test().is_empty() && !augmentation.mixing().mixes());
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Augmentation {
    train: Pipeline,
    test: Pipeline,
    mixing: Mixing,
}

impl Augmentation {
    /// The operations of training and of testing, and what is done to whole batches in training.
    ///
    /// # Errors
    ///
    /// [`Error::Augment`](crate::Error::Augment) if the two do not take and give the same shapes, if they change the number of
    /// channels, or if a parameter of `mixing` is out of range.
    pub fn new(train: Pipeline, test: Pipeline, mixing: Mixing) -> Result<Self> {
        mixing.check()?;
        let [channels, ..] = train.shape();
        let same = test.shape() == train.shape() && test.out_shape() == train.out_shape();
        let expected = format_args!("the same as for training, {:?}", train.out_shape()).to_string();
        check("test", same, "the shape of images", expected, test.out_shape())?;
        let kept = train.out_shape()[0] == channels;
        check("train", kept, "the number of channels", channels, train.out_shape()[0])?;
        Ok(Self { train, test, mixing })
    }

    /// The operations of training.
    pub const fn train(&self) -> &Pipeline {
        &self.train
    }
    /// The operations of testing.
    pub const fn test(&self) -> &Pipeline {
        &self.test
    }
    /// What is done to whole batches in training.
    pub const fn mixing(&self) -> Mixing {
        self.mixing
    }
    /// The shape of samples before.
    pub const fn shape(&self) -> [usize; 3] {
        self.train.shape()
    }
    /// The shape of samples after: a network's input.
    pub const fn out_shape(&self) -> [usize; 3] {
        self.train.out_shape()
    }

    /// All operations with all parameters: what a run must have in common with the one that it continues.
    pub(crate) fn describe(&self) -> String {
        format!("{:?}", (self.train.operations(), self.test.operations(), self.mixing))
    }
}
