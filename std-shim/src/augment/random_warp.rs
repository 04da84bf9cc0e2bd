//! Any mixture of maps, resampled once.

use super::check::{check, check_fill, check_probability, check_range, round};
use super::random_affine::{DEGREES, FACTORS, SLANT, apply_map};
use super::{Affine, Canvas, Draws, Interpolation, Place, Transform};
use crate::error::Result;

/// One random map; all are around the middle of the image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Map {
    /// A rotation in degrees, clockwise, uniform.
    Rotate([f32; 2]),
    /// At most this part of the width across, and of the height down, in both directions, uniform.
    Translate {
        /// Parts of width and height.
        max: [f32; 2],
        /// Whether to round to whole pixels.
        whole: bool,
    },
    /// A factor of both sides, uniform in its logarithm.
    Scale([f32; 2]),
    /// A factor of the width and another of the height, each uniform in its logarithm.
    Stretch {
        /// Of the width.
        x: [f32; 2],
        /// Of the height.
        y: [f32; 2],
    },
    /// A slant in degrees in x and another in y, each uniform.
    Shear {
        /// In x.
        x: [f32; 2],
        /// In y.
        y: [f32; 2],
    },
    /// Left and right change places with this probability.
    FlipHorizontal(f32),
    /// Top and bottom change places with this probability.
    FlipVertical(f32),
}

/// Any mixture of maps, one after another, combined before the image is resampled: once.
///
/// ```
/// use flatgrad::augment::{Interpolation, Key, Map, RandomWarp};
/// let maps = vec![Map::Shear { x: [-10.0, 10.0], y: [0.0; 2] }, Map::Rotate([-10.0, 10.0]), Map::FlipHorizontal(0.5)];
/// let warp = RandomWarp { maps, interpolation: Interpolation::Bilinear, fill: Vec::new() };
/// let map = warp.params(&mut Key { seed: 1, epoch: 0, sample: 0 }.draws(0), [1, 28, 28]);
/// let [x, y] = map.apply([0.0, 0.0]);
/// assert_eq!([x, y], [0.0, 0.0], "the middle stays where it is");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RandomWarp {
    /// The maps in their order.
    pub maps: Vec<Map>,
    /// How pixels are computed.
    pub interpolation: Interpolation,
    /// One value, or one for each channel; empty: 0.
    pub fill: Vec<f32>,
}

impl Map {
    fn check(self) -> Result {
        const NAME: &str = "random_warp";
        let factors =
            |what: &str, range| check_range(NAME, what, range, FACTORS, "two factors from 0.01 to 100, in order");
        let slant = |what: &str, range| check_range(NAME, what, range, SLANT, "two angles from -89 to 89, in order");
        match self {
            Self::Rotate(range) => {
                check_range(NAME, "degrees", range, DEGREES, "two angles from -360 to 360, in order")
            }
            Self::Translate { max, .. } => {
                let fits = max.iter().all(|part| (0.0..=1.0).contains(part));
                check(NAME, fits, "max", "two parts from 0 to 1", max)
            }
            Self::Scale(range) => factors("factor", range),
            Self::Stretch { x, y } => factors("x", x).and_then(|()| factors("y", y)),
            Self::Shear { x, y } => slant("x", x).and_then(|()| slant("y", y)),
            Self::FlipHorizontal(p) | Self::FlipVertical(p) => check_probability(NAME, p),
        }
    }

    /// The map for an image of this shape.
    pub fn params(self, draws: &mut Draws, [_, height, width]: [usize; 3]) -> Affine {
        let f64s = |range: [f32; 2]| range.map(f64::from);
        match self {
            Self::Rotate(range) => Affine::rotation(draws.between(f64s(range))),
            Self::Translate { max, whole } => {
                let most = [f64::from(max[0]) * width as f64, f64::from(max[1]) * height as f64];
                let [x, y] = most.map(|most| draws.between([-most, most])).map(|x| if whole { round(x) } else { x });
                Affine::translation(x, y)
            }
            Self::Scale(range) => {
                let factor = draws.between_log(f64s(range));
                Affine::scaling(factor, factor)
            }
            Self::Stretch { x, y } => {
                let [x, y] = [x, y].map(|range| draws.between_log(f64s(range)));
                Affine::scaling(x, y)
            }
            Self::Shear { x, y } => {
                let [x, y] = [x, y].map(|range| draws.between(f64s(range)));
                Affine::shear(x, y)
            }
            Self::FlipHorizontal(p) => Affine::scaling(if draws.chance(p) { -1.0 } else { 1.0 }, 1.0),
            Self::FlipVertical(p) => Affine::scaling(1.0, if draws.chance(p) { -1.0 } else { 1.0 }),
        }
    }
}

impl RandomWarp {
    /// The combined map for an image of this shape.
    pub fn params(&self, draws: &mut Draws, shape: [usize; 3]) -> Affine {
        self.maps.iter().fold(Affine::IDENTITY, |map, next| map.then(next.params(draws, shape)))
    }
}

impl Transform for RandomWarp {
    fn out_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
        self.maps.iter().try_for_each(|map| map.check())?;
        check_fill("random_warp", &self.fill, shape[0])?;
        Ok(shape)
    }

    fn apply(&self, place: Place, canvas: &mut Canvas) -> Result {
        let map = self.params(&mut place.draws(), canvas.shape());
        apply_map(map, self.interpolation, &self.fill, canvas)
    }
}
