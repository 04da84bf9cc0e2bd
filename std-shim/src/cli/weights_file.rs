//! Trained weights from a file, with the network that they are of.

use std::path::Path;

use flatgrad::model::{LayerStore, Network, StateDict};
use flatgrad::{Error, Result};
use flatgrad_core::net::{Config, Optimizer, Plan};

use super::fold::without_norm_biases;

/// A run's `weights.safetensors`, or a state dict of PyTorch's with a network that somebody named.
pub struct Trained {
    pub network: Network,
    pub weights: StateDict,
    pub bytes: usize,
}

/// Reads it; `named` is the network if the file does not say it, or is not to be asked.
pub fn load(path: &Path, named: Option<Network>) -> Result<Trained> {
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    let origin = path.display().to_string();
    let weights = StateDict::from_safetensors(&bytes).map_err(of_file(path))?;
    let (network, weights) = match named {
        Some(network) => {
            let weights = without_norm_biases(&network, weights)?;
            (network, weights)
        }
        None => {
            let fault = "does not say its network, as weights of a run do; name it with --net";
            let missing = || Error::Weights { origin: origin.clone(), fault: fault.to_string() };
            (StateDict::network_in(&origin, &bytes)?.ok_or_else(missing)?, weights)
        }
    };
    Ok(Trained { network, weights, bytes: bytes.len() })
}

/// A plan for inference in batches of at most so many, and what uses it. The order of the weights does not depend on
/// the batch.
pub fn with_plan<T>(network: &Network, batch: usize, task: impl FnOnce(&Plan) -> Result<T>) -> Result<T> {
    let store = LayerStore::default();
    let net = network.net(&store)?;
    let plan = Plan::try_new(&net, Config::new(batch, Optimizer::sgd(1.0))).map_err(|error| network.explain(error))?;
    task(&plan)
}

/// An error about the weights, with the file's name.
pub fn of_file(path: &Path) -> impl Fn(Error) -> Error {
    let path = path.display().to_string();
    move |error| match error {
        Error::Weights { origin, fault } if origin == "safetensors" => Error::Weights { origin: path.clone(), fault },
        Error::Weights { origin, fault } => Error::Weights { origin: path.clone(), fault: format!("{origin} {fault}") },
        other => other,
    }
}
