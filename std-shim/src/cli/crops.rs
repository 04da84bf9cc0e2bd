//! `--crops` and `--pad`: how images enter a network in testing.

use std::fmt;

use clap::Args;
use flatgrad::Result;
use flatgrad::model::{Network, TestCrops, TestViews};
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, Args)]
pub struct CropArgs {
    /// Average over so many crops of each image: 2, the image and its mirror image; 5, the four corners and the middle;
    /// 10, these and their mirror images
    #[arg(long, value_name = "1|2|5|10", value_parser = crops, default_value = "1", allow_negative_numbers = true)]
    pub crops: usize,
    /// Pixels of black on every side of each image, so that 5 or 10 crops of an image as large as the network's input
    /// are the image moved: no further than training has moved images at random, or accuracy is lost
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    pub pad: usize,
}

/// How images enter, and how that was asked for.
pub struct Entrance {
    pub views: TestViews,
    args: CropArgs,
}

impl CropArgs {
    /// For images of this shape.
    pub fn entrance(&self, network: &Network, shape: [usize; 3]) -> Result<Entrance> {
        let views = TestCrops { crops: self.crops, pad: self.pad }.views(network, shape)?;
        Ok(Entrance { views, args: *self })
    }
}

impl fmt::Display for Entrance {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}, averaged", self.args.crops)?;
        match self.args.pad {
            0 if self.args.crops > self.views.count() => write!(f, ": the image and its mirror image, as --pad is 0"),
            0 => Ok(()),
            pad => write!(f, "; pixels of black around each image: {pad}"),
        }
    }
}

impl Entrance {
    /// Adds to what was measured how the crops were made, and what was measured of one.
    pub fn note(&self, found: &mut Value, plain: Value) {
        found["crops"] = json!(self.args.crops);
        found["pad"] = json!(self.args.pad);
        found["one_crop"] = plain;
    }
}

fn crops(text: &str) -> std::result::Result<usize, String> {
    text.parse().ok().filter(|crops| [1, 2, 5, 10].contains(crops)).ok_or_else(|| "must be 1, 2, 5 or 10".to_string())
}
