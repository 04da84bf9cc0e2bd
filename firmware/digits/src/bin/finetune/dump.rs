//! The way back: the weights in a file, number after number, as `flatgrad import` takes them.

/// A name in the folder from which the program (or the emulator, or the debugger) was started.
const NAME: &core::ffi::CStr = c"weights.bin";

/// The file could not be written.
pub struct Refused;

/// Through the debug probe (semihosting): the host writes the file. A board in the field would send the same bytes over
/// whatever line it has.
#[cfg(target_os = "none")]
pub fn write(weights: &[f32]) -> Result<(), Refused> {
    use cortex_m_semihosting::{nr, syscall};
    const { assert!(cfg!(target_endian = "little")) };
    // SAFETY: the host reads the name, as long as said.
    let file = unsafe { syscall!(OPEN, NAME.as_ptr(), nr::open::W_TRUNC_BINARY, NAME.count_bytes()) };
    if file == usize::MAX {
        return Err(Refused);
    }
    // SAFETY: the host reads the weights, as long as said. The answer is how many bytes it has not written.
    let left = unsafe { syscall!(WRITE, file, weights.as_ptr(), size_of_val(weights)) };
    // SAFETY: takes no memory.
    let closed = unsafe { syscall!(CLOSE, file) };
    if left == 0 && closed == 0 { Ok(()) } else { Err(Refused) }
}

#[cfg(not(target_os = "none"))]
pub fn write(weights: &[f32]) -> Result<(), Refused> {
    let bytes: Vec<u8> = weights.iter().flat_map(|weight| weight.to_le_bytes()).collect();
    std::fs::write(NAME.to_string_lossy().as_ref(), bytes).map_err(|_| Refused)
}
