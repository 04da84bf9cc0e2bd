//! The shortest plain loops that say what the kernels compute, bit for bit: documentation, and the oracle of tests,
//! fuzzing and benchmarks. Nothing here is fast, and nothing checks its arguments.

pub mod activation;
pub mod conv;
pub mod dropout;
pub mod gemm;
pub mod init;
pub mod loss;
pub mod math;
pub mod norm;
pub mod optim;
pub mod pool;
pub mod rng;

pub use crate::simd::portable::fma;
