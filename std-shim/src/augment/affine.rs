//! Maps of the plane.

/// A map of the plane that keeps straight lines straight: `(x, y)` goes to `(a x + b y + c, d x + e y + f)`.
///
/// `x` runs to the right and `y` down, in pixels, from the middle of the image. Several maps are combined into one
/// ([`Affine::then`]), so that an image is resampled once.
///
/// ```
/// use flatgrad::augment::Affine;
/// let map = Affine::rotation(90.0).then(Affine::translation(10.0, 0.0));
/// assert_eq!(map.apply([1.0, 0.0]), [10.0, 1.0], "to the right becomes down: clockwise; then to the right");
/// assert_eq!(map.then(map.inverse().unwrap()), Affine::IDENTITY);
/// ```
///
/// # Numerics
///
/// f64, with sines from libm; sines of multiples of 90 degrees are exact. The same on every machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine(
    /// `[a, b, c]` and `[d, e, f]`.
    pub [[f64; 3]; 2],
);

impl Affine {
    /// Everything stays where it is.
    pub const IDENTITY: Self = Self([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]);

    /// To the right and down.
    pub const fn translation(x: f64, y: f64) -> Self {
        Self([[1.0, 0.0, x], [0.0, 1.0, y]])
    }

    /// Clockwise, as in torchvision's `affine` (its `rotate` turns the other way).
    pub fn rotation(degrees: f64) -> Self {
        let [sin, cos] = sin_cos(degrees);
        Self([[cos, -sin, 0.0], [sin, cos, 0.0]])
    }

    /// Larger by these factors; negative ones mirror.
    pub const fn scaling(x: f64, y: f64) -> Self {
        Self([[x, 0.0, 0.0], [0.0, y, 0.0]])
    }

    /// Slanted: by `x` degrees, which move what is below the middle to the left, then by `y`, which move what is right
    /// of it up (the shear of torchvision's `affine`).
    pub fn shear(x: f64, y: f64) -> Self {
        let tan = |degrees: f64| {
            let [sin, cos] = sin_cos(degrees);
            sin / cos
        };
        let across = Self([[1.0, -tan(x), 0.0], [0.0, 1.0, 0.0]]);
        across.then(Self([[1.0, 0.0, 0.0], [-tan(y), 1.0, 0.0]]))
    }

    /// This map, then `next`.
    pub fn then(self, next: Self) -> Self {
        let Self([p, q]) = self;
        Self(next.0.map(|[a, b, c]| [a * p[0] + b * q[0], a * p[1] + b * q[1], a * p[2] + b * q[2] + c]))
    }

    /// The way back, if there is one.
    pub fn inverse(self) -> Option<Self> {
        let Self([[a, b, c], [d, e, f]]) = self;
        let det = a * e - b * d;
        let (p, q, r, s) = (e / det, -b / det, -d / det, a / det);
        let inverse = [[p, q, -(p * c + q * f)], [r, s, -(r * c + s * f)]];
        // Adding 0 turns -0 into 0.
        inverse.as_flattened().iter().all(|x| x.is_finite()).then(|| Self(inverse.map(|row| row.map(|x| x + 0.0))))
    }

    /// Where a point goes.
    pub fn apply(self, [x, y]: [f64; 2]) -> [f64; 2] {
        self.0.map(|[a, b, c]| a * x + b * y + c)
    }
}

/// Sine and cosine, exact for multiples of 90 degrees.
fn sin_cos(degrees: f64) -> [f64; 2] {
    let degrees = degrees % 360.0;
    match degrees.rem_euclid(360.0) {
        0.0 => [0.0, 1.0],
        90.0 => [1.0, 0.0],
        180.0 => [0.0, -1.0],
        270.0 => [-1.0, 0.0],
        _ => [libm::sin(degrees.to_radians()), libm::cos(degrees.to_radians())],
    }
}
