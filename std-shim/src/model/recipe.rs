//! The networks the program knows by name.

use flatgrad_core::net::Layer;

/// A network for images, whatever their size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipe {
    /// Convolutions with batch norm and relu.
    ///
    /// From 16 x 16 pixels on: two 3x3 convolutions of 32 channels, pooling by 2, two of 64 channels, pooling by 2, a
    /// dense layer of 128 with relu and dropout 0.5, a dense layer of the classes. Below: 3x3 convolutions of 16 and
    /// 32 channels (without bias: the batch norm after them would take it away again), pooling by 2, a dense layer.
    Cnn,
    /// Two dense layers of 800 with relu, and one of the classes.
    Mlp,
    /// For microcontrollers: 3x3 convolutions of 8 and 16 channels, each with relu and pooling by 2, and a dense layer of
    /// the classes. For the 8 x 8 digits, 1,898 parameters.
    Tiny,
}

impl Recipe {
    /// All recipes.
    pub const ALL: [Self; 3] = [Self::Cnn, Self::Mlp, Self::Tiny];

    /// The recipe of this name.
    ///
    /// ```
    /// use flatgrad::model::Recipe;
    /// assert_eq!(Recipe::by_name("tiny"), Some(Recipe::Tiny));
    /// assert_eq!(Recipe::by_name("huge"), None);
    /// ```
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|recipe| recipe.name() == name)
    }

    /// The name: `cnn`, `mlp` or `tiny`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cnn => "cnn",
            Self::Mlp => "mlp",
            Self::Tiny => "tiny",
        }
    }

    /// The layers for images of `[c, h, w]`. Images too small for them are refused by [`flatgrad_core::net::Net`].
    ///
    /// ```
    /// use flatgrad::model::Recipe;
    /// use flatgrad_core::net::Net;
    /// let layers = Recipe::Cnn.layers([1, 28, 28], 10);
    /// assert_eq!(Net::try_new([1, 28, 28], &layers)?.parameters(), 468_202);
    /// let layers = Recipe::Tiny.layers([1, 8, 8], 10);
    /// assert_eq!(Net::try_new([1, 8, 8], &layers)?.parameters(), 1_898);
    /// # Ok::<(), flatgrad_core::net::NetError>(())
    /// ```
    pub fn layers(self, [_, height, width]: [usize; 3], classes: usize) -> Vec<Layer<'static>> {
        match self {
            Self::Cnn if height.min(width) >= 16 => large_cnn(classes),
            Self::Cnn => small_cnn(classes),
            Self::Mlp => mlp(classes),
            Self::Tiny => tiny(classes),
        }
    }
}

fn large_cnn(classes: usize) -> Vec<Layer<'static>> {
    let mut layers = Vec::new();
    for channels in [32, 64] {
        for _ in 0..2 {
            layers.extend([Layer::conv2d(channels, 3).padding(1), Layer::batch_norm(), Layer::relu()]);
        }
        layers.push(Layer::max_pool(2));
    }
    layers.extend([Layer::flatten(), Layer::dense(128), Layer::relu(), Layer::dropout(0.5), Layer::dense(classes)]);
    layers
}

fn small_cnn(classes: usize) -> Vec<Layer<'static>> {
    let mut layers = Vec::new();
    for channels in [16, 32] {
        layers.extend([Layer::conv2d(channels, 3).padding(1).no_bias(), Layer::batch_norm(), Layer::relu()]);
    }
    layers.extend([Layer::max_pool(2), Layer::flatten(), Layer::dense(classes)]);
    layers
}

fn mlp(classes: usize) -> Vec<Layer<'static>> {
    let hidden = [Layer::dense(800), Layer::relu()];
    [&[Layer::flatten()][..], &hidden, &hidden, &[Layer::dense(classes)]].concat()
}

fn tiny(classes: usize) -> Vec<Layer<'static>> {
    let mut layers = Vec::new();
    for channels in [8, 16] {
        layers.extend([Layer::conv2d(channels, 3).padding(1), Layer::relu(), Layer::max_pool(2)]);
    }
    layers.extend([Layer::flatten(), Layer::dense(classes)]);
    layers
}
