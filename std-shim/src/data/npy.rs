//! NumPy's array files, `.npy`.
//!
//! A file is `\x93NUMPY`, a version, the length of the header, the header (a Python dictionary as text), and the
//! elements. Nothing in it is believed: memory grows with the bytes that are really there.

use std::io::Read;

use super::DataFault;

/// The largest array this reader accepts: 1 GiB.
pub const MAX_BYTES: u64 = 1 << 30;
/// The longest header; NumPy's are of 128 bytes.
const MAX_HEADER: usize = 1 << 14;

/// An array in C order.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// The dimensions, outermost first; none of a single number.
    pub shape: Vec<usize>,
    /// The elements.
    pub elements: Elements,
}

/// The elements of an array.
#[derive(Clone, Debug, PartialEq)]
pub enum Elements {
    /// `uint8`
    Bytes(Vec<u8>),
    /// `int8` to `int64`, `uint16` to `uint64` (up to `i64::MAX`), and `bool`
    Integers(Vec<i64>),
    /// `float32`, and `float64` rounded to it
    Floats(Vec<f32>),
}

type Checked<T> = Result<T, DataFault>;

fn format(fault: impl Into<String>) -> DataFault {
    DataFault::Format(fault.into())
}

/// Reads an array of `uint8`, integers, `float32` or `float64` in C order, of either byte order, to the end of the
/// source.
///
/// # Errors
///
/// [`DataFault::Format`], [`DataFault::Truncated`] or [`DataFault::Trailing`].
///
/// ```
/// use flatgrad::data::npy::{Elements, read};
/// let mut file = b"\x93NUMPY\x01\x00".to_vec();
/// let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }\n";
/// file.extend((header.len() as u16).to_le_bytes());
/// file.extend(header.as_bytes());
/// file.extend([1.5f32, -2.0].map(f32::to_le_bytes).concat());
/// let array = read(&mut &file[..])?;
/// assert_eq!((array.shape, array.elements), (vec![1, 2], Elements::Floats(vec![1.5, -2.0])));
/// # Ok::<(), flatgrad::DataFault>(())
/// ```
pub fn read(source: &mut dyn Read) -> Checked<Array> {
    let start = take(source, 8)?;
    if start.len() < 8 || !start.starts_with(b"\x93NUMPY") {
        return Err(format("not a NumPy array: it does not start with \\x93NUMPY"));
    }
    let len = match start[6] {
        1 => take(source, 2)?.try_into().ok().map(|b| usize::from(u16::from_le_bytes(b))),
        2 | 3 => take(source, 4)?.try_into().ok().map(|b| u32::from_le_bytes(b) as usize),
        version => return Err(format(format!("version {version} of NumPy's format is not known"))),
    };
    let len = len.filter(|&len| len <= MAX_HEADER).ok_or_else(|| format("a damaged header"))?;
    let header = take(source, len as u64)?;
    let header = std::str::from_utf8(&header).ok().filter(|text| text.len() == len);
    let Header { kind, size, big, shape } = Header::parse(header.ok_or_else(|| format("a damaged header"))?)?;
    let count = shape.iter().try_fold(1u64, |product, &d| product.checked_mul(d as u64));
    let promised = count.and_then(|count| count.checked_mul(size as u64)).filter(|&bytes| bytes <= MAX_BYTES);
    let Some(promised) = promised else {
        let fault = format!("the header promises {shape:?} elements: this reader accepts {} MB", MAX_BYTES >> 20);
        return Err(format(fault));
    };
    // One byte more: to see that the file ends there.
    let mut bytes = take(source, promised + 1)?;
    let actual = bytes.len() as u64;
    if actual < promised {
        return Err(DataFault::Truncated { promised, actual });
    }
    if actual > promised {
        return Err(DataFault::Trailing { promised });
    }
    if big {
        bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse);
    }
    Ok(Array { shape, elements: elements(kind, size, bytes)? })
}

fn take(source: &mut dyn Read, limit: u64) -> Checked<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(limit).read_to_end(&mut bytes).map_err(|error| format(error.to_string()))?;
    Ok(bytes)
}

/// Little-endian elements.
fn elements(kind: u8, size: usize, bytes: Vec<u8>) -> Checked<Elements> {
    let wide = |chunk: &[u8]| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(word)
    };
    let words = || bytes.chunks_exact(size).map(wide);
    Ok(match (kind, size) {
        (b'u', 1) => Elements::Bytes(bytes),
        (b'f', 4) => Elements::Floats(words().map(|w| f32::from_bits(w as u32)).collect()),
        (b'f', 8) => Elements::Floats(words().map(|w| f64::from_bits(w) as f32).collect()),
        (b'i', _) => {
            let unused = 64 - 8 * size as u32;
            Elements::Integers(words().map(|w| ((w << unused) as i64) >> unused).collect())
        }
        _ => {
            let whole: Option<Vec<i64>> = words().map(|w| i64::try_from(w).ok()).collect();
            Elements::Integers(whole.ok_or_else(|| format("an integer above 2^63"))?)
        }
    })
}

struct Header {
    kind: u8,
    size: usize,
    big: bool,
    shape: Vec<usize>,
}

impl Header {
    /// `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }`: these three keys, in any order.
    fn parse(text: &str) -> Checked<Self> {
        let damaged = || format("a damaged header");
        let inner = text.trim().strip_prefix('{').and_then(|t| t.strip_suffix('}')).ok_or_else(damaged)?;
        let (mut descr, mut fortran, mut shape, mut rest) = (None, None, None, inner.trim());
        while !rest.is_empty() {
            let (key, value) = rest.split_once(':').ok_or_else(damaged)?;
            let value = value.trim_start();
            // A shape has commas of its own.
            let end = if value.starts_with('(') { value.find(')').map(|at| at + 1) } else { value.find(',') };
            let (value, after) = value.split_at(end.unwrap_or(value.len()));
            let slot = match key.trim().trim_matches(['\'', '"']) {
                "descr" => &mut descr,
                "fortran_order" => &mut fortran,
                "shape" => &mut shape,
                _ => return Err(damaged()),
            };
            if slot.replace(value.trim()).is_some() {
                return Err(damaged());
            }
            rest = after.trim_start();
            rest = rest.strip_prefix(',').map_or(rest, str::trim_start);
        }
        let (descr, shape) = (descr.ok_or_else(damaged)?, shape.ok_or_else(damaged)?);
        match fortran {
            Some("False") => {}
            Some("True") => return Err(format("in Fortran's order: save numpy.ascontiguousarray(x)")),
            _ => return Err(damaged()),
        }
        let (kind, size, big) = Self::kind(descr)?;
        Ok(Self { kind, size, big, shape: Self::shape(shape).ok_or_else(damaged)? })
    }

    fn kind(descr: &str) -> Checked<(u8, usize, bool)> {
        let known = match descr.trim_matches(['\'', '"']).as_bytes() {
            [b'|' | b'<' | b'>' | b'=', kind @ (b'u' | b'i' | b'b'), b'1'] => Some((*kind, 1, false)),
            [order @ (b'<' | b'>'), kind @ (b'u' | b'i' | b'f'), size @ (b'2' | b'4' | b'8')] => {
                Some((*kind, usize::from(size - b'0'), *order == b'>'))
            }
            _ => None,
        };
        let known = known.filter(|&(kind, size, _)| (kind, size) != (b'f', 2));
        known.ok_or_else(|| {
            let descr: String = descr.chars().take(40).collect();
            format(format!("elements of type {descr}: this reader takes integers, float32 and float64"))
        })
    }

    fn shape(text: &str) -> Option<Vec<usize>> {
        let inner = text.strip_prefix('(')?.strip_suffix(')')?.trim();
        let inner = inner.strip_suffix(',').unwrap_or(inner).trim();
        if inner.is_empty() {
            return Some(Vec::new());
        }
        inner.split(',').map(|size| size.trim().parse().ok()).collect()
    }
}
