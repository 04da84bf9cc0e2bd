//! Numbers in memory.

use super::dataset::check_sample;
use super::images::fault;
use super::{DataFault, Dataset, Label, Scratch, Targets, Task, Values};
use crate::error::{Error, Result};

/// Samples of `f32` in memory: the rows of a table, signals, images that are no bytes.
///
/// ```
/// use flatgrad::data::{Dataset, Floats, Label, Targets};
/// // Two rows of three columns, and a value to predict for each.
/// let targets = Targets::values(1, vec![10.0, 20.0]).unwrap();
/// let table = Floats::new("table", [3, 1, 1], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], targets)?;
/// assert_eq!((table.len(), table.sample(1), table.target(1)), (2, &[4.0, 5.0, 6.0][..], Label::Values(&[20.0])));
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Floats {
    name: String,
    shape: [usize; 3],
    values: Vec<f32>,
    targets: Targets,
}

impl Floats {
    /// Samples `[n, c, h, w]`; of a table, the rows, and the shape is `[columns, 1, 1]`.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] with the name and [`DataFault::NoPixels`], [`DataFault::Pixels`], or [`DataFault::NotFinite`]
    /// for the first sample with a value that is not a finite number.
    pub fn new(name: impl Into<String>, shape: [usize; 3], values: Vec<f32>, targets: Targets) -> Result<Self> {
        let name = name.into();
        if let Some(fault) = fault(shape, targets.len(), values.len()) {
            return Err(Error::data(name, fault));
        }
        let pixels: usize = shape.iter().product();
        match values.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(Error::data(name, DataFault::NotFinite { index: at / pixels, what: "value" })),
            None => Ok(Self { name, shape, values, targets }),
        }
    }

    /// Sample `index`, `[c, h, w]`; empty if there is none.
    pub fn sample(&self, index: usize) -> &[f32] {
        self.values.chunks_exact(self.pixels()).nth(index).unwrap_or_default()
    }

    /// All targets.
    pub fn targets(&self) -> &Targets {
        &self.targets
    }
}

impl Dataset for Floats {
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
        None
    }
    fn target(&self, index: usize) -> Label<'_> {
        self.targets.get(index)
    }
    fn read<'a>(&'a self, index: usize, _: &'a mut Scratch) -> Result<Values<'a>> {
        let sample = self.sample(index);
        check_sample(self, index, sample.len())?;
        Ok(Values::Floats(sample))
    }
}
