//! From image to features: nothing moves.

use super::shapes::product;
use super::{About, Inferred};
use crate::error::{Problem, Result};
use crate::net::describe::{Kind, Layer};

impl Layer<'_> {
    /// From image to features.
    pub const fn flatten() -> Self {
        Self::of(Kind::Flatten)
    }
}

pub(super) const ABOUT: About = About { in_place: true, is_flatten: true, ..About::new("flatten") };

pub(super) const fn infer(input: [usize; 3]) -> Result<Inferred, Problem> {
    match product(&input) {
        Ok(features) => Ok(Inferred { output: [features, 1, 1], ..Inferred::same(input) }),
        Err(e) => Err(e),
    }
}
