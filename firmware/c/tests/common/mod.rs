//! Calls a C function as it should be called, then in every wrong way that pointers and lengths allow.

#![allow(dead_code)]

use flatgrad::status::{fg_error, fg_status, fg_status_text};
use std::ffi::CStr;

/// A pointer and a length, as the function gets them.
#[derive(Clone, Copy)]
pub struct Buf {
    pub data: *mut f32,
    pub len: usize,
}

impl Buf {
    pub fn input(&self) -> *const f32 {
        self.data
    }
}

/// How a structure is passed.
#[derive(Clone, Copy, PartialEq)]
pub enum By {
    Pointer,
    Null,
    Misaligned,
}

impl By {
    pub fn pointer<T>(self, value: &T) -> *const T {
        match self {
            By::Pointer => value,
            By::Null => std::ptr::null(),
            By::Misaligned => std::ptr::from_ref(value).wrapping_byte_add(1),
        }
    }
}

pub type Call<'f> = &'f dyn Fn(&[Buf], By, *mut fg_error) -> fg_status;
pub type Want<'f> = &'f dyn Fn(&[&[f32]], &mut [&mut [f32]]);

/// A C function with good arguments.
pub struct Function<'f> {
    pub name: &'f str,
    pub inputs: &'f [Vec<f32>],
    pub outputs: &'f [Vec<f32>],
    /// Buffers (inputs first, then outputs) that may have any length.
    pub any_length: &'f [usize],
    /// Outputs whose content is garbage after the call.
    pub scratch: usize,
    /// The outputs are no arguments: the test copies results to them.
    pub only_inputs: bool,
    /// It has structures among its arguments.
    pub structure: bool,
    pub call: Call<'f>,
    /// The same from core.
    pub want: Want<'f>,
}

impl Default for Function<'_> {
    fn default() -> Self {
        Self {
            name: "",
            inputs: &[],
            outputs: &[],
            any_length: &[],
            scratch: 0,
            only_inputs: false,
            structure: true,
            call: &|_, _, _| fg_status::FG_OK,
            want: &|_, _| {},
        }
    }
}

pub fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

/// Numbers in `[-1, 1)` whose products round.
pub fn fill(seed: u32, len: usize) -> Vec<f32> {
    let mut s = seed.wrapping_mul(0x9e37_79b9) | 1;
    let mut next = || {
        s ^= s << 13;
        s ^= s >> 17;
        s ^= s << 5;
        (s >> 8) as f32 / 8_388_608.0 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

pub fn no_error() -> fg_error {
    fg_error { status: fg_status::FG_OK, layer: 77, text: [0; 160] }
}

pub fn text(error: &fg_error) -> String {
    let bytes: Vec<u8> = error.text.iter().map(|c| *c as u8).collect();
    CStr::from_bytes_until_nul(&bytes).unwrap().to_str().unwrap().into()
}

/// The call is refused with this status, and says why.
pub fn refused(error: &fg_error, status: fg_status, want: &[fg_status], case: &str) {
    assert!(want.contains(&status), "{case}: got {status:?}, {}", text(error));
    assert_eq!(error.status, status, "{case}");
    // SAFETY: a text that ends with a zero.
    let short = unsafe { CStr::from_ptr(fg_status_text(status as u32)) };
    assert!(text(error).len() > 5 && short.to_bytes().len() > 1, "{case}: no words");
}

const GAP: usize = 3;
const GUARD: f32 = 12345.0;

impl Function<'_> {
    /// One memory with all buffers, guards between them, room behind them.
    fn memory(&self) -> (Vec<f32>, Vec<(usize, usize)>) {
        let (mut memory, mut places) = (vec![GUARD; GAP], Vec::new());
        for buffer in self.inputs.iter().chain(self.outputs) {
            places.push((memory.len(), buffer.len()));
            memory.extend(buffer);
            memory.extend([GUARD; GAP]);
        }
        let longest = places.iter().map(|p| p.1).max().unwrap_or(0);
        memory.extend(vec![GUARD; longest]);
        (memory, places)
    }

    fn refuses(&self, case: &str, by: By, want: &[fg_status], change: impl Fn(&mut [Buf])) {
        let case = format!("{}: {case}", self.name);
        let (mut memory, places) = self.memory();
        let before = bits(&memory);
        let start = memory.as_mut_ptr();
        // SAFETY: inside the memory.
        let mut buffers: Vec<Buf> =
            places.iter().map(|&(at, len)| Buf { data: unsafe { start.add(at) }, len }).collect();
        change(&mut buffers);
        let mut error = no_error();
        let status = (self.call)(&buffers, by, &mut error);
        refused(&error, status, want, &case);
        assert_eq!((self.call)(&buffers, by, std::ptr::null_mut()), status, "{case}: without an error");
        let misaligned = std::ptr::from_mut(&mut error).wrapping_byte_add(1);
        assert_eq!((self.call)(&buffers, by, misaligned), fg_status::FG_ERROR_ALIGNMENT, "{case}: misaligned error");
        assert_eq!(bits(&memory), before, "{case}: something was written");
    }

    pub fn test(&self) {
        use fg_status::*;
        self.agrees();
        if self.structure {
            self.refuses("null structure", By::Null, &[FG_ERROR_NULL], |_| {});
            self.refuses("misaligned structure", By::Misaligned, &[FG_ERROR_ALIGNMENT], |_| {});
        }
        let all = self.inputs.len() + if self.only_inputs { 0 } else { self.outputs.len() };
        for i in 0..all {
            assert!(self.memory().1[i].1 > 0, "{}: buffer {i} is empty, which tests nothing", self.name);
            let case = |what: &str| format!("{what} buffer {i}");
            self.refuses(&case("null"), By::Pointer, &[FG_ERROR_NULL], |b| b[i].data = std::ptr::null_mut());
            self.refuses(&case("misaligned"), By::Pointer, &[FG_ERROR_ALIGNMENT], |b| {
                b[i].data = b[i].data.wrapping_byte_add(2);
            });
            self.refuses(&case("endless"), By::Pointer, &[FG_ERROR_OVERFLOW], |b| b[i].len = usize::MAX / 2);
            if !self.any_length.contains(&i) {
                self.refuses(&case("short"), By::Pointer, &[FG_ERROR_LENGTH, FG_ERROR_TOO_SHORT], |b| b[i].len -= 1);
            }
            for output in (self.inputs.len()..all).filter(|o| *o != i) {
                let case = format!("buffer {i} over the end of output {output}");
                self.refuses(&case, By::Pointer, &[FG_ERROR_OVERLAP], |b| {
                    b[i].data = b[output].data.wrapping_add(b[output].len - 1);
                });
            }
        }
    }

    /// The bits of core, and nothing else touched.
    fn agrees(&self) {
        let (mut memory, places) = self.memory();
        let mut want = memory.clone();
        let mut outputs = self.outputs.to_vec();
        {
            let inputs: Vec<&[f32]> = self.inputs.iter().map(Vec::as_slice).collect();
            let mut outputs: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
            (self.want)(&inputs, &mut outputs);
        }
        for (output, (at, len)) in outputs.iter().zip(&places[self.inputs.len()..]) {
            want[*at..*at + *len].copy_from_slice(output);
        }
        let start = memory.as_mut_ptr();
        // SAFETY: inside the memory.
        let buffers: Vec<Buf> = places.iter().map(|&(at, len)| Buf { data: unsafe { start.add(at) }, len }).collect();
        let mut error = no_error();
        let status = (self.call)(&buffers, By::Pointer, &mut error);
        assert_eq!(status, fg_status::FG_OK, "{}: {}", self.name, text(&error));
        assert_eq!(error.layer, 77, "{}: wrote an error", self.name);
        for (at, len) in places.iter().rev().take(self.scratch) {
            memory[*at..*at + *len].fill(0.0);
            want[*at..*at + *len].fill(0.0);
        }
        assert_eq!(bits(&memory), bits(&want), "{}", self.name);
    }
}
