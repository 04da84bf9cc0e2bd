//! Trained weights from a file, with the network that the file says they are of.

use std::path::Path;

use flatgrad::data::Scaling;
use flatgrad::model::{Network, StateDict};
use flatgrad::{Error, Result};

/// The content of a run's `weights.safetensors`.
pub struct Trained {
    pub network: Network,
    pub scaling: Scaling,
    pub weights: StateDict,
    pub bytes: usize,
}

/// Reads it.
pub fn load(path: &Path) -> Result<Trained> {
    let bytes = std::fs::read(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
    let origin = path.display().to_string();
    let fault = |fault: &str| Error::Weights { origin: origin.clone(), fault: fault.to_string() };
    let weights = StateDict::from_safetensors(&bytes).map_err(|error| match error {
        Error::Weights { fault: text, .. } => fault(&text),
        other => other,
    })?;
    let network = StateDict::network_in(&origin, &bytes)?;
    let network = network.ok_or_else(|| fault("does not say its network; weights of a run do"))?;
    let scaling = network.scaling().cloned();
    let scaling = scaling.ok_or_else(|| fault("does not say how samples are scaled; weights of a run do"))?;
    Ok(Trained { network, scaling, weights, bytes: bytes.len() })
}
