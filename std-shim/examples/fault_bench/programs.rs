//! The programs into which faults are planted.

use std::sync::Arc;

use flatgrad::Result;
use flatgrad::augment::Recipe;
use flatgrad::data::{Dataset, Normalization};
use flatgrad::model::Network;
use flatgrad::train::Settings;
use flatgrad::tune::Subject;
use flatgrad_core::net::Optimizer;

use super::data::{self, Made};

/// A program: data, network, settings.
pub struct Program {
    pub name: &'static str,
    /// Thresholds may not be taken from it.
    pub judges: bool,
    data: fn(u64) -> Result<Made>,
    /// Samples for training; the rest is for testing.
    train: usize,
    /// The layers. `INIT` stands where a rule of initialization can be said, `ACT` for the activation, `DROP` where
    /// dropout can be, `LAST` behind the last layer.
    layers: &'static str,
    activation: &'static str,
    optimizer: fn() -> Optimizer,
    epochs: usize,
}

const PLAIN: &str = "'flatten', { kind = 'dense', outputs = 64INIT }, ACT, DROP{ kind = 'dense', outputs = 64INIT }, \
                     ACT, { kind = 'dense', outputs = OUTPUTSINIT }LAST";
const IMAGES: &str = "{ kind = 'conv2d', out_channels = 16, kernel = 3, padding = 1, bias = falseINIT }, 'batch_norm', \
    ACT, { kind = 'conv2d', out_channels = 24, kernel = 3, padding = 1, bias = falseINIT }, 'batch_norm', ACT, \
    { kind = 'max_pool', kernel = 2 }, 'flatten', DROP{ kind = 'dense', outputs = OUTPUTSINIT }LAST";
const SIGNALS: &str = "{ kind = 'conv1d', out_channels = 16, kernel = 5, padding = 2INIT }, ACT, \
    { kind = 'max_pool1d', kernel = 2 }, { kind = 'conv1d', out_channels = 32, kernel = 5, padding = 2INIT }, ACT, \
    { kind = 'max_pool1d', kernel = 2 }, 'flatten', DROP{ kind = 'dense', outputs = OUTPUTSINIT }LAST";
const RESIDUAL: &str = "{ kind = 'conv2d', out_channels = 12, kernel = 3, padding = 1, bias = falseINIT }, \
    'batch_norm', ACT, { kind = 'max_pool', kernel = 2 }, { kind = 'residual', body = [ \
    { kind = 'conv2d', out_channels = 12, kernel = 3, padding = 1, bias = falseINIT }, 'batch_norm', ACT, \
    { kind = 'conv2d', out_channels = 12, kernel = 3, padding = 1, bias = falseINIT }, 'batch_norm' ] }, ACT, \
    { kind = 'max_pool', kernel = 2 }, 'flatten', DROP{ kind = 'dense', outputs = OUTPUTSINIT }LAST";
const WATCH: &str = "{ kind = 'conv1d', out_channels = 16, kernel = 7, stride = 2, bias = falseINIT }, 'batch_norm', \
    ACT, { kind = 'conv1d', out_channels = 32, kernel = 5, stride = 2, bias = falseINIT }, 'batch_norm', ACT, \
    { kind = 'avg_pool1d', kernel = 3 }, 'flatten', DROP{ kind = 'dense', outputs = OUTPUTSINIT }LAST";
const NORMED: &str = "'flatten', { kind = 'dense', outputs = 48INIT }, ACT, 'layer_norm', DROP\
    { kind = 'dense', outputs = 32INIT }, ACT, { kind = 'dense', outputs = OUTPUTSINIT }LAST";
const WIDE: &str = "'flatten', { kind = 'dense', outputs = 128INIT }, ACT, DROP{ kind = 'dense', outputs = 32INIT }, \
    ACT, { kind = 'dense', outputs = OUTPUTSINIT }LAST";

const BATCHED: &str = "'flatten', { kind = 'dense', outputs = 64, bias = falseINIT }, 'batch_norm', ACT, DROP\
    { kind = 'dense', outputs = 32INIT }, ACT, { kind = 'dense', outputs = OUTPUTSINIT }LAST";
const SEPARABLE: &str = "{ kind = 'conv2d', out_channels = 16, kernel = 3, padding = 1, bias = falseINIT }, \
    'batch_norm', ACT, { kind = 'max_pool', kernel = 2 }, { kind = 'depthwise', kernel = 3, padding = 1 }, \
    { kind = 'conv2d', out_channels = 24, kernel = 1, bias = falseINIT }, 'batch_norm', ACT, \
    { kind = 'avg_pool', kernel = 2 }, 'flatten', DROP{ kind = 'dense', outputs = OUTPUTSINIT }LAST";
const LENET: &str = "{ kind = 'conv2d', out_channels = 8, kernel = 5, padding = 2INIT }, ACT, \
    { kind = 'max_pool', kernel = 2 }, { kind = 'conv2d', out_channels = 16, kernel = 5INIT }, ACT, \
    { kind = 'max_pool', kernel = 2 }, 'flatten', { kind = 'dense', outputs = 64INIT }, ACT, DROP\
    { kind = 'dense', outputs = OUTPUTSINIT }LAST";

pub const PROGRAMS: [Program; 13] = [
    program("digits, dense", false, data::handwritten, 1400, PLAIN, "relu", || Optimizer::adam(1e-3), 12),
    program("digits, convolutions", false, data::handwritten, 1400, IMAGES, "relu", || Optimizer::adam(1e-3), 8),
    program("clouds, dense", false, |seed| Ok(data::clouds(seed)), 900, PLAIN, "relu", || Optimizer::adam(2e-3), 25),
    program("forms, 1-D", false, |seed| Ok(data::forms(seed)), 640, SIGNALS, "relu", || Optimizer::adam(1e-3), 15),
    program(
        "friedman, dense",
        false,
        |seed| Ok(data::friedman(seed)),
        720,
        PLAIN,
        "relu",
        || Optimizer::adam(2e-3),
        40,
    ),
    program(
        "figures, residual",
        false,
        |seed| Ok(data::figures(seed)),
        720,
        RESIDUAL,
        "relu",
        || Optimizer::adamw(2e-3),
        14,
    ),
    program(
        "same sign, tanh",
        false,
        |seed| Ok(data::same_sign(seed)),
        1200,
        NORMED,
        "tanh",
        || Optimizer::adam(3e-3),
        30,
    ),
    program(
        "movements, 1-D",
        false,
        |seed| Ok(data::movements(seed)),
        720,
        WATCH,
        "relu",
        || Optimizer::momentum(0.03, 0.9),
        12,
    ),
    program(
        "waves, dense",
        false,
        |seed| Ok(data::waves(seed)),
        640,
        WIDE,
        "elu",
        || Optimizer::momentum(0.02, 0.9),
        60,
    ),
    program("spirals, silu", true, |seed| Ok(data::spirals(seed)), 1200, WIDE, "silu", || Optimizer::adamw(3e-3), 40),
    program("houses, dense", true, |seed| Ok(data::houses(seed)), 1000, BATCHED, "relu", || Optimizer::adam(2e-3), 30),
    program(
        "sounds, separable",
        true,
        |seed| Ok(data::sounds(seed)),
        960,
        SEPARABLE,
        "relu",
        || Optimizer::adam(2e-3),
        15,
    ),
    program(
        "clothes, convolutions",
        true,
        data::clothes_or_figures,
        2000,
        LENET,
        "relu",
        || Optimizer::momentum(0.02, 0.9),
        8,
    ),
];

#[expect(clippy::too_many_arguments, reason = "a row of the table")]
const fn program(
    name: &'static str,
    judges: bool,
    data: fn(u64) -> Result<Made>,
    train: usize,
    layers: &'static str,
    activation: &'static str,
    optimizer: fn() -> Optimizer,
    epochs: usize,
) -> Program {
    Program { name, judges, data, train, layers, activation, optimizer, epochs }
}

/// A run, before it becomes a subject: everything can be changed.
#[derive(Clone)]
pub struct Run {
    pub train: Made,
    pub test: Made,
    pub layers: String,
    pub activation: String,
    pub init: String,
    pub dropout: Option<f32>,
    pub last: String,
    pub recipe: String,
    pub settings: Settings,
}

impl Program {
    /// The program without a fault.
    pub fn run(&self, seed: u64) -> Result<Run> {
        let [train, test] = (self.data)(1000 + seed)?.cut(self.train);
        let settings = Settings { epochs: self.epochs, seed, ..Settings::new((self.optimizer)()) };
        Ok(Run {
            train,
            test,
            layers: self.layers.into(),
            activation: self.activation.into(),
            init: String::new(),
            dropout: None,
            last: String::new(),
            recipe: String::new(),
            settings,
        })
    }

    pub fn is_image(&self) -> bool {
        ["digits, conv", "figures", "sounds", "clothes"].iter().any(|name| self.name.starts_with(name))
    }

    pub fn normalizes(&self) -> bool {
        self.layers.contains("batch_norm")
    }

    pub fn has_relu(&self) -> bool {
        self.activation == "relu"
    }
}

impl Run {
    pub fn unscaled(&mut self) {
        self.settings.normalize = Normalization::Unit;
    }

    pub fn subject(self) -> Result<Subject> {
        let outputs = self.train.task.outputs();
        let dropout = self.dropout.map_or(String::new(), |p| format!("{{ kind = 'dropout', p = {p} }}, "));
        let layers = self.layers.replace("OUTPUTS", &outputs.to_string());
        let layers = layers.replace("INIT", &self.init).replace("ACT", &format!("'{}'", self.activation));
        let layers = layers.replace("DROP", &dropout).replace("LAST", &self.last);
        let text = format!("input = {:?}\nlayers = [{layers}]", self.train.shape);
        let network = Network::parse("bench.toml", &text.replace('\'', "\""))?;
        let shape = self.train.shape;
        let recipe = (!self.recipe.is_empty()).then(|| Recipe::parse("bench", &self.recipe)).transpose()?;
        Ok(Subject {
            network,
            train: Arc::new(self.train),
            validation: None,
            test: Arc::new(self.test),
            settings: Settings { batch: self.settings.batch, ..self.settings },
            augmentation: recipe.map(|recipe| recipe.augmentation(shape)).transpose()?,
        })
    }

    pub fn samples(&self) -> usize {
        self.train.len()
    }
}
