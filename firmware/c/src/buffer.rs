//! From C's pointers and lengths to slices. All of a function's buffers are checked before the first slice is made.

use crate::fault::{Fault, Outcome};
use core::slice::{from_raw_parts, from_raw_parts_mut};

/// The memory that an argument stands for.
#[derive(Clone, Copy)]
pub(crate) struct Region {
    what: &'static str,
    address: usize,
    count: usize,
    size: usize,
    align: usize,
}

impl Region {
    /// No memory at all.
    pub(crate) const NONE: Self = Self { what: "", address: 0, count: 0, size: 0, align: 1 };

    pub(crate) fn new<T>(what: &'static str, data: *const T, count: usize) -> Self {
        Self { what, address: data.addr(), count, size: size_of::<T>(), align: align_of::<T>() }
    }

    /// Not null, aligned, and no longer than memory can be; an empty one may be anything.
    fn check(&self) -> Outcome {
        let bytes = self.count.checked_mul(self.size).filter(|bytes| *bytes <= isize::MAX as usize);
        match bytes.and_then(|bytes| self.address.checked_add(bytes)) {
            _ if self.count == 0 => Ok(()),
            _ if self.address == 0 => Err(Fault::Null { what: self.what }),
            _ if self.address & (self.align - 1) != 0 => Err(Fault::Alignment { what: self.what, align: self.align }),
            Some(_) => Ok(()),
            None => Err(Fault::TooLong { what: self.what, count: self.count }),
        }
    }

    /// Only after [`Region::check`].
    fn end(&self) -> usize {
        self.address.wrapping_add(self.count.wrapping_mul(self.size))
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.count > 0 && other.count > 0 && self.address < other.end() && other.address < self.end()
    }
}

/// Refuses pointers that no slice can be made of, and outputs that share memory with anything else.
pub(crate) fn check(inputs: &[Region], outputs: &[Region]) -> Outcome {
    inputs.iter().chain(outputs).try_for_each(Region::check)?;
    let mut rest = outputs.iter();
    while let Some(output) = rest.next() {
        if let Some(other) = inputs.iter().chain(rest.clone()).find(|other| output.overlaps(other)) {
            return Err(Fault::Overlap { what: output.what, other: other.what });
        }
    }
    Ok(())
}

/// A name, a pointer, a number of elements.
pub(crate) type In = (&'static str, *const f32, usize);
/// The same for what is written to.
pub(crate) type Out = (&'static str, *mut f32, usize);

/// Inputs and outputs.
pub(crate) type Slices<'a, const I: usize, const O: usize> = ([&'a [f32]; I], [&'a mut [f32]; O]);

/// The slices, if all of them can be made.
///
/// # Safety
///
/// What the crate's page asks of the caller.
pub(crate) unsafe fn buffers<'a, const I: usize, const O: usize>(
    inputs: [In; I],
    outputs: [Out; O],
) -> Outcome<Slices<'a, I, O>> {
    let regions = inputs.map(|(what, data, len)| Region::new(what, data, len));
    check(&regions, &outputs.map(|(what, data, len)| Region::new(what, data.cast_const(), len)))?;
    // SAFETY: checked just now, and outputs share memory with nothing.
    Ok(unsafe { (inputs.map(|(_, data, len)| slice(data, len)), outputs.map(|(_, data, len)| slice_mut(data, len))) })
}

/// A slice; an empty one where the pointer may be null.
///
/// # Safety
///
/// The region has passed [`check`], and what the crate's page asks of the caller.
pub(crate) unsafe fn slice<'a, T>(data: *const T, len: usize) -> &'a [T] {
    // SAFETY: not null, aligned, of this length.
    if len == 0 { &[] } else { unsafe { from_raw_parts(data, len) } }
}

/// The same for what is written to.
///
/// # Safety
///
/// As [`slice`], and the region overlaps no other.
pub(crate) unsafe fn slice_mut<'a, T>(data: *mut T, len: usize) -> &'a mut [T] {
    // SAFETY: not null, aligned, of this length, and ours alone.
    if len == 0 { &mut [] } else { unsafe { from_raw_parts_mut(data, len) } }
}

/// A copy of one structure.
///
/// # Safety
///
/// What the crate's page asks of the caller.
pub(crate) unsafe fn read<T: Copy>(what: &'static str, data: *const T) -> Outcome<T> {
    check(&[Region::new(what, data, 1)], &[])?;
    // SAFETY: not null, aligned.
    Ok(unsafe { *data })
}

/// Writes one structure, unless the pointer is null.
///
/// # Safety
///
/// The region has passed [`check`], if the pointer is not null.
pub(crate) unsafe fn write<T: Copy>(data: *mut T, value: T) {
    if !data.is_null() {
        // SAFETY: not null, aligned.
        unsafe { *data = value }
    }
}
