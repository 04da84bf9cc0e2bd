//! `--net`: a network by name, or from a file.

use std::path::{Path, PathBuf};

use flatgrad::model::{Network, Recipe};
use flatgrad::{Error, Result};

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
