//! A matrix product and nothing else, so that a test can look at the microkernel's machine code
//! (`core/tests/gemm_assembly.rs`).

use flatgrad_core::gemm::{Epilogue, gemm, gemm_scratch_len};
use flatgrad_core::{Context, Isa, Mat, MatMut, Result, Update};

fn main() -> Result {
    let (a, mut c, mut scratch) = ([1.0; 4], [0.0; 4], [0.0; gemm_scratch_len(2, 2, 2)]);
    let (a, out) = (Mat::new(&a, 2, 2)?, MatMut::new(&mut c, 2, 2)?);
    gemm(Context::serial(Isa::detect()), a, a, Update::Overwrite, Epilogue::NONE, out, &mut scratch)?;
    println!("{c:?}");
    Ok(())
}
