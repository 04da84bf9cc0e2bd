//! Outputs, sample by sample.

use flatgrad_core::loss::Target;

use crate::error::{Error, Result};

/// The outputs of each sample, with its class, below their number.
pub(super) fn rows<'a>(outputs: &'a [f32], target: Target<'a>) -> Result<impl Iterator<Item = (&'a [f32], usize)>> {
    let Target::Classes(classes) = target else { return Err(misfit("values where classes are wanted".into())) };
    let (n, len) = (classes.len(), outputs.len());
    let width = len.checked_div(n).unwrap_or(0);
    if width * n != len {
        return Err(misfit(format!("{len} outputs for {n} samples")));
    }
    if let Some(class) = classes.iter().find(|&&class| class as usize >= width) {
        return Err(misfit(format!("class {class} of {width} outputs")));
    }
    Ok(outputs.chunks_exact(width.max(1)).zip(classes.iter().map(|&class| class as usize)))
}

/// Where the first of the largest is.
pub(super) fn largest(row: &[f32]) -> usize {
    let better = |best: (usize, f32), (i, &x): (usize, &f32)| if order(x) > best.1 { (i, order(x)) } else { best };
    row.iter().enumerate().fold((0, f32::NEG_INFINITY), better).0
}

pub(super) fn order(x: f32) -> f32 {
    if x.is_nan() { f32::NEG_INFINITY } else { x }
}

pub(super) fn misfit(fault: String) -> Error {
    Error::setting("metric", fault)
}
