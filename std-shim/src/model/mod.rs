//! Networks by name, and weights outside a network: under PyTorch's names, in safetensors files, as one hash.

mod recipe;
mod state_dict;
mod trained;

pub use recipe::Recipe;
pub use state_dict::{StateDict, Tensor};
pub use trained::{layer_rows, state_dict};
