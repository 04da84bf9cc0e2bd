//! Each operation's keys.

use super::maps;
use super::parse::Reader;
use super::values::{angles, both, bounds, fill, interpolation, numbers, padding, padding_mode, range};
use crate::augment::*;
use crate::error::Result;
use crate::toml::{Fields, quoted, suggestion};

const NAMES: &str = "\
    random_horizontal_flip random_vertical_flip random_crop random_translation random_resized_crop \
    random_affine random_rotation random_warp random_erasing cutout color_jitter grayscale random_grayscale \
    normalize gaussian_noise resize center_crop random_apply random_choice random_order signal_jitter \
    signal_scaling time_shift signal_crop";

/// An operation made of others, if it is one.
pub(super) fn nested<'t>(
    reader: &mut Reader<'t>,
    name: &str,
    fields: &Fields<'t>,
    depth: usize,
) -> Result<Option<Box<dyn Transform>>> {
    if !["random_apply", "random_choice", "random_order"].contains(&name) {
        return Ok(None);
    }
    let list = fields.require("transforms", "an array of operations")?;
    let transforms = reader.chain(fields, "transforms", list, depth + 1)?;
    Ok(Some(match name {
        "random_apply" => Box::new(RandomApply { p: fields.number_or("p", 0.5)?, transforms }),
        "random_choice" => {
            let expected = format!("an array of {} numbers, one for each operation", transforms.len());
            let read = |value| numbers(fields, "p", value, &[transforms.len()], &expected);
            Box::new(RandomChoice { weights: fields.get("p").map_or(Ok(Vec::new()), read)?, transforms })
        }
        _ => Box::new(RandomOrder(transforms)),
    }))
}

/// Any other operation.
pub(super) fn plain(name: &str, fields: &Fields, at: usize) -> Result<Box<dyn Transform>> {
    let p = |default| fields.number_or("p", default);
    Ok(match name {
        "random_horizontal_flip" => Box::new(RandomHorizontalFlip { p: p(0.5)? }),
        "random_vertical_flip" => Box::new(RandomVerticalFlip { p: p(0.5)? }),
        "random_crop" => Box::new(RandomCrop {
            size: size(fields)?,
            padding: padding(fields)?,
            pad_if_needed: fields.flag_or("pad_if_needed", false)?,
            fill: fill(fields, "fill")?,
            mode: padding_mode(fields, Padding::Constant)?,
        }),
        "random_translation" => Box::new(RandomTranslation {
            max: both(fields, "max", RandomTranslation::DEFAULT.max[0])?,
            fill: fill(fields, "fill")?,
            mode: padding_mode(fields, Padding::Constant)?,
        }),
        "random_resized_crop" => {
            let RandomResizedCrop { scale, ratio, antialias, .. } = RandomResizedCrop::DEFAULT;
            let (scale, ratio) = (bounds(fields, "scale", scale)?, bounds(fields, "ratio", ratio)?);
            let antialias = fields.flag_or("antialias", antialias)?;
            Box::new(RandomResizedCrop { size: size(fields)?, scale, ratio, antialias })
        }
        "random_affine" | "random_rotation" | "random_warp" => moved(name, fields)?,
        "random_erasing" => erasing(fields)?,
        "cutout" => Box::new(Cutout { size: fields.size("size", 1)?, p: p(1.0)?, fill: fill(fields, "fill")? }),
        "color_jitter" | "grayscale" | "random_grayscale" | "normalize" | "gaussian_noise" => colored(name, fields)?,
        "resize" => {
            let [height, width] = fields.pair("size", 1)?;
            let short = fields.get("size").is_some_and(|value| value.get_ref().is_integer());
            let size = if short { Size::Short(height) } else { Size::Exact([height, width]) };
            Box::new(Resize { size, antialias: fields.flag_or("antialias", true)? })
        }
        "center_crop" => Box::new(CenterCrop { size: fields.pair("size", 1)? }),
        "signal_jitter" => Box::new(SignalJitter { sigma: fields.number_or("sigma", SignalJitter::DEFAULT.sigma)? }),
        "signal_scaling" => Box::new(SignalScaling { sigma: fields.number_or("sigma", SignalScaling::DEFAULT.sigma)? }),
        "time_shift" => Box::new(TimeShift {
            max: fields.number_or("max", TimeShift::DEFAULT.max)?,
            fill: fill(fields, "fill")?,
            mode: padding_mode(fields, Padding::Edge)?,
        }),
        "signal_crop" => Box::new(SignalCrop { len: fields.size("len", 1)? }),
        "random_apply" | "random_choice" | "random_order" => {
            return Err(fields.source.error(at, format!("{name} needs transforms, an array of operations")));
        }
        _ => {
            let fault = format!(
                "unknown operation {}{}",
                quoted(name),
                suggestion(name, &NAMES.split(' ').collect::<Vec<_>>())
            );
            return Err(fields.source.error(at, fault));
        }
    })
}

fn size(fields: &Fields) -> Result<Option<[usize; 2]>> {
    fields.get("size").map(|_| fields.pair("size", 1)).transpose()
}

fn moved(name: &str, fields: &Fields) -> Result<Box<dyn Transform>> {
    if name == "random_warp" {
        let interpolation = interpolation(fields, Interpolation::Bilinear)?;
        return Ok(Box::new(RandomWarp { maps: maps::maps(fields)?, interpolation, fill: fill(fields, "fill")? }));
    }
    let interpolation = interpolation(fields, Interpolation::Nearest)?;
    fields.require("degrees", "a number, or two such as [-10, 10]")?;
    let (degrees, fill) = (angles(fields, "degrees")?.unwrap_or_default(), fill(fields, "fill")?);
    if name == "random_rotation" {
        return Ok(Box::new(RandomRotation { degrees, interpolation, fill }));
    }
    let scale = bounds(fields, "scale", [1.0; 2])?;
    Ok(Box::new(RandomAffine {
        degrees,
        translate: both(fields, "translate", 0.0)?,
        scale,
        shear: shear(fields)?,
        interpolation,
        fill,
    }))
}

/// One number or two are about x; four are about x and y.
fn shear(fields: &Fields) -> Result<[[f32; 2]; 2]> {
    let Some(value) = fields.get("shear") else { return Ok([[0.0; 2]; 2]) };
    let shear = numbers(fields, "shear", value, &[2, 4], "one number, two or four such as [-10, 10, -5, 5]")?;
    Ok(match shear[..] {
        [a, b, c, d] => [[a, b], [c, d]],
        [a, b] => [[a, b], [0.0; 2]],
        _ => [[-shear[0], shear[0]], [0.0; 2]],
    })
}

fn erasing(fields: &Fields) -> Result<Box<dyn Transform>> {
    let RandomErasing { p, scale, ratio, .. } = RandomErasing::DEFAULT;
    let value = match fields.get("value") {
        Some(value) if value.get_ref().as_str() == Some("random") => Erased::Normal,
        _ => Erased::Fill(fill(fields, "value")?),
    };
    let (scale, ratio) = (bounds(fields, "scale", scale)?, bounds(fields, "ratio", ratio)?);
    Ok(Box::new(RandomErasing { p: fields.number_or("p", p)?, scale, ratio, value }))
}

fn colored(name: &str, fields: &Fields) -> Result<Box<dyn Transform>> {
    let around = |key| range(fields, key, |x| [(1.0 - x).max(0.0), 1.0 + x]);
    Ok(match name {
        "color_jitter" => Box::new(ColorJitter {
            brightness: around("brightness")?,
            contrast: around("contrast")?,
            saturation: around("saturation")?,
            hue: angles(fields, "hue")?,
        }),
        "grayscale" => Box::new(Grayscale { channels: fields.size_or("channels", 1, 1)? }),
        "random_grayscale" => Box::new(RandomGrayscale { p: fields.number_or("p", RandomGrayscale::DEFAULT.p)? }),
        "normalize" => {
            fields.require("mean", "a number, or one for each channel")?;
            fields.require("std", "a number, or one for each channel")?;
            Box::new(Normalize { mean: fill(fields, "mean")?, std: fill(fields, "std")? })
        }
        _ => {
            let GaussianNoise { mean, sigma, clip } = GaussianNoise::DEFAULT;
            let (mean, sigma) = (fields.number_or("mean", mean)?, fields.number_or("sigma", sigma)?);
            Box::new(GaussianNoise { mean, sigma, clip: fields.flag_or("clip", clip)? })
        }
    })
}
