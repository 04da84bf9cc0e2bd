//! From image to features: nothing moves.

use super::shapes::product;
use super::{About, Shapes};
use crate::error::{Problem, Result};
use crate::net::describe::{Kind, Layer};

impl Layer<'_> {
    /// From image to features.
    pub const fn flatten() -> Self {
        Self::of(Kind::Flatten)
    }
}

pub(super) const ABOUT: About = About { in_place: true, is_flatten: true, ..About::new("flatten") };

pub(super) const fn shapes(input: [usize; 3]) -> Result<Shapes, Problem> {
    match product(&input) {
        Ok(features) => Ok(Shapes { output: [features, 1, 1], ..Shapes::same(input) }),
        Err(e) => Err(e),
    }
}
