//! Random numbers.

use crate::buffer::{Region, buffers, check, read, slice_mut};
use crate::fault::report;
use crate::status::{fg_error, fg_status};
use flatgrad_core::rng::{Stream, permutation, philox4x32_10};

/// Which random numbers: a function of these three and of an element's index, nothing else.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct fg_stream {
    /// The seed of the whole run.
    pub seed: u64,
    /// The training step or epoch; its lower 48 bits count.
    pub step: u64,
    /// What the numbers are for: a layer, the order of samples.
    pub stream: u32,
}

impl fg_stream {
    pub(crate) fn core(self) -> Stream {
        Stream { seed: self.seed, stream: self.stream, step: self.step }
    }
}

/// out = Philox4x32-10 of counter and key (Salmon et al., 2011). Returns FG_OK, or why nothing was written.
///
/// counter [4], key [2], out [4].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_philox4x32_10(
    counter: *const u32,
    counter_len: usize,
    key: *const u32,
    key_len: usize,
    out: *mut u32,
    out_len: usize,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let output = Region::new("out", out.cast_const(), out_len);
            check(&[Region::new("counter", counter, counter_len), Region::new("key", key, key_len)], &[output])?;
            for (what, expected, actual) in [("counter", 4, counter_len), ("key", 2, key_len), ("out", 4, out_len)] {
                if expected != actual {
                    return Err(flatgrad_core::Error::Length { what, expected, actual }.into());
                }
            }
            *out.cast::<[u32; 4]>() = philox4x32_10(*counter.cast::<[u32; 4]>(), *key.cast::<[u32; 2]>());
            Ok(())
        })
    }
}

/// out[i] = lo + (hi - lo) u, u uniform in [0, 1): element first + i of the stream. Returns FG_OK, or why nothing was
/// written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_fill_uniform(
    stream: *const fg_stream,
    first: u64,
    lo: f32,
    hi: f32,
    out: *mut f32,
    out_len: usize,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let stream = read("stream", stream)?.core();
            let ([], [out]) = buffers([], [("out", out, out_len)])?;
            Ok(stream.fill_uniform(out, first, lo, hi)?)
        })
    }
}

/// out[i] = mean + deviation z, z normal: element first + i of the stream. Returns FG_OK, or why nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_fill_normal(
    stream: *const fg_stream,
    first: u64,
    mean: f32,
    deviation: f32,
    out: *mut f32,
    out_len: usize,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let stream = read("stream", stream)?.core();
            let ([], [out]) = buffers([], [("out", out, out_len)])?;
            Ok(stream.fill_normal(out, first, mean, deviation)?)
        })
    }
}

/// out = the numbers 0 to out_len - 1 in random order: which sample comes when. Returns FG_OK, or why nothing was
/// written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_permutation(
    stream: *const fg_stream,
    out: *mut u32,
    out_len: usize,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let stream = read("stream", stream)?.core();
            check(&[], &[Region::new("out", out.cast_const(), out_len)])?;
            let numbers = slice_mut(out, out_len);
            Ok(permutation(stream, numbers)?)
        })
    }
}
