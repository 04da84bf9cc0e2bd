//! flatgrad for C: the kernels and the networks of flatgrad-core behind `include/flatgrad.h`.
//!
//! Every function checks every pointer and length before anything else and then calls one function of flatgrad-core.
//! So a file here holds the signatures and documentation of one family, and `buffer.rs` holds what makes a slice of a
//! pointer.
//!
//! # What the caller promises
//!
//! A pointer that is neither null nor misaligned points to as many elements as the length beside it says, and nobody
//! else writes to them during the call. Nothing else is assumed.

#![cfg_attr(target_os = "none", no_std)]
// Names and documentation are C's: there, `[channels]` is a shape, not a link.
#![allow(non_camel_case_types, rustdoc::broken_intra_doc_links)]

mod buffer;
mod built;
mod context;
mod convert;
mod fault;
#[cfg(target_os = "none")]
mod panic;
mod text;

pub mod activation;
pub mod conv;
pub mod dense;
pub mod gemm;
pub mod infer;
pub mod info;
pub mod init;
pub mod layer;
pub mod loss;
pub mod norm;
pub mod optim;
pub mod plan;
pub mod pool;
pub mod random;
pub mod status;
pub mod step;
pub mod train;
pub mod trained;
