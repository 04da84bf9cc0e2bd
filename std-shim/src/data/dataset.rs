//! Labelled images in memory.

use super::DataFault;
use crate::error::{Error, Result};

/// Labelled images in memory, one byte per pixel.
///
/// Every label is a class and every image has its label: [`Dataset::new`] is the only way to make one.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    name: String,
    shape: [usize; 3],
    classes: usize,
    white: u8,
    images: Vec<u8>,
    labels: Vec<u32>,
}

/// What to learn from, and what to measure on.
#[derive(Clone, Debug, PartialEq)]
pub struct DataSplit {
    /// The training part.
    pub train: Dataset,
    /// The test part: nothing is fitted on it, not even the normalization.
    pub test: Dataset,
}

impl Dataset {
    /// Images `[n, c, h, w]`, one label below `classes` for each; `white` is the largest value a pixel can have.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] with the name and one of [`DataFault::Empty`], [`DataFault::NoPixels`], [`DataFault::Pixels`],
    /// [`DataFault::Label`].
    ///
    /// ```
    /// use flatgrad::data::Dataset;
    /// let two = Dataset::new("two", [1, 1, 2], 10, 255, vec![0, 255, 255, 0], vec![7, 1])?;
    /// assert_eq!((two.len(), two.image(1), two.label(1)), (2, &[255, 0][..], 1));
    /// assert!(Dataset::new("bad", [1, 1, 2], 10, 255, vec![0, 0], vec![10]).is_err());
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
        match fault(shape, classes, &images, &labels) {
            Some(fault) => Err(Error::data(name, fault)),
            None => Ok(Self { name, shape, classes, white: white.max(1), images, labels }),
        }
    }

    /// What to call it.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// The number of samples; at least 1.
    pub fn len(&self) -> usize {
        self.labels.len()
    }
    /// Always false: a data set has at least one sample.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }
    /// Channels, height and width of each image.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }
    /// Values in one image: the product of the shape.
    pub fn pixels(&self) -> usize {
        self.shape.iter().product()
    }
    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }
    /// The largest value a pixel can have.
    pub fn white(&self) -> u8 {
        self.white
    }
    /// All images, `[n, c, h, w]`.
    pub fn images(&self) -> &[u8] {
        &self.images
    }
    /// All labels.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }
    /// Image `index`, `[c, h, w]`; empty if there is none.
    pub fn image(&self, index: usize) -> &[u8] {
        self.images.chunks_exact(self.pixels()).nth(index).unwrap_or_default()
    }
    /// The label of image `index`; 0 if there is none.
    pub fn label(&self, index: usize) -> u32 {
        self.labels.get(index).copied().unwrap_or_default()
    }

    /// The samples for which `keep(index)` is true, in order, under another name.
    ///
    /// # Errors
    ///
    /// [`DataFault::Empty`] if there are none.
    pub fn filter(&self, name: impl Into<String>, keep: impl Fn(usize) -> bool) -> Result<Self> {
        let chosen: Vec<usize> = (0..self.len()).filter(|&i| keep(i)).collect();
        let images = chosen.iter().flat_map(|&i| self.image(i)).copied().collect();
        let labels = chosen.iter().map(|&i| self.label(i)).collect();
        Self::new(name, self.shape, self.classes, self.white, images, labels)
    }
}

fn fault(shape: [usize; 3], classes: usize, images: &[u8], labels: &[u32]) -> Option<DataFault> {
    let [channels, height, width] = shape;
    let pixels = channels.checked_mul(height).and_then(|p| p.checked_mul(width));
    let actual = images.len();
    if labels.is_empty() {
        return Some(DataFault::Empty);
    }
    if pixels == Some(0) {
        return Some(DataFault::NoPixels { channels, height, width });
    }
    if pixels.and_then(|p| p.checked_mul(labels.len())) != Some(actual) {
        return Some(DataFault::Pixels { actual, images: labels.len(), pixels: pixels.unwrap_or(usize::MAX) });
    }
    let (index, &label) = labels.iter().enumerate().find(|&(_, &label)| label as usize >= classes)?;
    Some(DataFault::Label { index, label, classes })
}
