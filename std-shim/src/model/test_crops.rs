//! How samples enter a network in testing: as they are, or as several crops whose outputs are averaged.

use super::{Network, average_logits};
use crate::augment::{Canvas, Key, MultiCrop, Pipeline, Views, average_crops};
use crate::data::{Scaling, TargetScaling};
use crate::error::{Error, Result};

/// Over how many crops of each image the outputs are averaged.
///
/// ```
/// use flatgrad::model::{Architecture, Network, TestCrops};
/// let network = Network::new(Architecture::LeNet, [1, 28, 28], 10);
/// let views = TestCrops { crops: 10, pad: 2 }.views(&network, [1, 28, 28])?;
/// assert_eq!((views.count(), views.shape([1, 28, 28])), (10, [1, 28, 28]));
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TestCrops {
    /// 1: the image. 2: and its mirror image. 5: the four corners and the middle. 10: and their mirror images.
    pub crops: usize,
    /// Of 5 and 10 crops: pixels of black on every side of the image.
    pub pad: usize,
}

/// The views of a sample that a network gets in testing.
#[derive(Clone, Debug)]
pub struct TestViews {
    pipeline: Option<Pipeline>,
    count: usize,
    /// Which of them is the plain one, counted from 0.
    plain: usize,
}

impl TestCrops {
    /// The sample alone.
    pub const ONE: Self = Self { crops: 1, pad: 0 };

    /// The views of samples of this shape, after what the network's recipe does in testing.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if there are no such crops of these samples; as [`Network::test`].
    pub fn views(&self, network: &Network, shape: [usize; 3]) -> Result<TestViews> {
        if ![1, 2, 5, 10].contains(&self.crops) {
            return Err(Error::setting("crops", "must be 1, 2, 5 or 10"));
        }
        if self.pad > 0 && self.crops < 5 {
            return Err(Error::setting("pad", "is for `crops` 5 and `crops` 10"));
        }
        if self.crops == 1 {
            return Ok(TestViews { pipeline: network.test(shape)?, count: 1, plain: 0 });
        }
        let [input_channels, height, width] = network.input();
        if height.min(width) == 1 {
            return Err(Error::setting("crops", "are of images; the network takes rows of numbers"));
        }
        let images = match network.test_uncropped(shape)? {
            Some(pipeline) => pipeline,
            None => Pipeline::new(Vec::new(), shape)?,
        };
        let [channels, rows, columns] = images.out_shape();
        if channels != input_channels {
            // No crop will fit.
            return Ok(TestViews { pipeline: Some(images), count: 1, plain: 0 });
        }
        let (pad, views) = (self.pad, self.cut([rows, columns], [height, width])?);
        if rows + 2 * pad < height || columns + 2 * pad < width {
            let fault =
                format!("images of {rows} x {columns} are smaller than the network's input, {height} x {width}");
            return Err(Error::setting("crops", fault));
        }
        let pipeline = images.then(Box::new(MultiCrop { views, size: [height, width], padding: pad }))?;
        Ok(TestViews { pipeline: Some(pipeline), count: views.count(), plain: views.middle() })
    }

    /// What there is to crop, for images as large as this and the network's input.
    fn cut(&self, images: [usize; 2], input: [usize; 2]) -> Result<Views> {
        let (same, side) = (images == input && self.pad == 0, input[0].min(input[1]));
        match self.crops {
            2 => Ok(Views::Mirror),
            _ if self.pad >= side => Err(Error::setting("pad", format!("must be below {side}, the network's input"))),
            5 if same => {
                let fault =
                    "five crops of images as large as the network's input are five times the image; `pad` moves them";
                Err(Error::setting("crops", fault))
            }
            5 => Ok(Views::Five),
            // Five times the image and five times its mirror image: once is enough.
            _ if same => Ok(Views::Mirror),
            _ => Ok(Views::Ten),
        }
    }
}

impl TestViews {
    /// How many views there are of one sample.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// What makes them, for a [`Loader`](crate::data::Loader).
    pub const fn pipeline(&self) -> Option<&Pipeline> {
        self.pipeline.as_ref()
    }

    /// What the network gets of samples of this shape.
    pub fn shape(&self, samples: [usize; 3]) -> [usize; 3] {
        let [channels, height, width] = self.pipeline.as_ref().map_or(samples, Pipeline::out_shape);
        [channels / self.count, height, width]
    }

    /// The network's input for one image of bytes from 0 to 255: all views, normalized.
    ///
    /// # Errors
    ///
    /// [`Error::Augment`] if the image has another size than the views are made for.
    pub fn of_image(&self, image: &[u8], scaling: &Scaling) -> Result<Vec<f32>> {
        // In parts of white, whatever white was in training.
        let mut x: Vec<f32> = image.iter().map(|&byte| f32::from(byte) / 255.0).collect();
        if let Some(pipeline) = &self.pipeline {
            let mut views = vec![0.0; pipeline.out_shape().iter().product()];
            pipeline.apply(Key { seed: 0, epoch: 0, sample: 0 }, &x, &mut views, &mut Canvas::default())?;
            x = views;
        }
        let view = x.len() / self.count;
        x.chunks_exact_mut(view.max(1)).for_each(|x| scaling.apply(x));
        Ok(x)
    }

    /// Of the outputs for all views, those for the plain ones, `each` of them numbers for one view.
    pub fn plain(&self, outputs: &[f32], each: usize) -> Vec<f32> {
        outputs.chunks(each.max(1)).skip(self.plain).step_by(self.count).flatten().copied().collect()
    }

    /// The outputs of all views of a sample together: logits if they are of `classes`, else values.
    ///
    /// # Errors
    ///
    /// As [`average_logits`].
    pub fn average(&self, outputs: &[f32], each: usize, classes: bool) -> Result<Vec<f32>> {
        if self.count == 1 {
            return Ok(outputs.to_vec());
        }
        if classes {
            return average_logits(outputs, self.count, each);
        }
        let samples = outputs.len() / (self.count * each).max(1);
        let mut mean = vec![0.0; samples * each];
        average_crops(samples, self.count, outputs, &mut mean)?;
        Ok(mean)
    }

    /// What a network says of each sample: logits of classes, or with `targets` values in their own unit.
    ///
    /// # Errors
    ///
    /// As [`average_logits`].
    pub fn answer(&self, outputs: &[f32], each: usize, targets: Option<&TargetScaling>) -> Result<Vec<f32>> {
        let mut outputs = self.average(outputs, each, targets.is_none())?;
        if let Some(targets) = targets {
            targets.undo(&mut outputs);
        }
        Ok(outputs)
    }
}
