//! Images in memory.

use super::dataset::check_sample;
use super::{DataFault, Dataset, Label, Scratch, Targets, Task, Values};
use crate::error::{Error, Result};

/// Images in memory, one byte per pixel, each with its target.
#[derive(Clone, Debug, PartialEq)]
pub struct Images {
    name: String,
    shape: [usize; 3],
    white: u8,
    images: Vec<u8>,
    targets: Targets,
}

impl Images {
    /// Images `[n, c, h, w]`, one label below `classes` for each; `white` is the largest value a pixel can have.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] with the name and one of [`DataFault::Empty`], [`DataFault::NoPixels`], [`DataFault::Pixels`],
    /// [`DataFault::Label`].
    ///
    /// ```
    /// use flatgrad::data::{Dataset, Images};
    /// let two = Images::new("two", [1, 1, 2], 10, 255, vec![0, 255, 255, 0], vec![7, 1])?;
    /// assert_eq!((two.len(), two.image(1), two.label(1)), (2, &[255, 0][..], 1));
    /// assert!(Images::new("bad", [1, 1, 2], 10, 255, vec![0, 0], vec![10]).is_err());
    /// # Ok::<(), flatgrad::Error>(())
    /// ```
    pub fn new(
        name: impl Into<String>,
        shape: [usize; 3],
        classes: usize,
        white: u8,
        images: Vec<u8>,
        labels: Vec<u32>,
    ) -> Result<Self> {
        let name = name.into();
        if let Some(fault) = fault(shape, labels.len(), images.len()) {
            return Err(Error::data(name, fault));
        }
        let names = (0..classes).map(|class| class.to_string()).collect();
        let targets = Targets::classes(names, labels).map_err(|fault| Error::data(&name, fault))?;
        Self::with_targets(name, shape, white, images, targets)
    }

    /// The same, with any targets.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] with the name and [`DataFault::NoPixels`] or [`DataFault::Pixels`].
    pub fn with_targets(
        name: impl Into<String>,
        shape: [usize; 3],
        white: u8,
        images: Vec<u8>,
        targets: Targets,
    ) -> Result<Self> {
        let name = name.into();
        match fault(shape, targets.len(), images.len()) {
            Some(fault) => Err(Error::data(name, fault)),
            None => Ok(Self { name, shape, white: white.max(1), images, targets }),
        }
    }

    /// All images, `[n, c, h, w]`.
    pub fn images(&self) -> &[u8] {
        &self.images
    }
    /// All labels; none if the targets are values.
    pub fn labels(&self) -> &[u32] {
        self.targets.labels()
    }
    /// Image `index`, `[c, h, w]`; empty if there is none.
    pub fn image(&self, index: usize) -> &[u8] {
        self.images.chunks_exact(self.pixels()).nth(index).unwrap_or_default()
    }
    /// The label of image `index`; 0 if there is none.
    pub fn label(&self, index: usize) -> u32 {
        self.labels().get(index).copied().unwrap_or_default()
    }

    /// The samples for which `keep(index)` is true, in order, under another name; [`Subset`](super::Subset) does the
    /// same without a copy.
    ///
    /// # Errors
    ///
    /// [`DataFault::Empty`] if there are none.
    pub fn filter(&self, name: impl Into<String>, keep: impl Fn(usize) -> bool) -> Result<Self> {
        let name = name.into();
        let chosen: Vec<usize> = (0..self.len()).filter(|&i| keep(i)).collect();
        let images = chosen.iter().flat_map(|&i| self.image(i)).copied().collect();
        let targets = self.targets.select(&chosen).map_err(|fault| Error::data(&name, fault))?;
        Self::with_targets(name, self.shape, self.white, images, targets)
    }
}

impl Dataset for Images {
    fn name(&self) -> &str {
        &self.name
    }
    fn len(&self) -> usize {
        self.targets.len()
    }
    fn shape(&self) -> [usize; 3] {
        self.shape
    }
    fn task(&self) -> &Task {
        self.targets.task()
    }
    fn white(&self) -> Option<u8> {
        Some(self.white)
    }
    fn target(&self, index: usize) -> Label<'_> {
        self.targets.get(index)
    }
    fn read<'a>(&'a self, index: usize, _: &'a mut Scratch) -> Result<Values<'a>> {
        let image = self.image(index);
        check_sample(self, index, image.len())?;
        Ok(Values::Bytes(image))
    }
}

/// What keeps `actual` values from being `samples` samples of this shape.
pub(super) fn fault(shape: [usize; 3], samples: usize, actual: usize) -> Option<DataFault> {
    let [channels, height, width] = shape;
    let pixels = channels.checked_mul(height).and_then(|p| p.checked_mul(width));
    if samples == 0 {
        return Some(DataFault::Empty);
    }
    if pixels == Some(0) {
        return Some(DataFault::NoPixels { channels, height, width });
    }
    if pixels.and_then(|p| p.checked_mul(samples)) != Some(actual) {
        return Some(DataFault::Pixels { actual, images: samples, pixels: pixels.unwrap_or(usize::MAX) });
    }
    (u32::try_from(samples).is_err()).then_some(DataFault::TooMany { samples })
}
