//! What an operation is, and a chain of them made ready for images of one shape.

use std::fmt::Debug;
use std::sync::Arc;

use super::check::{check_len, check_shape};
use super::{Canvas, Compose, Draws, Key};
use crate::error::Result;

/// An operation on one image `[c, h, w]`, or on one signal `[c, 1, len]`.
///
/// The label of an image is kept: an operation never sees it. What mixes images and labels is in
/// [`Mixing`](super::Mixing).
///
/// ```
/// use flatgrad::Result;
/// use flatgrad::augment::{Canvas, Key, Pipeline, Place, Transform};
///
/// /// Half of the images become their negatives.
/// #[derive(Debug)]
/// struct Invert;
///
/// impl Transform for Invert {
///     fn out_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
///         Ok(shape)
///     }
///     fn apply(&self, place: Place, canvas: &mut Canvas) -> Result {
///         if place.draws().chance(0.5) {
///             canvas.image_mut().iter_mut().for_each(|x| *x = 1.0 - *x);
///         }
///         Ok(())
///     }
/// }
///
/// let pipeline = Pipeline::new(vec![Box::new(Invert)], [1, 1, 2])?;
/// let mut out = [0.0; 2];
/// pipeline.apply(Key { seed: 1, epoch: 0, sample: 0 }, &[0.25, 1.0], &mut out, &mut Canvas::default())?;
/// assert!(out == [0.25, 1.0] || out == [0.75, 0.0]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
pub trait Transform: Debug + Send + Sync {
    /// Checks the parameters, and says what becomes of images of this shape.
    ///
    /// # Errors
    ///
    /// [`Error::Augment`](crate::Error::Augment) if a parameter is out of range or does not fit the shape.
    fn out_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]>;

    /// Changes the image on `canvas`. Everything random in it comes from `place`.
    ///
    /// # Errors
    ///
    /// As [`Transform::out_shape`] for the image's shape; the image is then as it was.
    fn apply(&self, place: Place, canvas: &mut Canvas) -> Result;

    /// How many streams of random numbers it uses: its own, and those of the operations in it.
    fn streams(&self) -> u32 {
        1
    }
}

/// A chain as an operation.
#[derive(Debug)]
struct Chain(Arc<Compose>);

impl Transform for Chain {
    fn out_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
        self.0.out_shape(shape)
    }

    fn apply(&self, place: Place, canvas: &mut Canvas) -> Result {
        self.0.apply(place, canvas)
    }

    fn streams(&self) -> u32 {
        self.0.streams()
    }
}

/// A sample, and an operation's position in the chain: the name of a stream of random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The sample.
    pub key: Key,
    /// The operation, counted from 0; operations inside others count, too, after the one they are in.
    pub position: u32,
}

impl Place {
    /// This operation's random numbers for this sample.
    pub const fn draws(self) -> Draws {
        self.key.draws(self.position)
    }

    /// The place of an operation `streams` further on.
    pub const fn after(self, streams: u32) -> Self {
        Self { position: self.position.wrapping_add(streams), ..self }
    }
}

/// A chain of operations that has been checked against the shape of the images.
///
/// ```
/// use flatgrad::augment::{Canvas, Key, Pipeline, RandomCrop, RandomHorizontalFlip};
/// let chain: Vec<Box<dyn flatgrad::augment::Transform>> =
///     vec![Box::new(RandomHorizontalFlip::DEFAULT), Box::new(RandomCrop { padding: [1; 4], ..RandomCrop::DEFAULT })];
/// let pipeline = Pipeline::new(chain, [1, 2, 2])?;
/// let (mut canvas, mut out) = (Canvas::default(), [0.0; 4]);
/// let key = Key { seed: 1, epoch: 0, sample: 0 };
/// pipeline.apply(key, &[0.1, 0.2, 0.3, 0.4], &mut out, &mut canvas)?;
/// let first = out;
/// pipeline.apply(key, &[0.1, 0.2, 0.3, 0.4], &mut out, &mut canvas)?;
/// assert_eq!(out, first, "the same key gives the same image");
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pipeline {
    chain: Arc<Compose>,
    shape: [usize; 3],
    out_shape: [usize; 3],
}

impl Pipeline {
    /// The operations, one after another, for images of `shape`.
    ///
    /// # Errors
    ///
    /// [`Error::Augment`](crate::Error::Augment) of the first operation that does not fit what it gets.
    pub fn new(operations: Vec<Box<dyn Transform>>, shape: [usize; 3]) -> Result<Self> {
        Self::of(Arc::new(Compose(operations)), shape)
    }

    /// The same chain, with one more operation at its end.
    ///
    /// # Errors
    ///
    /// [`Error::Augment`](crate::Error::Augment) if the operation does not fit what the chain gives.
    ///
    /// ```
    /// use flatgrad::augment::{MultiCrop, Recipe, Views};
    /// let images = Recipe::named("imagenet")?.test_uncropped([3, 300, 400])?;
    /// assert_eq!(images.out_shape(), [3, 256, 341]);
    /// let crops = images.then(Box::new(MultiCrop { views: Views::Ten, size: [224, 224], padding: 0 }))?;
    /// assert_eq!(crops.out_shape(), [30, 224, 224]);
    /// # Ok::<(), flatgrad::Error>(())
    /// ```
    pub fn then(self, operation: Box<dyn Transform>) -> Result<Self> {
        Self::new(vec![Box::new(Chain(self.chain)), operation], self.shape)
    }

    pub(super) fn of(chain: Arc<Compose>, shape: [usize; 3]) -> Result<Self> {
        check_shape("pipeline", shape)?;
        let out_shape = chain.out_shape(shape)?;
        Ok(Self { chain, shape, out_shape })
    }

    /// The shape of the images that go in.
    pub const fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The shape of those that come out.
    pub const fn out_shape(&self) -> [usize; 3] {
        self.out_shape
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.chain.0.is_empty()
    }

    /// Writes what becomes of the image `from` to `to`. A `canvas` that is used again needs no new memory.
    ///
    /// # Errors
    ///
    /// [`Error::Augment`](crate::Error::Augment) if `from` or `to` has another length than its shape; nothing is
    /// written.
    pub fn apply(&self, key: Key, from: &[f32], to: &mut [f32], canvas: &mut Canvas) -> Result {
        check_len("pipeline", to, self.out_shape)?;
        canvas.load(self.shape, from)?;
        self.chain.apply(Place { key, position: 0 }, canvas)?;
        // An operation of somebody else's may not have kept its promise about the shape.
        check_len("pipeline", canvas.image(), self.out_shape)?;
        to.copy_from_slice(canvas.image());
        Ok(())
    }

    /// The same in place, if the shape stays the same.
    ///
    /// # Errors
    ///
    /// [`Error::Augment`](crate::Error::Augment) if it does not, or `image` has another length; nothing is written.
    pub fn apply_in_place(&self, key: Key, image: &mut [f32], canvas: &mut Canvas) -> Result {
        check_len("pipeline", image, self.out_shape)?;
        canvas.load(self.shape, image)?;
        self.chain.apply(Place { key, position: 0 }, canvas)?;
        check_len("pipeline", canvas.image(), self.out_shape)?;
        image.copy_from_slice(canvas.image());
        Ok(())
    }
}
