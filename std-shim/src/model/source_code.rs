//! Weights as source code for firmware: the same bits, compiled in.

use std::fmt::Write;
use std::path::Path;

use flatgrad_core::net::Plan;

/// Numbers on a line.
const PER_LINE: usize = 8;

/// A Rust file with a `static WEIGHTS: [f32; N]`, for `include!` or as a module.
///
/// The numbers are the shortest decimals that the compiler, which rounds correctly, turns into the same bits.
///
/// The weights must be finite: [`check_weights`](super::check_weights).
pub fn rust_source(plan: &Plan, weights: &[f32], sha256: &str) -> String {
    let mut text = String::new();
    for line in notes(plan, sha256) {
        // A string takes every line; so do the others below.
        let _ = writeln!(text, "{}", format!("// {line}").trim_end());
    }
    text += "\n/// Ready to be copied into `Trainer::weights_mut()`, or to be read by `infer`.\n";
    text += "#[rustfmt::skip]\n#[allow(dead_code, clippy::approx_constant)]\n";
    let _ = writeln!(text, "pub static WEIGHTS: [f32; {}] = [", weights.len());
    lines(&mut text, weights, |x| format!("{x:?}"));
    text + "];\n"
}

/// A C header with an array of `float`, named after the file at `path`: `flatgrad_STEM`.
///
/// The numbers are hexadecimal (C99, C++17): every digit is exact.
///
/// The weights must be finite: [`check_weights`](super::check_weights).
pub fn c_source(plan: &Plan, weights: &[f32], sha256: &str, path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let stem: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let (name, upper) = (format!("flatgrad_{stem}"), format!("FLATGRAD_{}", stem.to_ascii_uppercase()));
    let mut text = String::from("/*\n");
    for line in notes(plan, sha256) {
        let _ = writeln!(text, "{}", format!(" * {line}").trim_end());
    }
    let _ = writeln!(text, " */\n#ifndef {upper}_H\n#define {upper}_H\n");
    let _ = writeln!(text, "#define {upper}_LEN {}\n", weights.len());
    let _ = writeln!(text, "static const float {name}[{upper}_LEN] = {{");
    lines(&mut text, weights, |x| format!("{}f", hexadecimal(x)));
    let _ = writeln!(text, "}};\n\n#endif /* {upper}_H */");
    text
}

/// What stands at the head of a file.
fn notes(plan: &Plan, sha256: &str) -> Vec<String> {
    let mut notes = vec![
        format!("Written by flatgrad {}: trained weights in the order of the arena.", env!("CARGO_PKG_VERSION")),
        format!("weights sha256 {sha256}"),
        String::new(),
        format!("input {:?}; tensors and the places of their first elements:", plan.input()),
    ];
    notes.extend(plan.tensors().map(|t| format!("{:>9}  {} {:?}", t.offset, t.name, t.shape())));
    notes
}

fn lines(text: &mut String, weights: &[f32], number: impl Fn(f32) -> String) {
    for line in weights.chunks(PER_LINE) {
        let numbers: Vec<String> = line.iter().map(|&x| number(x)).collect();
        let _ = writeln!(text, "    {},", numbers.join(", "));
    }
}

/// A finite number as C writes it: `0x1.8p-3`.
fn hexadecimal(x: f32) -> String {
    let bits = x.to_bits();
    let (sign, exponent, fraction) = (if bits >> 31 == 1 { "-" } else { "" }, bits >> 23 & 0xff, bits & 0x7f_ffff);
    // 23 bits of fraction are six digits less one bit. Below the smallest normal number, the leading digit is 0.
    let (lead, power) = match (exponent, fraction) {
        (0, 0) => (0, 0),
        (0, _) => (0, -126),
        _ => (1, exponent as i32 - 127),
    };
    let digits = format!("{:06x}", fraction << 1);
    match digits.trim_end_matches('0') {
        "" => format!("{sign}0x{lead}p{power}"),
        digits => format!("{sign}0x{lead}.{digits}p{power}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_numbers_are_those_of_c() {
        for (x, text) in [
            (1.0, "0x1p0"),
            (-0.1875, "-0x1.8p-3"),
            (0.1, "0x1.99999ap-4"),
            (-0.0, "-0x0p0"),
            (f32::MAX, "0x1.fffffep127"),
            (f32::MIN_POSITIVE, "0x1p-126"),
            (f32::from_bits(1), "0x0.000002p-126"),
        ] {
            assert_eq!(hexadecimal(x), text);
        }
    }
}
