//! Random maps of the plane.

use super::check::{check, check_fill, check_range, round};
use super::{Affine, Canvas, Draws, Interpolation, Place, Transform, warp};
use crate::error::Result;

/// Degrees that angles may have.
pub(super) const DEGREES: [f32; 2] = [-360.0, 360.0];
/// Slants may have fewer: at 90 degrees the image would be a line.
pub(super) const SLANT: [f32; 2] = [-89.0, 89.0];
pub(super) const FACTORS: [f32; 2] = [0.01, 100.0];

/// Rotation, translation, scale and shear, all at once around the middle (`RandomAffine`).
///
/// ```
/// use flatgrad::augment::{RandomAffine, Transform};
/// let slight = RandomAffine { degrees: [-10.0, 10.0], scale: [0.9, 1.1], ..RandomAffine::DEFAULT };
/// assert_eq!(slight.out_shape([1, 28, 28])?, [1, 28, 28]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RandomAffine {
    /// The angle, clockwise.
    pub degrees: [f32; 2],
    /// At most this part of the width across, and of the height down, in both directions; rounded to whole pixels.
    pub translate: [f32; 2],
    /// The factor of both sides.
    pub scale: [f32; 2],
    /// The shear in degrees, in x and in y.
    pub shear: [[f32; 2]; 2],
    /// How pixels are computed.
    pub interpolation: Interpolation,
    /// One value, or one for each channel; empty: 0.
    pub fill: Vec<f32>,
}

/// What a [`RandomAffine`] drew.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AffineParams {
    /// The angle, clockwise.
    pub degrees: f64,
    /// Pixels to the right and down.
    pub translate: [f64; 2],
    /// The factor of both sides.
    pub scale: f64,
    /// The shear in degrees, in x and in y.
    pub shear: [f64; 2],
}

impl AffineParams {
    /// Shear, then scale, then rotation, then translation: torchvision's order.
    ///
    /// ```
    /// use flatgrad::augment::{Affine, AffineParams};
    /// let still = AffineParams { degrees: 0.0, translate: [0.0; 2], scale: 1.0, shear: [0.0; 2] };
    /// assert_eq!(still.map(), Affine::IDENTITY);
    /// ```
    pub fn map(self) -> Affine {
        let [x, y] = self.translate;
        Affine::shear(self.shear[0], self.shear[1])
            .then(Affine::scaling(self.scale, self.scale))
            .then(Affine::rotation(self.degrees))
            .then(Affine::translation(x, y))
    }
}

impl RandomAffine {
    /// Everything stays where it is.
    pub const DEFAULT: Self = Self {
        degrees: [0.0; 2],
        translate: [0.0; 2],
        scale: [1.0; 2],
        shear: [[0.0; 2]; 2],
        interpolation: Interpolation::Nearest,
        fill: Vec::new(),
    };

    /// Each is uniform in its range.
    pub fn params(&self, draws: &mut Draws, [_, height, width]: [usize; 3]) -> AffineParams {
        let degrees = draws.between(self.degrees.map(f64::from));
        let mut shift = |max: f32, size: usize| {
            let most = f64::from(max) * size as f64;
            round(draws.between([-most, most]))
        };
        let translate = [shift(self.translate[0], width), shift(self.translate[1], height)];
        let scale = draws.between(self.scale.map(f64::from));
        let shear = self.shear.map(|range| draws.between(range.map(f64::from)));
        AffineParams { degrees, translate, scale, shear }
    }
}

impl Transform for RandomAffine {
    fn out_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
        const NAME: &str = "random_affine";
        check_range(NAME, "degrees", self.degrees, DEGREES, "two angles from -360 to 360, in order")?;
        let fits = self.translate.iter().all(|part| (0.0..=1.0).contains(part));
        check(NAME, fits, "translate", "two parts from 0 to 1", self.translate)?;
        check_range(NAME, "scale", self.scale, FACTORS, "two factors from 0.01 to 100, in order")?;
        for shear in self.shear {
            check_range(NAME, "shear", shear, SLANT, "angles from -89 to 89, in order")?;
        }
        check_fill(NAME, &self.fill, shape[0])?;
        Ok(shape)
    }

    fn apply(&self, place: Place, canvas: &mut Canvas) -> Result {
        let map = self.params(&mut place.draws(), canvas.shape()).map();
        apply_map(map, self.interpolation, &self.fill, canvas)
    }
}

/// A rotation around the middle (`RandomRotation`): counter-clockwise, as there.
///
/// ```
/// use flatgrad::augment::{RandomRotation, Transform};
/// assert!(RandomRotation::new([10.0, -10.0]).out_shape([1, 28, 28]).is_err(), "not in order");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RandomRotation {
    /// The angle.
    pub degrees: [f32; 2],
    /// How pixels are computed.
    pub interpolation: Interpolation,
    /// One value, or one for each channel; empty: 0.
    pub fill: Vec<f32>,
}

impl RandomRotation {
    /// The nearest pixels, 0 outside.
    pub const fn new(degrees: [f32; 2]) -> Self {
        Self { degrees, interpolation: Interpolation::Nearest, fill: Vec::new() }
    }

    /// The angle, counter-clockwise.
    pub fn params(&self, draws: &mut Draws) -> f64 {
        draws.between(self.degrees.map(f64::from))
    }
}

impl Transform for RandomRotation {
    fn out_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
        const NAME: &str = "random_rotation";
        check_range(NAME, "degrees", self.degrees, DEGREES, "two angles from -360 to 360, in order")?;
        check_fill(NAME, &self.fill, shape[0])?;
        Ok(shape)
    }

    fn apply(&self, place: Place, canvas: &mut Canvas) -> Result {
        let map = Affine::rotation(-self.params(&mut place.draws()));
        apply_map(map, self.interpolation, &self.fill, canvas)
    }
}

pub(super) fn apply_map(map: Affine, interpolation: Interpolation, fill: &[f32], canvas: &mut Canvas) -> Result {
    if map == Affine::IDENTITY {
        return Ok(());
    }
    canvas.replace(canvas.shape(), |shape, from, to| warp(shape, map, interpolation, fill, from, to))
}
