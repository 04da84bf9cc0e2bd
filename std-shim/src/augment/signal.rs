//! Signals `[c, 1, len]` in time.

use super::check::{check, check_fill};
use super::crop::{translate, whole_shift};
use super::{Canvas, Draws, Padding, Place, RandomCrop, Transform, Window};
use crate::error::Result;

/// Moves a signal in time by whole samples, forward or backward.
///
/// ```
/// use flatgrad::augment::{Padding, TimeShift, Transform};
/// let around = TimeShift { max: 0.5, mode: Padding::Wrap, ..TimeShift::DEFAULT };
/// assert_eq!(around.out_shape([3, 1, 128])?, [3, 1, 128]);
/// assert!(around.out_shape([3, 2, 128]).is_err(), "not a signal");
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TimeShift {
    /// At most this part of the length, in both directions.
    pub max: f32,
    /// One value, or one for each channel; empty: 0.
    pub fill: Vec<f32>,
    /// What comes in at the end.
    pub mode: Padding,
}

impl TimeShift {
    /// Up to a tenth; the first or last sample goes on.
    pub const DEFAULT: Self = Self { max: 0.1, fill: Vec::new(), mode: Padding::Edge };

    /// By how many samples, later if positive: uniform in its range, then rounded.
    pub fn params(&self, draws: &mut Draws, [.., len]: [usize; 3]) -> isize {
        whole_shift(draws, self.max, len)
    }
}

impl Transform for TimeShift {
    fn out_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
        check("time_shift", (0.0..=1.0).contains(&self.max), "max", "a part of the length from 0 to 1", self.max)?;
        check_fill("time_shift", &self.fill, shape[0])?;
        check_signal("time_shift", shape)?;
        Ok(shape)
    }

    fn apply(&self, place: Place, canvas: &mut Canvas) -> Result {
        let shift = self.params(&mut place.draws(), canvas.shape());
        translate([shift, 0], self.mode, &self.fill, canvas)
    }
}

/// A part of a signal, from a random time on.
///
/// ```
/// use flatgrad::augment::{Key, SignalCrop, Transform};
/// let crop = SignalCrop { len: 96 };
/// assert_eq!(crop.out_shape([3, 1, 128])?, [3, 1, 96]);
/// let window = crop.params(&mut Key { seed: 1, epoch: 0, sample: 0 }.draws(0), [3, 1, 128])?;
/// assert!((0..=32).contains(&window.left));
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalCrop {
    /// The part's length.
    pub len: usize,
}

impl SignalCrop {
    fn crop(self) -> RandomCrop {
        RandomCrop { size: Some([1, self.len]), ..RandomCrop::DEFAULT }
    }

    /// Which part: each start is equally likely.
    ///
    /// # Errors
    ///
    /// As [`Transform::out_shape`].
    pub fn params(&self, draws: &mut Draws, shape: [usize; 3]) -> Result<Window> {
        self.out_shape(shape)?;
        self.crop().params(draws, shape)
    }
}

impl Transform for SignalCrop {
    fn out_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
        check_signal("signal_crop", shape)?;
        let most = shape[2];
        check("signal_crop", (1..=most).contains(&self.len), "len", format_args!("from 1 to {most}"), self.len)?;
        Ok([shape[0], 1, self.len])
    }

    fn apply(&self, place: Place, canvas: &mut Canvas) -> Result {
        self.crop().apply(place, canvas)
    }
}

fn check_signal(operation: &'static str, shape: [usize; 3]) -> Result {
    check(operation, shape[1] == 1, "the shape", "that of a signal, [channels, 1, length]", shape)
}
