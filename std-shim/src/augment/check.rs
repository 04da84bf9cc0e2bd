//! Checks that operations share.

use std::fmt::Display;

use crate::error::{Error, Result};

/// Images larger than this, in either direction, are taken for a mistake.
const MAX_SIDE: usize = 1 << 20;
/// And so are images of more values than this.
const MAX_VALUES: usize = 1 << 26;

/// An error unless `fits`; it says what `what` must be and is.
pub(super) fn check(
    operation: &'static str,
    fits: bool,
    what: &str,
    must: impl Display,
    got: impl std::fmt::Debug,
) -> Result {
    if fits { Ok(()) } else { Err(Error::augment(operation, format!("{what} must be {must}, got {got:?}"))) }
}

pub(super) fn check_probability(operation: &'static str, p: f32) -> Result {
    check(operation, (0.0..=1.0).contains(&p), "p", "from 0 to 1", p)
}

/// `[lo, hi]` in order and inside `[least, most]`.
pub(super) fn check_range(
    operation: &'static str,
    what: &str,
    [lo, hi]: [f32; 2],
    [least, most]: [f32; 2],
    must: &str,
) -> Result {
    check(operation, least <= lo && lo <= hi && hi <= most && lo.is_finite() && hi.is_finite(), what, must, [lo, hi])
}

/// One value, or one for each channel.
pub(super) fn check_fill(operation: &'static str, fill: &[f32], channels: usize) -> Result {
    let fits = fill.len() <= 1 || fill.len() == channels;
    let must = format_args!("one number, or one for each of the {channels} channels");
    check(operation, fits && fill.iter().all(|x| x.is_finite()), "fill", must, fill)
}

/// The value for a channel: `fill` has one for all, one for each, or none, which means 0.
pub(super) fn fill_of(fill: &[f32], channel: usize) -> f32 {
    fill.get(channel).or(fill.first()).copied().unwrap_or_default()
}

pub(super) fn check_shape(operation: &'static str, [c, h, w]: [usize; 3]) -> Result {
    let values = c.checked_mul(h).and_then(|n| n.checked_mul(w));
    let fits = values.is_some_and(|n| (1..=MAX_VALUES).contains(&n)) && h.max(w) <= MAX_SIDE;
    check(operation, fits, "the image", "of reasonable size", [c, h, w])
}

pub(super) fn check_len(operation: &'static str, x: &[f32], shape: [usize; 3]) -> Result {
    check_shape(operation, shape)?;
    let len: usize = shape.iter().product();
    check(operation, x.len() == len, "the image's length", format_args!("{len} for {shape:?}"), x.len())
}

/// An image and its result.
pub(super) fn check_pair(
    operation: &'static str,
    from: &[f32],
    shape: [usize; 3],
    to: &[f32],
    out_shape: [usize; 3],
) -> Result {
    check_len(operation, from, shape)?;
    check_len(operation, to, out_shape)
}

/// Whole numbers as Python rounds them: half to even.
pub(super) fn round(x: f64) -> f64 {
    x.round_ties_even()
}
