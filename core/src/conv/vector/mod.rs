//! The convolution on vectors: tiles of accumulators in registers, over strips that stay in the cache.
//!
//! | file | what is there |
//! |---|---|
//! | `correlate` | forward pass and input gradient: samples, phases |
//! | `strip`, `tile`, `pixel_tile` | strips, and their tiles with lanes of channels or of pixels |
//! | `place` | the way of a tile's accumulators to memory |
//! | `weight`, `depthwise`, `weight_tile` | the weight gradient, the same with one channel a group, and their tile |
//! | `patch`, `pack`, `ahead` | copies to scratch, repacked weights, prefetching |

mod ahead;
mod correlate;
mod depthwise;
mod pack;
mod patch;
mod pixel_tile;
mod place;
mod strip;
mod tile;
mod weight;
mod weight_tile;

pub(super) use correlate::Vector;
pub(super) use depthwise::DepthwisePass;
pub(super) use patch::fill_line;
pub(super) use weight::WeightPass;
