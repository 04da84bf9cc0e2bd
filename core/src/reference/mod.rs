//! The shortest plain loops that say what the kernels compute, bit for bit: documentation, and the oracle of tests,
//! fuzzing and benchmarks. Nothing here is fast, and nothing checks its arguments.

pub mod conv;
pub mod gemm;
pub mod layers;
pub mod optim;

pub use crate::simd::portable::fma;
