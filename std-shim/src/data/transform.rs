//! Where augmentation goes.

use flatgrad_core::rng::Stream;

/// Changes training samples at random on their way into a batch.
///
/// It may run on any thread and in any order, so everything random in it comes from the key: then the batches are the same
/// for every number of workers.
///
/// ```
/// use flatgrad::data::{self, Loader, Normalizer, SampleKey, Transform};
///
/// /// Half of the images become their mirror images.
/// struct Flip;
///
/// impl Transform for Flip {
///     fn apply(&self, key: SampleKey, [_, _, width]: [usize; 3], image: &mut [f32]) {
///         if key.uniform(0, 0) < 0.5 {
///             image.chunks_exact_mut(width).for_each(<[f32]>::reverse);
///         }
///     }
/// }
///
/// let digits = data::digits()?;
/// let normalizer = Normalizer::fit(&digits.train)?;
/// let loader = Loader::new(&digits.train, &normalizer, 32).transform(Some(&Flip));
/// let steps = loader.epoch(0, |batches| {
///     let mut steps = 0;
///     while let Some(batch) = batches.next_batch()? {
///         steps += 1;
///         assert_eq!(batch.x().len(), 64 * batch.len());
///     }
///     Ok(steps)
/// })?;
/// assert_eq!(steps, 45);
/// # Ok::<(), flatgrad::Error>(())
/// ```
pub trait Transform: Send + Sync {
    /// Changes one sample `[c, h, w]`: parts of white, from 0 to 1, not normalized yet. `f32` data comes as it is.
    fn apply(&self, key: SampleKey, shape: [usize; 3], image: &mut [f32]);

    /// Whether [`Transform::mix`] does anything; targets then become probabilities, one for each class.
    fn mixes(&self) -> bool {
        false
    }

    /// Everything that decides what it does, in words of its own: a run is continued only with the same.
    fn describe(&self) -> String {
        String::new()
    }

    /// Changes the samples of a batch together, after [`Transform::apply`]; only if [`Transform::mixes`].
    fn mix(&self, key: BatchKey, batch: Mix) {
        let _ = (key, batch);
    }
}

/// A batch that may be mixed.
#[derive(Debug)]
pub struct Mix<'a> {
    /// Channels, height and width of a sample.
    pub shape: [usize; 3],
    /// The samples, `[n, c, h, w]`, in parts of white, not normalized yet.
    pub x: &'a mut [f32],
    /// The targets, `[n, outputs]`: probabilities of the classes, or values.
    pub targets: &'a mut [f32],
    /// The classes, or values of one sample.
    pub outputs: usize,
}

/// Everything that randomness for one sample may depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SampleKey {
    /// The seed of the run.
    pub seed: u64,
    /// The epoch, counted from 0.
    pub epoch: u64,
    /// The sample's number in its data set.
    pub index: u32,
}

/// Everything that randomness for one batch may depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BatchKey {
    /// The seed of the run.
    pub seed: u64,
    /// The epoch, counted from 0.
    pub epoch: u64,
    /// The batch's number in the epoch, counted from 0.
    pub batch: u32,
}

/// The random streams of samples; the order of samples has the one before.
const SAMPLES: u32 = 0x4100_0000;
/// The random streams of batches.
const BATCHES: u32 = 0x4200_0000;

impl SampleKey {
    /// 32 random bits: number `i` of those that `operation` has for this sample.
    ///
    /// The stream is 0x41000000 + `operation`, the step the epoch, the element `index * 65536 + i`.
    pub const fn bits(self, operation: u16, i: u16) -> u32 {
        self.stream(operation).bits(element(self.index, i))
    }

    /// A random number in `[0, 1)`: number `i` of those that `operation` has for this sample.
    ///
    /// ```
    /// use flatgrad::data::SampleKey;
    /// let key = SampleKey { seed: 1, epoch: 0, index: 7 };
    /// assert_eq!(key.uniform(3, 0), key.uniform(3, 0));
    /// assert_ne!(key.uniform(3, 0), key.uniform(3, 1));
    /// assert_ne!(key.uniform(3, 0), SampleKey { epoch: 1, ..key }.uniform(3, 0));
    /// ```
    pub const fn uniform(self, operation: u16, i: u16) -> f32 {
        self.stream(operation).uniform(element(self.index, i))
    }

    const fn stream(self, operation: u16) -> Stream {
        Stream { seed: self.seed, stream: SAMPLES + operation as u32, step: self.epoch }
    }
}

impl BatchKey {
    /// 32 random bits: number `i` of those that `operation` has for this batch; the streams are 0x42000000 and on.
    pub const fn bits(self, operation: u16, i: u16) -> u32 {
        self.stream(operation).bits(element(self.batch, i))
    }

    /// A random number in `[0, 1)`: number `i` of those that `operation` has for this batch.
    pub const fn uniform(self, operation: u16, i: u16) -> f32 {
        self.stream(operation).uniform(element(self.batch, i))
    }

    const fn stream(self, operation: u16) -> Stream {
        Stream { seed: self.seed, stream: BATCHES + operation as u32, step: self.epoch }
    }
}

const fn element(index: u32, i: u16) -> u64 {
    (index as u64) << 16 | i as u64
}
