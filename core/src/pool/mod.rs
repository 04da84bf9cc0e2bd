//! Pooling: maximum and average over windows, average over whole planes.
//!
//! The plain algorithm: for each window, walk its elements in row-major order. On top of that, in three steps:
//!
//! * `two_by_two.rs`: maxima of 2x2 at stride 2, which is what most networks use, as a knockout of four vectors;
//! * `lanes.rs`: windows of any size at a horizontal stride of 1 or 2 as vectors of neighbouring windows;
//! * `window.rs`: the geometry, and all other windows one by one.
//!
//! One-dimensional data `[n, channels, len]` are images of height 1: [`MaxPool2d::new_1d`], [`AvgPool2d::new_1d`].

mod avg;
mod global;
mod lanes;
mod max;
mod two_by_two;
mod window;

pub use avg::{AvgPool2d, avg_pool2d, avg_pool2d_backward};
pub use global::{global_avg_pool, global_avg_pool_backward};
pub use max::{MaxPool2d, max_pool2d, max_pool2d_backward};

pub(crate) use max::{max_pool2d_backward_planned, max_pool2d_planned};
pub(crate) use window::Uses;
