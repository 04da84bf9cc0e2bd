//! `--net`: a network by name, or from a file.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::Args;
use flatgrad::model::{Architecture, Network, StateDict};
use flatgrad::{Error, Result};

use super::args::positive;

/// What `--net` says.
#[derive(Clone, Debug)]
pub enum NetChoice {
    Architecture(Architecture),
    File(PathBuf),
}

impl NetChoice {
    /// An architecture's name comes first: a file of that name can be called `./cnn`.
    pub fn parse(text: &str) -> std::result::Result<Self, String> {
        match Architecture::by_name(text) {
            _ if text.is_empty() => Err(format!("must be {}, or a network file", names())),
            Some(architecture) => Ok(Self::Architecture(architecture)),
            None => Ok(Self::File(text.into())),
        }
    }

    /// The network; an architecture's for images of `input` in so many classes.
    pub fn network(&self, input: [usize; 3], classes: usize, biases: BiasArgs) -> Result<Network> {
        match self {
            Self::Architecture(architecture) => biases.apply(Network::new(*architecture, input, classes)),
            Self::File(path) => load(path).and_then(|network| biases.of_file(network, path)),
        }
    }
}

/// Whether layers of a network by name have biases that batch norm takes away again.
#[derive(Clone, Copy, Debug, Args)]
pub struct BiasArgs {
    /// Give a network by name biases before batch norm, which takes them away again: PyTorch's layers have them unless
    /// told otherwise
    #[arg(long)]
    pub bias_before_norm: bool,
}

impl BiasArgs {
    fn apply(self, network: Network) -> Result<Network> {
        if !self.bias_before_norm {
            return Ok(network);
        }
        let with = network.clone().with_bias_before_norm();
        if with == network {
            let fault = format!("{} has no convolution or dense layer before batch norm", network.name());
            return Err(Error::setting("bias_before_norm", fault));
        }
        Ok(with)
    }

    fn of_file(self, network: Network, path: &Path) -> Result<Network> {
        if self.bias_before_norm {
            let fault = format!("{} says itself which layers have biases", path.display());
            return Err(Error::setting("bias_before_norm", fault));
        }
        Ok(network)
    }

    /// Refuses the option where no network is named.
    pub fn check_unused(self) -> Result {
        match self.bias_before_norm {
            true => Err(Error::setting("bias_before_norm", "is for a network by name (`net`)")),
            false => Ok(()),
        }
    }
}

/// A network without data to say what its samples are.
#[derive(Debug, Args)]
pub struct NetArgs {
    #[arg(long, value_name = "NAME|FILE", value_parser = NetChoice::parse, help = help("it says its network"))]
    pub net: Option<NetChoice>,
    /// The shape of a sample: channels, height, width [default: the network file's; 1,8,8 for a name]
    #[arg(long, value_name = "C,H,W", value_parser = shape, allow_negative_numbers = true)]
    pub input: Option<[usize; 3]>,
    /// The classes that a network by name tells apart [default: 10]
    #[arg(long, value_name = "N", value_parser = positive::<NonZeroUsize>, allow_negative_numbers = true)]
    pub classes: Option<NonZeroUsize>,
    #[command(flatten)]
    pub biases: BiasArgs,
}

impl NetArgs {
    /// The network; `missing` says why it must be named.
    pub fn network(&self, missing: &str) -> Result<Network> {
        match &self.net {
            Some(choice) => self.network_or(choice.clone()),
            None => Err(Error::setting("net", format!("{missing}: name it with --net"))),
        }
    }

    /// The network if they name one.
    pub fn named(&self) -> Result<Option<Network>> {
        match &self.net {
            Some(choice) => self.network_or(choice.clone()).map(Some),
            None => self.biases.check_unused().map(|()| None),
        }
    }

    /// The network of these arguments, or of `choice` if they name none.
    pub fn network_or(&self, choice: NetChoice) -> Result<Network> {
        let choice = self.net.clone().unwrap_or(choice);
        let (input, classes) = (self.input.unwrap_or([1, 8, 8]), self.classes.map_or(10, NonZeroUsize::get));
        let network = choice.network(input, classes, self.biases)?;
        match &choice {
            NetChoice::Architecture(_) => Ok(network),
            NetChoice::File(path) => self.of(network, path),
        }
    }

    /// A network that a file describes, for the input of these arguments.
    pub fn of(&self, network: Network, path: &Path) -> Result<Network> {
        if self.classes.is_some() {
            let fault = format!("{} says itself how many outputs there are", path.display());
            return Err(Error::setting("classes", fault));
        }
        let network = self.biases.of_file(network, path)?;
        Ok(match self.input {
            Some(input) => network.with_input(input),
            None => network,
        })
    }
}

fn shape(text: &str) -> std::result::Result<[usize; 3], String> {
    let sizes: Option<Vec<usize>> = text.split(',').map(|size| size.trim().parse().ok().filter(|&n| n > 0)).collect();
    let shape = sizes.and_then(|sizes| sizes.try_into().ok());
    shape.ok_or_else(|| "must be three whole numbers from 1 on, such as 1,28,28".to_string())
}

fn load(path: &Path) -> Result<Network> {
    if !path.exists() {
        let closest = path.to_str().and_then(Architecture::close_to);
        let (path, names) = (path.display(), names());
        let meant = match closest {
            Some(architecture) => format!("did you mean {}?", architecture.name()),
            None => format!("the names are {names}"),
        };
        let fault = format!("{path} is neither a file nor the name of a network; {meant}");
        return Err(Error::setting("net", fault));
    }
    if path.extension().is_some_and(|ending| ending == "safetensors") {
        return of_weights(path);
    }
    Network::load(path)
}

/// The network that a file of weights says it is of.
fn of_weights(path: &Path) -> Result<Network> {
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    let origin = path.display().to_string();
    let missing = || Error::setting("net", format!("{origin} does not say its network"));
    StateDict::network_in(&origin, &bytes)?.ok_or_else(missing)
}

/// The help of `--net`, with all names; `of_weights` says what becomes of a file of weights.
pub fn help(of_weights: &str) -> String {
    let line = |architecture: Architecture| format!("\n  {:<10} {}", architecture.name(), architecture.summary());
    let architectures: String = Architecture::ALL.map(line).concat();
    format!(
        "A network file in TOML, the weights.safetensors of a run ({of_weights}), or one of these names:{architectures}"
    )
}

fn names() -> String {
    Architecture::ALL.map(Architecture::name).join(", ")
}
