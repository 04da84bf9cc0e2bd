//! Weights that say which network they are of.

use safetensors::tensor::SafeTensors;

use super::{Network, StateDict};
use crate::error::{Error, Result};

/// The key of the metadata under which the text of a network file stands.
const KEY: &str = "flatgrad.network";

impl StateDict {
    /// As [`StateDict::to_safetensors`], with the network's description among the metadata: the text of a network file,
    /// under `flatgrad.network`. The same tensors and network give the same bytes.
    ///
    /// # Errors
    ///
    /// As [`StateDict::to_safetensors`].
    ///
    /// ```
    /// use flatgrad::model::{Architecture, Network, StateDict};
    /// let network = Network::new(Architecture::Tiny, [1, 8, 8], 10);
    /// let file = StateDict::new().to_safetensors_with(&network)?;
    /// assert_eq!(StateDict::network_in("weights", &file)?.unwrap().to_toml(), network.to_toml());
    /// # Ok::<(), flatgrad::Error>(())
    /// ```
    pub fn to_safetensors_with(&self, network: &Network) -> Result<Vec<u8>> {
        let fault = |what: &str| Error::weights("safetensors", what);
        let plain = safetensors::serialize(self.iter(), None).map_err(|e| fault(&e.to_string()))?;
        // The library keeps metadata in a hash map, whose order would decide over the file's bytes: the header, which
        // is JSON after its length in 8 bytes, gets them here.
        let (len, rest) = plain.split_first_chunk::<8>().ok_or_else(|| fault("no header"))?;
        let len = usize::try_from(u64::from_le_bytes(*len)).unwrap_or(usize::MAX);
        let (header, data) = rest.split_at_checked(len).ok_or_else(|| fault("no header"))?;
        let tensors = header.trim_ascii_end().strip_prefix(b"{").ok_or_else(|| fault("no header"))?;
        let text = serde_json::Value::from(network.to_toml());
        let comma = if tensors == b"}" { "" } else { "," };
        let mut header = format!("{{\"__metadata__\":{{\"{KEY}\":{text},\"format\":\"pt\"}}{comma}").into_bytes();
        header.extend(tensors);
        // The tensors begin at a multiple of 8.
        header.resize(header.len().next_multiple_of(8), b' ');
        Ok([&(header.len() as u64).to_le_bytes(), &header[..], data].concat())
    }

    /// The network that a safetensors file describes, if it does; errors call the file `origin`.
    ///
    /// # Errors
    ///
    /// [`Error::Weights`] if it is not a safetensors file, [`Error::Network`] if its description is wrong.
    pub fn network_in(origin: &str, bytes: &[u8]) -> Result<Option<Network>> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| Error::weights(origin, e.to_string()))?;
        let text = header.metadata().as_ref().and_then(|metadata| metadata.get(KEY));
        text.map(|text| Network::parse(&format!("{origin}: {KEY}"), text)).transpose()
    }
}
