//! Training kernels over flat `f32` slices: `no_std`, no allocation, no panics, **the same bits everywhere**.
//!
//! The same inputs give the same `f32` bits on every instruction set, thread count, alignment and batch split, so a
//! training run has one SHA-256, on an AVX-512 server and on a Cortex-M4F. Every fast path is tested for equality with
//! the portable one, not for closeness.
//!
//! # The rooms
//!
//! | room | what is there |
//! |---|---|
//! | [`net`] | networks as data: layers, `const` shape check and memory plan, a [`net::Trainer`] over one arena |
//! | [`gemm`], [`dense`], [`conv`] | matrix products and convolutions: chains of fused multiply-adds in a fixed order |
//! | [`norm`], [`activation`], [`pool`], [`dropout`], [`loss`] | the other layers, forward and backward |
//! | [`optim`], [`init`], [`rng`] | fused optimizer steps, initialization, counter-based random numbers |
//! | [`math`] | exp, ln, tanh, erf, ... of slices, with their measured errors |
//! | [`mod@reference`] | the shortest plain loops for all of these: what the kernels compute, bit for bit |
//!
//! Under them lie a thin SIMD layer (one zero-sized token per instruction set, every kernel written once over it) and
//! `slice`, which holds the pointer loops of all element-wise kernels.
//!
//! # How a call looks
//!
//! Context first, then shape or parameters, inputs, outputs, scratch:
//!
//! ```
//! use flatgrad_core::conv::{Conv2d, conv2d, conv2d_scratch_len};
//! use flatgrad_core::{Fused, Context, Isa};
//!
//! const SHAPE: Conv2d = Conv2d::new(1, [1, 4, 4], 2, [3, 3]); // one 4x4 image, two 3x3 filters
//! let ctx = Context::serial(Isa::detect());
//! let (x, weight) = ([1.0; 16], [0.5; 2 * 9]);
//! let (mut y, mut scratch) = ([0.0; 2 * 4], [0.0; conv2d_scratch_len(&SHAPE)]);
//! conv2d(ctx, &SHAPE, &x, &weight, None, Fused::Relu, &mut y, &mut scratch)?;
//! assert_eq!(y, [4.5; 8]);
//! # Ok::<(), flatgrad_core::Error>(())
//! ```
//!
//! * **[`Context`]** says which [`Isa`] runs and, through [`Parallel`], on how many threads. Firmware passes
//!   `Context::serial(Isa::BASELINE)`, a constant: code for other instruction sets vanishes.
//! * **Scratch** is the caller's. Beside `foo(.., scratch)` stands `const fn foo_scratch_len(..)`, the length for one
//!   thread in `f32`s; with as many times that length as there are threads, all of them get to work. Its content is
//!   garbage before and after. What a backward pass needs again is an output of the forward pass (`saved_mean`).
//! * **Errors** come before effects: every function checks its arguments first and returns an [`Error`] that says what
//!   was expected and what was given, with nothing written. Nothing here panics, allocates, prints or reads a global.
//!   Exceptions: the plain loops of [`mod@reference`] check nothing, and [`Net::new`](net::Net::new),
//!   [`Plan::new`](net::Plan::new) and [`Plan::within`](net::Plan::within) panic, so that a mistake in a `const` item
//!   is a compile error.
//! * **Layouts** are PyTorch's: data `[n, c, h, w]`, convolution weights `[oc, ic / groups, kh, kw]`; but a dense
//!   weight is `[inputs, outputs]`, so that a product with one sample runs along contiguous memory.
//!
//! # Instruction sets
//!
//! | [`Isa`] | lanes | where |
//! |---|---|---|
//! | `portable` | 4 | everywhere; it defines the bits (the fused multiply-add is emulated, correctly rounded) |
//! | `avx2` | 8 | x86-64 with AVX2 and FMA, detected at run time without std |
//! | `avx512` | 16 | x86-64 with AVX-512F, detected at run time without std |
//! | `neon` | 4 | AArch64 |
//!
//! # The bit contract
//!
//! 1. Matrix products and convolutions: each output is `acc = fma(a_k, b_k, acc)` for ascending `k`, from 0 or from the
//!    stored value when accumulating; then bias, then activation. Tiles, blocks and threads do not show.
//! 2. Sums over a contiguous run add element `i` into lane `i mod 16`, where each of the 16 lanes starts from +0.0.
//!    Then lane `l` takes lane `l + 8` for `l < 8`, lane `l + 4` for `l < 4`, lane `l + 2` for `l < 2`, and lane 0
//!    takes lane 1 and is the sum. Sums over samples add one sample's sum after the other.
//! 3. Everything else is one IEEE operation after another, as documented at each kernel; nothing is contracted or
//!    reordered, division and square root are correctly rounded, denormals are kept.
//! 4. Random numbers are functions of (seed, stream, step, index).
//! 5. Outside the promise: sign and payload of a NaN.

#![no_std]

mod error;
mod keys;
mod machine;
mod scalar;
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
pub mod math;
pub mod net;
pub mod norm;
pub mod optim;
pub mod pool;
pub mod reference;
pub mod rng;

pub use activation::Fused;
pub use error::{Error, Result};
pub use keys::{Keys, Value};
pub use machine::{Context, Isa, Parallel, Serial};
pub use update::Update;
pub use view::{Mat, MatMut};

/// The examples of the repository's front page and of the crate's are tested, too.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[doc = include_str!("../README.md")]
struct Readme;
