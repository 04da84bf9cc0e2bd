//! Networks by name or from a file, and weights outside a network: under PyTorch's names, in safetensors files, as one hash.

mod network;
mod recipe;
mod state_dict;
mod trained;

pub use network::{LayerStore, Network};
pub use recipe::Recipe;
pub use state_dict::{StateDict, Tensor};
pub use trained::{layer_rows, state_dict};
