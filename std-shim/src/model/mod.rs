//! Weights outside a network: under PyTorch's names and layouts, in safetensors files, as one hash.

mod state_dict;

pub use state_dict::{StateDict, Tensor};
