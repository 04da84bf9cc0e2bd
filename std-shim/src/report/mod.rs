//! What a run leaves behind: a history, a picture of the loss, a table of the network, a progress bar.

mod curve;
mod folder;
mod history;
mod memory;
mod progress;
mod table;
mod tensorboard;

pub use curve::loss_curve_svg;
pub use folder::{RunFiles, RunFolder};
pub use history::{EpochRecord, History};
pub use memory::peak_memory;
pub use progress::Progress;
pub use table::{LayerRow, grouped, layer_table};
pub use tensorboard::TensorBoard;
