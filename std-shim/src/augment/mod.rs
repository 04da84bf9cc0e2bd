//! Data augmentation: images and signals that are changed at random while their labels stay true.
//!
//! Images are `[c, h, w]` with values from 0 to 1, as torchvision's float tensors; the operations have torchvision's
//! names, meaning and defaults. Signals are `[c, 1, len]`.
//!
//! An operation is a [`Transform`]. What is random comes from one function, `params`, of the operation; what happens to
//! the pixels is a plain function of these parameters, such as [`crop`] or [`warp`]. Both are public. A [`Pipeline`] is
//! a chain of operations that has been checked against the shape of the images, and a [`Recipe`] is what a file says of
//! one. An [`Augmentation`] is what training takes: a [`Fit`](crate::train::Fit), or a [`Loader`](crate::data::Loader).
//!
//! Random numbers are named by [`Key`] (seed, epoch, sample) and by the operation's position in the chain: the same
//! image comes out on every thread, in every order, on every machine.
//!
//! | what | operations |
//! |---|---|
//! | mirror images | [`RandomHorizontalFlip`], [`RandomVerticalFlip`] |
//! | windows | [`RandomCrop`], [`RandomTranslation`], [`RandomResizedCrop`] |
//! | windows for testing | [`Resize`], [`CenterCrop`], [`five_crop`], [`ten_crop`], [`MultiCrop`], [`average_crops`] |
//! | maps of the plane | [`RandomAffine`], [`RandomRotation`]; [`RandomWarp`] is any mixture, resampled once |
//! | hiding | [`RandomErasing`], [`Cutout`] |
//! | colors | [`ColorJitter`], [`Grayscale`], [`RandomGrayscale`], [`Normalize`], [`GaussianNoise`] |
//! | batches | [`MixUp`], [`CutMix`] ([`Mixing`]), with soft labels |
//! | signals | [`SignalJitter`], [`SignalScaling`], [`TimeShift`], [`SignalCrop`] |
//! | compositions | [`Compose`], [`RandomApply`], [`RandomChoice`], [`RandomOrder`] |
//!
//! ```
//! use flatgrad::augment::{Canvas, Key, Recipe};
//! let recipe = Recipe::named("cifar")?;
//! let pipeline = recipe.train([3, 32, 32])?;
//! let (image, mut out, mut canvas) = ([0.5; 3 * 32 * 32], [0.0; 3 * 32 * 32], Canvas::default());
//! pipeline.apply(Key { seed: 1, epoch: 0, sample: 17 }, &image, &mut out, &mut canvas)?;
//! # Ok::<(), flatgrad::Error>(())
//! ```

mod affine;
mod augmentation;
mod canvas;
mod check;
mod color;
mod color_jitter;
mod compose;
mod crop;
mod crops;
mod draws;
mod erase;
mod flip;
mod mix;
mod mixing;
mod multi_crop;
mod noise;
mod random_affine;
mod random_warp;
mod recipe;
mod resize;
mod resized_crop;
mod sheet;
mod signal;
mod transform;
mod warp;
mod window;

pub use affine::Affine;
pub use augmentation::Augmentation;
pub use canvas::Canvas;
pub use color::{adjust_brightness, adjust_contrast, adjust_hue, adjust_saturation, normalize, rgb_to_grayscale};
pub use color_jitter::{ColorChange, ColorJitter, Grayscale, Normalize, RandomGrayscale};
pub use compose::{Compose, RandomApply, RandomChoice, RandomOrder};
pub use crop::{RandomCrop, RandomTranslation};
pub use crops::{CenterCrop, average_crops, five_crop, ten_crop};
pub use draws::{Draws, Key};
pub use erase::{Cutout, Erased, RandomErasing, Region, erase, erase_normal};
pub use flip::{RandomHorizontalFlip, RandomVerticalFlip, horizontal_flip, vertical_flip};
pub use mix::{CutMix, MixUp, cut_mix, mix_up, one_hot};
pub use mixing::{MixParams, Mixing};
pub use multi_crop::{MultiCrop, Views};
pub use noise::{GaussianNoise, SignalJitter, SignalScaling, add_noise};
pub use random_affine::{AffineParams, RandomAffine, RandomRotation};
pub use random_warp::{Map, RandomWarp};
pub use recipe::Recipe;
pub use resize::{Axes, Resize, Size, resize};
pub use resized_crop::RandomResizedCrop;
pub use sheet::{Sheet, SheetRange};
pub use signal::{SignalCrop, TimeShift};
pub use transform::{Pipeline, Place, Transform};
pub use warp::{Interpolation, warp};
pub use window::{Padding, Window, crop};
