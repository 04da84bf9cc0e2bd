//! What a network's memory is used for: a map in numbers and in pictures, and what would fit in less.

mod advice;
mod map;
mod picture;
mod text;
mod usage;

pub use advice::{Alternative, alternatives, least_bytes};
pub use map::{Block, Content, LayerMemory, MemoryMap, Usage};
pub use picture::memory_svg;
pub use text::{memory_table, memory_text};
