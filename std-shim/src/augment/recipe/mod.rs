//! Chains of operations in files.

mod kinds;
mod maps;
mod parse;
mod values;

use std::path::Path;
use std::sync::Arc;

use super::{Augmentation, Compose, Mixing, Pipeline};
use crate::error::{Error, Result};
use crate::toml::{self, Fields, Source, Value};

/// The presets and their files.
const PRESETS: [(&str, &str); 6] = [
    ("light", include_str!("presets/light.toml")),
    ("digits", include_str!("presets/digits.toml")),
    ("cifar", include_str!("presets/cifar.toml")),
    ("fashion", include_str!("presets/fashion.toml")),
    ("imagenet", include_str!("presets/imagenet.toml")),
    ("signal", include_str!("presets/signal.toml")),
];

/// What is done to images in training, and what in testing: a preset, or what a file says.
///
/// A recipe is TOML: `train` and `test`, arrays of operations; `mixup = 0.2` and `cutmix = 1.0`, their alphas;
/// `mix_p = 1`, the probability that a batch is mixed. An operation is a table with the key `kind`, its name, and its
/// own keys; one that needs none may be just its name. The numbers are checked when the shape of the images is known.
///
/// ```
/// use flatgrad::augment::Recipe;
/// let text = r#"
/// train = [
///   "random_horizontal_flip",
///   { kind = "random_crop", padding = 4 },
///   { kind = "random_apply", p = 0.3, transforms = [{ kind = "random_rotation", degrees = 15 }] },
///   { kind = "random_erasing", p = 0.25 },
/// ]
/// mixup = 0.2
/// "#;
/// let recipe = Recipe::parse("my.toml", text)?;
/// assert_eq!(recipe.train([3, 32, 32])?.out_shape(), [3, 32, 32]);
/// assert!(recipe.mixing().mixes());
/// let error = Recipe::parse("my.toml", "train = [\"random_flip\"]").unwrap_err().to_string();
/// assert!(error.starts_with("my.toml:1:10: unknown operation \"random_flip\""));
/// # Ok::<(), flatgrad::Error>(())
/// ```
///
/// The `size` of `random_crop` and `random_resized_crop` is the image's by default.
///
/// | `kind` | keys, with their defaults |
/// |---|---|
/// | `random_horizontal_flip`, `random_vertical_flip` | `p = 0.5` |
/// | `random_crop` | `size`, `padding = 0`, `pad_if_needed = false`, `fill = 0`, `padding_mode = "constant"` |
/// | `random_translation` | `max = 0.1`, `fill = 0`, `padding_mode = "constant"` |
/// | `random_resized_crop` | `size`, `scale = [0.08, 1]`, `ratio = [0.75, 1.3333334]`, `antialias = true` |
/// | `random_affine` | `translate = 0`, `scale = [1, 1]`, `shear = 0`, and those of `random_rotation` |
/// | `random_rotation` | `degrees`, `interpolation = "nearest"`, `fill = 0` |
/// | `random_warp` | `maps`, `interpolation = "bilinear"`, `fill = 0` |
/// | `random_erasing` | `p = 0.5`, `scale = [0.02, 0.33]`, `ratio = [0.3, 3.3]`, `value = 0` (or `"random"`) |
/// | `cutout` | `size`, `p = 1`, `fill = 0` |
/// | `color_jitter` | `brightness = 0`, `contrast = 0`, `saturation = 0`, `hue = 0` |
/// | `grayscale` | `channels = 1` |
/// | `random_grayscale` | `p = 0.1` |
/// | `normalize` | `mean`, `std` |
/// | `gaussian_noise` | `mean = 0`, `sigma = 0.1`, `clip = true` |
/// | `resize` | `size` (one number: the shorter side), `antialias = true` |
/// | `center_crop` | `size` |
/// | `random_apply` | `transforms`, `p = 0.5` |
/// | `random_choice` | `transforms`, `p` (all the same) |
/// | `random_order` | `transforms` |
/// | `signal_jitter` | `sigma = 0.05` |
/// | `signal_scaling` | `sigma = 0.1` |
/// | `time_shift` | `max = 0.1`, `fill = 0`, `padding_mode = "edge"` |
/// | `signal_crop` | `len` |
///
/// The `maps` of `random_warp`, in the order in which they happen: `rotate` with `degrees`; `translate` with `max` and
/// `whole = false`; `scale` with `factor`; `stretch` with the factors `x = 1` and `y = 1`; `shear` with the degrees
/// `x = 0` and `y = 0`; `flip_horizontal` and `flip_vertical` with `p = 0.5`.
///
/// Sizes of crops are one number, or `[height, width]`. Ranges are `[least, most]`, or one number: `degrees = 10` means
/// `[-10, 10]`, `factor = 1.25` means `[0.8, 1.25]`, `brightness = 0.4` means `[0.6, 1.4]`. `max` and `translate` are
/// parts of the image's size, one for both directions, or `[across, down]`. `fill`, `value`, `mean` and `std` are one
/// number, or one for each channel. `padding` is one number, `[across, down]` or `[left, top, right, bottom]`;
/// `padding_mode` is `"constant"`, `"edge"`, `"reflect"`, `"symmetric"` or `"wrap"`; `interpolation` `"nearest"` or
/// `"bilinear"`.
#[derive(Clone, Debug)]
pub struct Recipe {
    name: String,
    train: Arc<Compose>,
    test: Arc<Compose>,
    uncropped: Option<Arc<Compose>>,
    test_text: Arc<str>,
    mixing: Mixing,
    text: Arc<str>,
}

impl Recipe {
    /// The names of the presets: `light` and `digits` without flips, `cifar`, `fashion`, `imagenet`, `signal`.
    pub fn names() -> impl Iterator<Item = &'static str> {
        PRESETS.iter().map(|(name, _)| *name)
    }

    /// The file of a preset: a start for one's own.
    ///
    /// ```
    /// let text = flatgrad::augment::Recipe::preset("cifar").unwrap_or_default();
    /// assert!(text.contains("random_horizontal_flip"));
    /// ```
    pub fn preset(name: &str) -> Option<&'static str> {
        PRESETS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
    }

    /// A preset.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if there is none of this name.
    pub fn named(name: &str) -> Result<Self> {
        let missing = || {
            let names = Self::names().collect::<Vec<_>>().join(", ");
            Error::setting(
                "recipe",
                format!("{name} is neither a file nor the name of a recipe; the names are {names}"),
            )
        };
        Self::parse(name, Self::preset(name).ok_or_else(missing)?)
    }

    /// What the text of a recipe says; errors call the text `origin`.
    ///
    /// # Errors
    ///
    /// [`Error::Network`] with the place of what is not understood.
    pub fn parse(origin: &str, text: &str) -> Result<Self> {
        let parsed = parse::parse(Source { origin, text })?;
        let stem = Path::new(origin).file_stem().unwrap_or_default();
        let name = stem.to_string_lossy().into_owned();
        Ok(Self::of(name, parsed))
    }

    fn of(name: String, parse::Parsed { train, test, mixing, text }: parse::Parsed) -> Self {
        let (train, uncropped, test_text) = (Arc::new(train), test.uncropped.map(Arc::new), test.text.into());
        Self { name, train, test: Arc::new(test.operations), uncropped, test_text, mixing, text: text.into() }
    }

    /// A recipe that only says what testing does.
    pub(crate) fn of_test<'t>(fields: &Fields<'t>, value: Value<'t>) -> Result<Self> {
        let test = parse::test(fields, value)?;
        let (train, text) = (Compose::default(), String::new());
        Ok(Self::of("test".into(), parse::Parsed { train, test, mixing: Mixing::DEFAULT, text }))
    }

    /// The recipe of a file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be read; as [`Recipe::parse`].
    pub fn load(path: &Path) -> Result<Self> {
        toml::load(path, Self::parse)
    }

    /// A preset's name, or the file's without its ending.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The operations of training, for images of this shape.
    ///
    /// # Errors
    ///
    /// [`Error::Network`] with the place of the first operation that does not fit.
    pub fn train(&self, shape: [usize; 3]) -> Result<Pipeline> {
        Pipeline::of(self.train.clone(), shape)
    }

    /// The operations of testing: none of them should be random.
    ///
    /// # Errors
    ///
    /// As [`Recipe::train`].
    pub fn test(&self, shape: [usize; 3]) -> Result<Pipeline> {
        Pipeline::of(self.test.clone(), shape)
    }

    /// The operations of testing as a recipe has them, on one line; nothing if there are none.
    ///
    /// ```
    /// use flatgrad::augment::Recipe;
    /// let text = Recipe::named("imagenet")?.test_toml().to_string();
    /// assert_eq!(text, r#"[{ kind = "resize", size = 256 }, { kind = "center_crop", size = 224 }]"#);
    /// # Ok::<(), flatgrad::Error>(())
    /// ```
    pub fn test_toml(&self) -> &str {
        &self.test_text
    }

    /// The operations of testing without a `center_crop` at their end: what several crops are taken from.
    ///
    /// # Errors
    ///
    /// As [`Recipe::train`].
    pub fn test_uncropped(&self, shape: [usize; 3]) -> Result<Pipeline> {
        Pipeline::of(self.uncropped.as_ref().unwrap_or(&self.test).clone(), shape)
    }

    /// Everything, for images of this shape.
    ///
    /// # Errors
    ///
    /// As [`Recipe::train`]; [`Error::Augment`] as [`Augmentation::new`].
    pub fn augmentation(&self, shape: [usize; 3]) -> Result<Augmentation> {
        Ok(Augmentation::new(self.train(shape)?, self.test(shape)?, self.mixing)?.of_recipe(self.text.clone()))
    }

    /// What is done to whole batches in training.
    pub const fn mixing(&self) -> &Mixing {
        &self.mixing
    }
}
