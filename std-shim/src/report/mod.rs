//! What a run leaves behind: a history, pictures of losses and of layers, a table of the network, a progress bar; and
//! charts.

mod curves;
mod folder;
mod memory;
mod progress;
mod table;
mod tensorboard;

pub mod chart;

pub use curves::{curves_png, curves_svg, stats_png, stats_svg};
pub use folder::{RunFiles, RunFolder, StatsFiles};
pub use memory::peak_memory;
pub use progress::{Progress, Stages};
pub(crate) use table::aligned;
pub use table::{LayerRow, grouped, layer_rows, layer_table};
pub use tensorboard::TensorBoard;
