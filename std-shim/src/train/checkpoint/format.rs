//! The bytes of a checkpoint's file.

use std::collections::BTreeMap;

use safetensors::tensor::SafeTensors;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Checkpoint, Position};
use crate::error::{Error, Result};
use crate::files::hexadecimal;
use crate::model::{StateDict, Tensor};
use crate::train::Saved;

/// The key of the metadata under which everything but the tensors stands.
const KEY: &str = "flatgrad.checkpoint";

// The names of the tensors; those of callbacks come after a prefix.
const WEIGHTS: &str = "weights";
const OPTIMIZER: &str = "optimizer";
const AVERAGE: &str = "average";
const SAVED: &str = "saved.";

/// The metadata.
#[derive(Serialize, Deserialize)]
struct Text {
    position: Position,
    settings: BTreeMap<String, String>,
    data: String,
    saved: BTreeMap<String, Value>,
}

/// [`Text`] as text, and the hash of it and all tensors.
#[derive(Serialize, Deserialize)]
struct Sealed {
    sha256: String,
    text: String,
}

impl Checkpoint {
    /// The content of a file. The same checkpoint gives the same bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Weights`] if the header would be larger than the format allows.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut dict = StateDict::new();
        let mut push = |name: &str, data: &[f32]| match data.len() {
            0 => Ok(()),
            len => dict.push(name, &[len], data.to_vec()),
        };
        push(WEIGHTS, &self.weights)?;
        push(OPTIMIZER, &self.optimizer)?;
        push(AVERAGE, self.average.as_deref().unwrap_or_default())?;
        for (name, data) in &self.saved.tensors {
            push(&format!("{SAVED}{name}"), data)?;
        }
        let text = Text {
            position: self.position,
            settings: self.settings.clone(),
            data: self.data.clone(),
            saved: self.saved.values.clone(),
        };
        let fault = |e: String| Error::weights("checkpoint", e);
        let text = serde_json::to_string(&text).map_err(|e| fault(e.to_string()))?;
        let sealed = Sealed { sha256: seal(&text, &dict), text };
        let sealed = serde_json::to_string(&sealed).map_err(|e| fault(e.to_string()))?;
        let metadata = [(KEY.to_string(), sealed)].into_iter().collect();
        safetensors::serialize(dict.iter(), Some(metadata)).map_err(|e| fault(e.to_string()))
    }

    /// Reads what [`Checkpoint::to_bytes`] gave; errors call it `origin`.
    ///
    /// # Errors
    ///
    /// [`Error::Weights`] if it is anything else, or if a single bit of it has changed.
    pub fn from_bytes(origin: &str, bytes: &[u8]) -> Result<Self> {
        let fault = |what: &str| Error::weights(origin, format!("not a checkpoint, or a spoilt one: {what}"));
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| fault(&e.to_string()))?;
        let sealed = header.metadata().as_ref().and_then(|metadata| metadata.get(KEY));
        let sealed = sealed.ok_or_else(|| fault(&format!("no {KEY} among its metadata")))?;
        let Sealed { sha256, text } = serde_json::from_str(sealed).map_err(|e| fault(&e.to_string()))?;
        let dict = StateDict::from_safetensors(bytes).map_err(|e| fault(&e.to_string()))?;
        if seal(&text, &dict) != sha256 {
            return Err(fault("its content does not have the hash that it says"));
        }
        let Text { position, settings, data, saved } =
            serde_json::from_str(&text).map_err(|e| fault(&e.to_string()))?;
        let mut tensors: BTreeMap<String, Vec<f32>> = BTreeMap::new();
        for (name, tensor) in dict.iter() {
            let Tensor::F32 { data, .. } = tensor else { return Err(fault("a counter")) };
            tensors.insert(name.to_string(), data.clone());
        }
        let mut take = |name: &str| tensors.remove(name);
        let (weights, optimizer, average) = (take(WEIGHTS), take(OPTIMIZER), take(AVERAGE));
        let kept = tensors.into_iter().filter_map(|(name, data)| Some((name.strip_prefix(SAVED)?.to_string(), data)));
        let saved = Saved { values: saved, tensors: kept.collect() };
        let (weights, optimizer) = (weights.unwrap_or_default(), optimizer.unwrap_or_default());
        Ok(Self { position, settings, data, weights, optimizer, average, saved })
    }
}

/// The SHA-256 of a text and named tensors.
fn seal(text: &str, dict: &StateDict) -> String {
    let mut rows: Vec<_> = dict.iter().collect();
    rows.sort_by_key(|(name, _)| *name);
    let mut hash = Sha256::new();
    hash.update(text);
    for (name, tensor) in rows {
        hash.update([0]);
        hash.update(name);
        if let Tensor::F32 { data, .. } = tensor {
            hash.update((data.len() as u64).to_le_bytes());
            data.iter().for_each(|x| hash.update(x.to_le_bytes()));
        }
    }
    hexadecimal(hash)
}
