//! Networks by name or from a file, and weights outside a network: under PyTorch's names, in safetensors files, as one
//! hash.

mod architecture;
mod described;
mod flat;
mod fold;
mod network;
mod predictor;

mod source_code;
mod state_dict;
mod test_crops;
mod trained;

pub use architecture::Architecture;
pub use flat::{check_weights, flat_weights, named_weights, raw_sha256};
pub use fold::{FoldReport, Folded, fold, fold_norm_biases, invert_dropout};
pub use network::{LayerStore, Network};
pub(crate) use network::{layer_toml, value_toml};
pub use predictor::{Predictor, average_logits, probabilities};
pub use source_code::{Firmware, dropout_notes};
pub use state_dict::{StateDict, Tensor};
pub use test_crops::{TestCrops, TestViews};
pub use trained::state_dict;
