//! The targets of data sets in memory.

use super::{DataFault, Label, Task};

/// A target for each sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Targets {
    task: Task,
    /// One class per sample, or none at all.
    labels: Vec<u32>,
    /// `[n, outputs]`, or none at all.
    values: Vec<f32>,
}

impl Targets {
    /// A class for each sample.
    ///
    /// # Errors
    ///
    /// [`DataFault::Empty`], or [`DataFault::Label`] for the first that is not below the number of names.
    pub fn classes(names: Vec<String>, labels: Vec<u32>) -> Result<Self, DataFault> {
        let classes = names.len();
        match labels.iter().enumerate().find(|&(_, &label)| label as usize >= classes) {
            Some((index, &label)) => Err(DataFault::Label { index, label, classes }),
            None if labels.is_empty() => Err(DataFault::Empty),
            None => Ok(Self { task: Task::Classes { names }, labels, values: Vec::new() }),
        }
    }

    /// `outputs` values for each sample.
    ///
    /// # Errors
    ///
    /// [`DataFault::Empty`]; [`DataFault::Targets`] if they are not a whole number of samples;
    /// [`DataFault::NotFinite`] for the first that is not a finite number.
    ///
    /// ```
    /// use flatgrad::{DataFault, data::Targets};
    /// assert_eq!(Targets::values(2, vec![1.0, 2.0, 3.0, 4.0]).unwrap().len(), 2);
    /// assert_eq!(Targets::values(1, vec![1.0, f32::NAN]), Err(DataFault::NotFinite { index: 1, what: "target" }));
    /// ```
    pub fn values(outputs: usize, values: Vec<f32>) -> Result<Self, DataFault> {
        if values.is_empty() {
            return Err(DataFault::Empty);
        }
        if outputs == 0 || !values.len().is_multiple_of(outputs) {
            return Err(DataFault::Targets { actual: values.len(), outputs });
        }
        match values.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(DataFault::NotFinite { index: at / outputs, what: "target" }),
            None => Ok(Self { task: Task::Values { outputs }, labels: Vec::new(), values }),
        }
    }

    /// What is to be learnt.
    pub fn task(&self) -> &Task {
        &self.task
    }
    /// The number of samples; at least 1.
    pub fn len(&self) -> usize {
        match self.task {
            Task::Classes { .. } => self.labels.len(),
            Task::Values { outputs } => self.values.len() / outputs,
        }
    }
    /// Always false.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The classes; none if the targets are values.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }
    /// The target of sample `index`; if there is none, class 0 or no values.
    pub fn get(&self, index: usize) -> Label<'_> {
        match self.task {
            Task::Classes { .. } => Label::Class(self.labels.get(index).copied().unwrap_or_default()),
            Task::Values { outputs } => Label::Values(self.values.chunks_exact(outputs).nth(index).unwrap_or_default()),
        }
    }

    /// The targets of these samples.
    pub(super) fn select(&self, indices: &[usize]) -> Result<Self, DataFault> {
        match &self.task {
            Task::Classes { names } => {
                let labels = indices.iter().filter_map(|&i| self.labels.get(i).copied()).collect();
                Self::classes(names.clone(), labels)
            }
            Task::Values { outputs } => {
                let rows = indices.iter().filter_map(|&i| self.values.chunks_exact(*outputs).nth(i));
                Self::values(*outputs, rows.flatten().copied().collect())
            }
        }
    }
}
