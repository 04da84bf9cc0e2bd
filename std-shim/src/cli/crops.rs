//! `--crops` and `--pad`: how images enter a network in testing.

use std::fmt;

use clap::Args;
use flatgrad::Result;
use flatgrad::augment::{MultiCrop, Pipeline, Views, average_crops};
use flatgrad::model::{Network, average_logits};
use serde_json::{Value, json};

use super::method_args::setting;

#[derive(Clone, Copy, Debug, Args)]
pub struct CropArgs {
    /// Average over so many crops of each image: 2, the image and its mirror image; 5, the four corners and the middle; 10,
    /// these and their mirror images
    #[arg(long, value_name = "1|2|5|10", value_parser = crops, default_value = "1", allow_negative_numbers = true)]
    pub crops: usize,
    /// Pixels of black on every side of each image, so that 5 or 10 crops of an image as large as the network's input are the
    /// image moved: no further than training has moved images at random, or accuracy is lost
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    pub pad: usize,
}

/// The way of an image into a network.
pub struct Entrance {
    pub pipeline: Option<Pipeline>,
    /// How many images the network gets of one.
    pub count: usize,
    /// Which of them is the plain one, counted from 0.
    pub middle: usize,
    /// How many crops were asked for: some may be the same.
    crops: usize,
    pad: usize,
}

impl CropArgs {
    /// For images of this shape.
    pub fn entrance(&self, network: &Network, shape: [usize; 3]) -> Result<Entrance> {
        if self.crops == 1 {
            return Ok(Entrance { pipeline: network.test(shape)?, ..self.single()? });
        }
        let [input_channels, height, width] = network.input();
        if height.min(width) == 1 {
            return Err(setting("crops", "are of images; the network takes rows of numbers"));
        }
        let images = match network.test_uncropped(shape)? {
            Some(pipeline) => pipeline,
            None => Pipeline::new(Vec::new(), shape)?,
        };
        let [channels, rows, columns] = images.out_shape();
        if channels != input_channels {
            // No crop will fit.
            return Ok(Entrance { pipeline: Some(images), count: 1, middle: 0, crops: 1, pad: 0 });
        }
        let (pad, views) = (self.pad, self.views([rows, columns], [height, width])?);
        if rows + 2 * pad < height || columns + 2 * pad < width {
            let fault =
                format!("images of {rows} x {columns} are smaller than the network's input, {height} x {width}");
            return Err(setting("crops", fault));
        }
        let pipeline = images.then(Box::new(MultiCrop { views, size: [height, width], padding: pad }))?;
        Ok(Entrance { pipeline: Some(pipeline), count: views.count(), middle: views.middle(), crops: self.crops, pad })
    }

    fn single(&self) -> Result<Entrance> {
        self.check_unpadded()?;
        Ok(Entrance { pipeline: None, count: 1, middle: 0, crops: self.crops, pad: 0 })
    }

    fn check_unpadded(&self) -> Result {
        if self.pad == 0 { Ok(()) } else { Err(setting("pad", "is for --crops 5 and --crops 10")) }
    }

    /// What there is to crop, for images as large as this and the network's input.
    fn views(&self, images: [usize; 2], input: [usize; 2]) -> Result<Views> {
        let (same, side) = (images == input && self.pad == 0, input[0].min(input[1]));
        match self.crops {
            2 => self.check_unpadded().map(|()| Views::Mirror),
            _ if self.pad >= side => Err(setting("pad", format!("must be below {side}, the network's input"))),
            5 if same => {
                let fault =
                    "five crops of images as large as the network's input are five times the image; --pad moves them";
                Err(setting("crops", fault))
            }
            5 => Ok(Views::Five),
            // Five times the image and five times its mirror image: once is enough.
            _ if same => Ok(Views::Mirror),
            _ => Ok(Views::Ten),
        }
    }
}

impl fmt::Display for Entrance {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}, averaged", self.crops)?;
        match self.pad {
            0 if self.crops > self.count => write!(f, ": the image and its mirror image, as --pad is 0"),
            0 => Ok(()),
            pad => write!(f, "; pixels of black around each image: {pad}"),
        }
    }
}

impl Entrance {
    /// What the network gets of samples of this shape.
    pub fn shape(&self, samples: [usize; 3]) -> [usize; 3] {
        let [channels, height, width] = self.pipeline.as_ref().map_or(samples, Pipeline::out_shape);
        [channels / self.count, height, width]
    }

    /// Adds to what was measured how the crops were made, and what was measured of one.
    pub fn note(&self, found: &mut Value, plain: Value) {
        found["crops"] = json!(self.crops);
        found["pad"] = json!(self.pad);
        found["one_crop"] = plain;
    }

    /// What the network says of the plain images, of its outputs for all crops.
    pub fn plain(&self, outputs: &[f32], each: usize) -> Vec<f32> {
        let rows = outputs.chunks(each.max(1)).skip(self.middle).step_by(self.count);
        rows.flatten().copied().collect()
    }

    /// What the network says of each sample, all crops together: logits of classes, or values that are no longer standardized.
    pub fn answer(&self, outputs: &[f32], each: usize, network: &Network) -> Result<Vec<f32>> {
        let mut outputs = match self.count {
            1 => outputs.to_vec(),
            _ => self.average(outputs, each, network.targets().is_none())?,
        };
        if let Some(values) = network.targets() {
            values.undo(&mut outputs);
        }
        Ok(outputs)
    }

    /// What it says of all crops together.
    pub fn average(&self, outputs: &[f32], each: usize, classes: bool) -> Result<Vec<f32>> {
        if classes {
            return average_logits(outputs, self.count, each);
        }
        let samples = outputs.len() / (self.count * each).max(1);
        let mut mean = vec![0.0; samples * each];
        average_crops(samples, self.count, outputs, &mut mean)?;
        Ok(mean)
    }
}

fn crops(text: &str) -> std::result::Result<usize, String> {
    text.parse().ok().filter(|crops| [1, 2, 5, 10].contains(crops)).ok_or_else(|| "must be 1, 2, 5 or 10".to_string())
}
