//! Parameters by name, as files, tables and options have them: of layers, activations and optimizers.

/// The value of a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// A number of things.
    Size(usize),
    /// Two of them: down and across.
    Pair([usize; 2]),
    /// A number.
    Number(f32),
    /// A number of which more digits count.
    Double(f64),
    /// Two of them.
    Doubles([f64; 2]),
    /// Yes or no.
    Flag(bool),
    /// One of some words.
    Word(&'static str),
}

/// The parameters of a layer, an activation or an optimizer by name, in the order of its documentation.
///
/// ```
/// use flatgrad_core::net::{Layer, Value};
/// let keys = Layer::dense(10).kind().keys();
/// assert!(keys.iter().eq([("outputs", Value::Size(10)), ("bias", Value::Flag(true))]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Keys {
    list: [(&'static str, Value); Self::MOST],
    len: usize,
}

impl Keys {
    /// More than any layer has.
    const MOST: usize = 8;
    /// No parameters.
    pub const NONE: Self = Self { list: [("", Value::Flag(false)); Self::MOST], len: 0 };

    /// One parameter more.
    pub(crate) const fn and(mut self, name: &'static str, value: Value) -> Self {
        if self.len < Self::MOST {
            self.list[self.len] = (name, value);
            self.len += 1;
        }
        self
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Value)> + '_ {
        self.list.iter().copied().take(self.len)
    }
}
