//! Weights as source code for firmware: the same bits, compiled in.

use std::fmt::Write;
use std::path::Path;

use flatgrad_core::dropout::{Dropout, Form};
use flatgrad_core::net::{Kind, LayerInfo, Plan};

use super::raw_sha256;
use crate::data::{Scaling, TargetScaling};

/// Numbers on a line.
const PER_LINE: usize = 8;

/// Trained weights on their way into firmware. They must be finite: [`check_weights`](super::check_weights).
#[derive(Clone, Copy)]
pub struct Firmware<'a> {
    /// Which tensor is where.
    pub plan: &'a Plan,
    /// In the order of the arena.
    pub weights: &'a [f32],
    /// The hash of the weights, as [`StateDict::sha256`](super::StateDict::sha256) gives it.
    pub sha256: &'a str,
    /// How a sample becomes the network's input, if that is known.
    pub scaling: Option<&'a Scaling>,
    /// How the network's outputs become values, if they are values.
    pub targets: Option<&'a TargetScaling>,
}

const SCALING: &str = "A value `x` of a sample becomes the network's input by `(x / white - mean) / std`, with the mean \
                       and standard deviation of its channel; in training, in f64, rounded to f32 once.";

const TARGETS: &str = "An output becomes a value by `mean + std * output`.";

impl Firmware<'_> {
    /// A Rust file with a `static WEIGHTS: [f32; N]`, for `include!` or as a module; with `WHITE`, `MEAN` and `STD` if
    /// the scaling is known, and `TARGET_MEAN` and `TARGET_STD` if the outputs are values.
    ///
    /// The numbers are the shortest decimals that the compiler, which rounds correctly, turns into the same bits.
    pub fn rust(&self) -> String {
        let mut text = String::new();
        for line in self.notes() {
            // A string takes every line; so do the others below.
            let _ = writeln!(text, "{}", format!("// {line}").trim_end());
        }
        let mut array = |name: &str, doc: &str, numbers: &[f32]| {
            let _ = writeln!(text, "\n/// {doc}\n#[rustfmt::skip]\n#[allow(dead_code, clippy::approx_constant)]");
            let _ = writeln!(text, "pub static {name}: [f32; {}] = [", numbers.len());
            lines(&mut text, numbers, |x| format!("{x:?}"));
            text += "];\n";
        };
        array("WEIGHTS", "Ready to be copied into `Trainer::weights_mut()`, or to be read by `infer`.", self.weights);
        if let Some(TargetScaling { mean, std }) = self.targets {
            array("TARGET_MEAN", TARGETS, mean);
            array("TARGET_STD", "See `TARGET_MEAN`.", std);
        }
        if let Some(Scaling { white, mean, std }) = self.scaling {
            array("MEAN", "The mean of each channel.", mean);
            array("STD", "The standard deviation of each channel.", std);
            let _ = writeln!(text, "\n/// {SCALING}\n#[allow(dead_code)]\npub static WHITE: f32 = {white:?};");
        }
        text
    }

    /// A C header with an array of `float`, `flatgrad_STEM`, where the stem is that of the file at `path`; with
    /// `flatgrad_STEM_white`, `_mean` and `_std` if the scaling is known, and `_target_mean` and `_target_std` if the
    /// outputs are values.
    ///
    /// The numbers are hexadecimal (C99, C++17): every digit is exact.
    pub fn c(&self, path: &Path) -> String {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let stem: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let (name, upper) = (format!("flatgrad_{stem}"), format!("FLATGRAD_{}", stem.to_ascii_uppercase()));
        let number = |x| format!("{}f", hexadecimal(x));
        let array = |text: &mut String, what: &str, numbers: &[f32]| {
            let _ = writeln!(text, "static const float {name}_{what}[{}] = {{", numbers.len());
            lines(text, numbers, number);
            *text += "};\n";
        };
        let mut text = String::from("/*\n");
        for line in self.notes() {
            let _ = writeln!(text, "{}", format!(" * {line}").trim_end());
        }
        let _ = writeln!(text, " */\n#ifndef {upper}_H\n#define {upper}_H\n");
        let _ = writeln!(text, "#define {upper}_LEN {}\n", self.weights.len());
        let _ = writeln!(text, "static const float {name}[{upper}_LEN] = {{");
        lines(&mut text, self.weights, number);
        text += "};\n";
        if let Some(Scaling { white, mean, std }) = self.scaling {
            let _ = writeln!(text, "\n/* {SCALING} */\nstatic const float {name}_white = {};", number(*white));
            for (what, numbers) in [("mean", mean), ("std", std)] {
                array(&mut text, what, numbers);
            }
        }
        if let Some(TargetScaling { mean, std }) = self.targets {
            let _ = writeln!(text, "\n/* {TARGETS} */");
            array(&mut text, "target_mean", mean);
            array(&mut text, "target_std", std);
        }
        let _ = writeln!(text, "\n#endif /* {upper}_H */");
        text
    }

    /// What stands at the head of a file.
    fn notes(&self) -> Vec<String> {
        let plan = self.plan;
        let mut notes = vec![
            format!("Written by flatgrad {}: trained weights in the order of the arena.", env!("CARGO_PKG_VERSION")),
            format!("weights sha256 {}", self.sha256),
            format!("raw sha256 {}, of the array's bytes", raw_sha256(self.weights)),
            String::new(),
            format!("input {:?}; tensors and the places of their first elements:", plan.input()),
        ];
        notes.extend(plan.tensors().map(|t| format!("{:>9}  {} {:?}", t.offset, t.name, t.shape())));
        notes.extend(dropout_notes(plan));
        notes
    }
}

/// What dropout does at test time, layer by layer: nothing is said of the inverted form, which does nothing. Weights
/// without their network are used rightly only by those who know this.
///
/// ```
/// use flatgrad::model::{LayerStore, Network, dropout_notes};
/// use flatgrad_core::net::{Config, Optimizer, Plan};
/// let layers = "[{ kind = \"dropout\", keep = 0.75, form = \"scale_weights\" }, { kind = \"dense\", outputs = 2 }]";
/// let (store, text) = (LayerStore::default(), format!("input = [4, 1, 1]\nlayers = {layers}"));
/// let net = Network::parse("net.toml", &text)?.net(&store)?;
/// let plan = Plan::try_new(&net, Config::new(1, Optimizer::sgd(1.0))).unwrap();
/// assert_eq!(dropout_notes(&plan), ["layer 0 (dropout, scale_weights) multiplies by 0.75 at test time"]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
pub fn dropout_notes(plan: &Plan) -> Vec<String> {
    let note = |(i, layer): (usize, LayerInfo)| {
        let Kind::Dropout { p, form } = layer.kind else { return None };
        let factor = Dropout::drop(p).ok()?.form(Form::ScaleActivations).infer_scale();
        let form = match form {
            Form::Inverted => return None,
            Form::ScaleActivations => "scale_activations",
            Form::ScaleWeights => "scale_weights",
        };
        Some(format!("layer {i} (dropout, {form}) multiplies by {factor} at test time"))
    };
    plan.layers().enumerate().filter_map(note).collect()
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
