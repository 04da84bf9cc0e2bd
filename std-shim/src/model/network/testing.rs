//! What becomes of a sample before a network sees it.

use super::Network;
use crate::augment::{Pipeline, Recipe};
use crate::error::Result;

/// The operations of testing, and the shape of the samples that they were for.
#[derive(Clone, Debug)]
pub(super) struct Testing {
    pub(super) samples: [usize; 3],
    pub(super) recipe: Recipe,
}

impl PartialEq for Testing {
    fn eq(&self, other: &Self) -> bool {
        self.samples == other.samples && self.recipe.test_toml() == other.recipe.test_toml()
    }
}

impl Network {
    /// The same, with what a recipe does to samples of this shape in testing: the network has learnt to see samples so.
    /// Without a recipe, or with one that does nothing in testing, samples enter the network as they are.
    ///
    /// ```
    /// use flatgrad::augment;
    /// use flatgrad::model::{Architecture, Network};
    /// let recipe = augment::Recipe::named("imagenet")?;
    /// let network = Network::new(Architecture::ResNet8, [3, 224, 224], 10).with_test([3, 256, 256], Some(&recipe));
    /// let again = Network::parse("net.toml", &network.to_toml())?;
    /// assert_eq!((again.samples(), again.input()), ([3, 256, 256], [3, 224, 224]));
    /// assert_eq!(again.test([3, 480, 640])?.unwrap().out_shape(), [3, 224, 224]);
    /// # Ok::<(), flatgrad::Error>(())
    /// ```
    pub fn with_test(mut self, samples: [usize; 3], recipe: Option<&Recipe>) -> Self {
        let recipe = recipe.filter(|recipe| !recipe.test_toml().is_empty());
        self.testing = recipe.map(|recipe| Testing { samples, recipe: recipe.clone() });
        self
    }

    /// The shape of the samples of training, before anything was done to them: the network's input, unless there are
    /// operations for testing.
    pub fn samples(&self) -> [usize; 3] {
        self.testing.as_ref().map_or(self.input(), |testing| testing.samples)
    }

    /// What becomes of samples of this shape on their way into the network, in parts of white (of `f32`, normalized);
    /// nothing if there are no operations for testing. That it ends with the network's input is for the caller to
    /// check.
    ///
    /// # Errors
    ///
    /// As [`Recipe::test`].
    pub fn test(&self, shape: [usize; 3]) -> Result<Option<Pipeline>> {
        self.testing.as_ref().map(|testing| testing.recipe.test(shape)).transpose()
    }

    /// The same, without a `center_crop` at its end: what several crops are taken from.
    ///
    /// # Errors
    ///
    /// As [`Recipe::test`].
    pub fn test_uncropped(&self, shape: [usize; 3]) -> Result<Option<Pipeline>> {
        self.testing.as_ref().map(|testing| testing.recipe.test_uncropped(shape)).transpose()
    }
}
