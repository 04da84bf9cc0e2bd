//! Values of recipes that have several forms.

use crate::augment::{Interpolation, Padding};
use crate::error::Result;
use crate::toml::{DeValue, Fields, Value};

/// An array of numbers of one of these lengths, or one number.
pub(super) fn numbers(fields: &Fields, key: &str, value: Value, lengths: &[usize], expected: &str) -> Result<Vec<f32>> {
    match value.get_ref() {
        DeValue::Array(items) if lengths.contains(&items.len()) => {
            items.iter().map(|item| fields.read_number(key, item)).collect()
        }
        DeValue::Integer(_) | DeValue::Float(_) => Ok(vec![fields.read_number(key, value)?]),
        _ => Err(fields.mismatch(key, value, expected)),
    }
}

/// `[least, most]`, or one number that stands for a range; `None` if the key is missing.
pub(super) fn range(fields: &Fields, key: &'static str, of_one: impl Fn(f32) -> [f32; 2]) -> Result<Option<[f32; 2]>> {
    let Some(value) = fields.get(key) else { return Ok(None) };
    let numbers = numbers(fields, key, value, &[2], "a number, or two such as [0.5, 1.5]")?;
    Ok(Some(match numbers[..] {
        [least, most] => [least, most],
        _ => of_one(numbers[0]),
    }))
}

/// `[least, most]` only.
pub(super) fn bounds(fields: &Fields, key: &'static str, default: [f32; 2]) -> Result<[f32; 2]> {
    let Some(value) = fields.get(key) else { return Ok(default) };
    let expected = "two numbers such as [0.5, 1.5]";
    match numbers(fields, key, value, &[2], expected)?[..] {
        [least, most] => Ok([least, most]),
        _ => Err(fields.mismatch(key, value, expected)),
    }
}

/// A range of angles, or one around 0.
pub(super) fn angles(fields: &Fields, key: &'static str) -> Result<Option<[f32; 2]>> {
    range(fields, key, |x| [-x, x])
}

/// One number for both directions, or `[across, down]`.
pub(super) fn both(fields: &Fields, key: &'static str, default: f32) -> Result<[f32; 2]> {
    Ok(range(fields, key, |x| [x, x])?.unwrap_or([default; 2]))
}

/// One number, or one for each channel.
pub(super) fn fill(fields: &Fields, key: &'static str) -> Result<Vec<f32>> {
    let Some(value) = fields.get(key) else { return Ok(Vec::new()) };
    let any: Vec<usize> = (1..=1024).collect();
    numbers(fields, key, value, &any, "a number, or one for each channel such as [0.5, 0.5, 0.5]")
}

/// One number, two for `[across, down]`, or four for left, top, right, bottom.
pub(super) fn padding(fields: &Fields) -> Result<[usize; 4]> {
    let Some(value) = fields.get("padding") else { return Ok([0; 4]) };
    let expected = "a whole number, two for [across, down], or four for [left, top, right, bottom]";
    let read = |item| fields.read_size("padding", item, 0);
    match value.get_ref() {
        DeValue::Integer(_) => Ok([read(value)?; 4]),
        DeValue::Array(items) => match items.iter().collect::<Vec<_>>()[..] {
            [x, y] => {
                let (x, y) = (read(x)?, read(y)?);
                Ok([x, y, x, y])
            }
            [left, top, right, bottom] => Ok([read(left)?, read(top)?, read(right)?, read(bottom)?]),
            _ => Err(fields.mismatch("padding", value, expected)),
        },
        _ => Err(fields.mismatch("padding", value, expected)),
    }
}

/// One of several words.
fn word<T: Copy>(fields: &Fields, key: &'static str, default: T, words: &[(&str, T)]) -> Result<T> {
    let Some(value) = fields.get(key) else { return Ok(default) };
    let found = value.get_ref().as_str().and_then(|text| words.iter().find(|(word, _)| *word == text));
    let all = || words.iter().map(|(word, _)| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
    found.map(|(_, meaning)| *meaning).ok_or_else(|| fields.mismatch(key, value, format!("one of {}", all())))
}

pub(super) fn padding_mode(fields: &Fields, default: Padding) -> Result<Padding> {
    let words = [
        ("constant", Padding::Constant),
        ("edge", Padding::Edge),
        ("reflect", Padding::Reflect),
        ("symmetric", Padding::Symmetric),
        ("wrap", Padding::Wrap),
    ];
    word(fields, "padding_mode", default, &words)
}

pub(super) fn interpolation(fields: &Fields, default: Interpolation) -> Result<Interpolation> {
    let words = [("nearest", Interpolation::Nearest), ("bilinear", Interpolation::Bilinear)];
    word(fields, "interpolation", default, &words)
}
