//! A recipe made ready for samples of one shape.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::check::check;
use super::{Canvas, Key, Mixing, Pipeline};
use crate::error::Result;
use crate::files::hexadecimal;

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
    /// The recipe's text; empty if there is none.
    text: Arc<str>,
}

/// So many changed images tell one augmentation from another.
const PROBES: u64 = 32;

impl Augmentation {
    /// The operations of training and of testing, and what is done to whole batches in training.
    ///
    /// # Errors
    ///
    /// [`Error::Augment`](crate::Error::Augment) if the two do not take and give the same shapes, if they change the
    /// number of channels, or if a parameter of `mixing` is out of range.
    pub fn new(train: Pipeline, test: Pipeline, mixing: Mixing) -> Result<Self> {
        mixing.check()?;
        let [channels, ..] = train.shape();
        let same = test.shape() == train.shape() && test.out_shape() == train.out_shape();
        let expected = format_args!("the same as for training, {:?}", train.out_shape()).to_string();
        check("test", same, "the shape of images", expected, test.out_shape())?;
        let kept = train.out_shape()[0] == channels;
        check("train", kept, "the number of channels", channels, train.out_shape()[0])?;
        Ok(Self { train, test, mixing, text: Arc::default() })
    }

    pub(super) fn of_recipe(self, text: Arc<str>) -> Self {
        Self { text, ..self }
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

    /// What a run must have in common with the one that it continues: the recipe's text. Of operations put together in
    /// a program, a hash of what they make of an image.
    pub(crate) fn describe(&self) -> Result<String> {
        if !self.text.is_empty() {
            return Ok(self.text.to_string());
        }
        let (mut hash, mut canvas) = (Sha256::new(), Canvas::default());
        let image: Vec<f32> =
            (0..self.shape().iter().product()).map(|i: usize| (i * 37 % 256) as f32 / 255.0).collect();
        let mut out = vec![0.0; self.out_shape().iter().product()];
        for (pipeline, sample) in (0..PROBES).flat_map(|sample| [(&self.train, sample), (&self.test, sample)]) {
            pipeline.apply(Key { seed: 0, epoch: 0, sample }, &image, &mut out, &mut canvas)?;
            out.iter().for_each(|x| hash.update(x.to_le_bytes()));
        }
        let Mixing { mix_up, cut_mix, p } = self.mixing;
        for number in [mix_up.map_or(0.0, |mix| mix.alpha), cut_mix.map_or(0.0, |mix| mix.alpha), p] {
            hash.update(number.to_le_bytes());
        }
        Ok(hexadecimal(hash))
    }
}
