//! What a callback keeps in a checkpoint.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, Result};

/// What callbacks keep in a checkpoint, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Saved {
    /// Anything that fits in JSON; floating-point numbers come back exactly, if they are finite.
    pub values: BTreeMap<String, Value>,
    /// Long rows of numbers.
    pub tensors: BTreeMap<String, Vec<f32>>,
}

impl Saved {
    /// Keeps a value.
    ///
    /// ```
    /// use flatgrad::train::Saved;
    /// let mut saved = Saved::default();
    /// saved.put("best", &0.1f32);
    /// assert_eq!(saved.get::<f32>("best")?, Some(0.1));
    /// assert!(saved.get::<String>("best").is_err());
    /// # Ok::<(), flatgrad::Error>(())
    /// ```
    pub fn put(&mut self, name: &str, value: &impl Serialize) {
        self.values.insert(name.to_string(), serde_json::to_value(value).unwrap_or_default());
    }

    /// A value, if it was kept.
    ///
    /// # Errors
    ///
    /// [`Error::Weights`] if it is of another type.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let Some(value) = self.values.get(name) else { return Ok(None) };
        T::deserialize(value).map(Some).map_err(|e| Error::weights(format!("checkpoint: {name}"), e.to_string()))
    }
}
