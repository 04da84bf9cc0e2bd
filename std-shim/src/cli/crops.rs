//! `--crops` and `--pad`: how images enter a network in testing.

use clap::Args;
use flatgrad::Result;
use flatgrad::augment::{MultiCrop, Pipeline, Views, average_crops};
use flatgrad::model::{Network, average_logits};

use super::method_args::setting;
use serde_json::{Value, json};
use std::fmt;

/// In networks for ImageNet, crops of 224 pixels lie in images of 256: 16 pixels on every side, this part of the crop.
const PAD_SHARE: usize = 14;

#[derive(Clone, Copy, Debug, Args)]
pub struct CropArgs {
    /// Average over so many crops of each image: 2, the image and its mirror image; 5, the four corners and the middle; 10,
    /// these and their mirror images
    #[arg(long, value_name = "1|2|5|10", value_parser = crops, default_value = "1", allow_negative_numbers = true)]
    pub crops: usize,
    /// Pixels of black on every side of each image, so that 5 or 10 crops are the image moved [default: 0 if the images are
    /// larger than the network's input, else a 14th of it, at least 1]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub pad: Option<usize>,
}

/// The way of an image into a network.
pub struct Entrance {
    pub pipeline: Option<Pipeline>,
    /// How many images the network gets of one.
    pub count: usize,
    /// Which of them is the plain one, counted from 0.
    pub middle: usize,
    pub pad: usize,
}

impl CropArgs {
    /// For images of this shape.
    pub fn entrance(&self, network: &Network, shape: [usize; 3]) -> Result<Entrance> {
        let views = match self.crops {
            2 => Views::Mirror,
            5 => Views::Five,
            10 => Views::Ten,
            _ => return self.single(),
        };
        let [_, height, width] = network.input();
        if height.min(width) == 1 {
            return Err(setting("crops", "are of images; the network takes rows of numbers"));
        }
        let images = Pipeline::new(Vec::new(), shape)?;
        let [channels, rows, columns] = images.out_shape();
        if channels != network.input()[0] {
            return Ok(Entrance { pipeline: None, count: 1, middle: 0, pad: 0 });
        }
        let pad = self.padding(views, [height, width], [rows, columns])?;
        if rows + 2 * pad < height || columns + 2 * pad < width {
            let fault =
                format!("images of {rows} x {columns} are smaller than the network's input, {height} x {width}");
            return Err(setting("crops", fault));
        }
        let pipeline = images.then(Box::new(MultiCrop { views, size: [height, width], padding: pad }))?;
        Ok(Entrance { pipeline: Some(pipeline), count: views.count(), middle: views.middle(), pad })
    }

    fn single(&self) -> Result<Entrance> {
        if self.pad.is_some() {
            return Err(setting("pad", "is for --crops 5 and --crops 10"));
        }
        Ok(Entrance { pipeline: None, count: 1, middle: 0, pad: 0 })
    }

    fn padding(&self, views: Views, input: [usize; 2], images: [usize; 2]) -> Result<usize> {
        let side = input[0].min(input[1]);
        match self.pad {
            Some(_) if views == Views::Mirror => self.single().map(|_| 0),
            Some(pad) if pad >= side => Err(setting("pad", format!("must be below {side}, the network's input"))),
            Some(0) if images == input => {
                Err(setting("pad", "must be at least 1: the images are as large as the network's input"))
            }
            Some(pad) => Ok(pad),
            None if views == Views::Mirror || images != input => Ok(0),
            None => Ok(((side + PAD_SHARE / 2) / PAD_SHARE).max(1)),
        }
    }
}

impl fmt::Display for Entrance {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}, averaged", self.count)?;
        if self.pad > 0 { write!(f, "; {} pixels of black around each image", self.pad) } else { Ok(()) }
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
        found["crops"] = json!(self.count);
        found["pad"] = json!(self.pad);
        found["one_crop"] = plain;
    }

    /// What the network says of the plain images, of its outputs for all crops.
    pub fn plain(&self, outputs: &[f32], each: usize) -> Vec<f32> {
        let rows = outputs.chunks(each.max(1)).skip(self.middle).step_by(self.count);
        rows.flatten().copied().collect()
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
