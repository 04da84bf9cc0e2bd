//! Training kernels over flat `f32` slices: `no_std`, no allocation, no panics, the same bits on every instruction set.

#![no_std]

mod context;
mod error;
mod isa;
mod simd;
mod slice;
mod update;
mod view;

pub mod activation;
pub mod conv;
pub mod dense;
pub mod dropout;
pub mod gemm;
pub mod init;
pub mod loss;
pub mod net;
pub mod norm;
pub mod optim;
pub mod pool;
pub mod reference;
pub mod rng;

pub use activation::Activation;
pub use context::{Context, Parallel, Serial};
pub use error::{Error, Result};
pub use isa::Isa;
pub use update::Update;
pub use view::{Mat, MatMut};
