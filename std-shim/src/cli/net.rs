//! `--net`: a network by name, or from a file.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::Args;
use flatgrad::model::{Network, Recipe};
use flatgrad::{Error, Result};

use super::args::positive;

/// What `--net` says.
#[derive(Clone, Debug)]
pub enum NetChoice {
    Recipe(Recipe),
    File(PathBuf),
}

impl NetChoice {
    /// A recipe's name comes first: a file of that name can be called `./cnn`.
    pub fn parse(text: &str) -> std::result::Result<Self, String> {
        match Recipe::by_name(text) {
            _ if text.is_empty() => Err(format!("must be {}, or a network file", names())),
            Some(recipe) => Ok(Self::Recipe(recipe)),
            None => Ok(Self::File(text.into())),
        }
    }

    /// The network; a recipe's for images of `input` in so many classes.
    pub fn network(&self, input: [usize; 3], classes: usize) -> Result<Network> {
        match self {
            Self::Recipe(recipe) => Ok(Network::recipe(*recipe, input, classes)),
            Self::File(path) => load(path),
        }
    }
}

/// A network without data to say what its samples are.
#[derive(Debug, Args)]
pub struct NetArgs {
    /// `cnn`, `mlp`, `tiny`, or a network file in TOML
    #[arg(long, value_name = "NAME|FILE", value_parser = NetChoice::parse)]
    pub net: Option<NetChoice>,
    /// The shape of a sample: channels, height, width [default: the network file's; 1,8,8 for a name]
    #[arg(long, value_name = "C,H,W", value_parser = shape, allow_negative_numbers = true)]
    pub input: Option<[usize; 3]>,
    /// The classes that a network by name tells apart [default: 10]
    #[arg(long, value_name = "N", value_parser = positive::<NonZeroUsize>, allow_negative_numbers = true)]
    pub classes: Option<NonZeroUsize>,
}

impl NetArgs {
    /// The network of these arguments, or of `choice` if they name none.
    pub fn network_or(&self, choice: NetChoice) -> Result<Network> {
        let choice = self.net.clone().unwrap_or(choice);
        if let (NetChoice::File(path), Some(_)) = (&choice, self.classes) {
            let fault = format!("{} says itself how many outputs it has", path.display());
            return Err(Error::Setting { what: "classes", fault });
        }
        let network = choice.network(self.input.unwrap_or([1, 8, 8]), self.classes.map_or(10, NonZeroUsize::get))?;
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
        let (path, names) = (path.display(), names());
        let fault = format!("{path} is neither a file nor the name of a network; the names are {names}");
        return Err(Error::Setting { what: "net", fault });
    }
    Network::load(path)
}

fn names() -> String {
    Recipe::ALL.map(Recipe::name).join(", ")
}
