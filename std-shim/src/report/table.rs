//! The network as a table.

use std::fmt::Write;

use flatgrad_core::net::{Kind, LayerInfo, Plan};

/// One row of the table: a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerRow {
    /// The layer, such as `conv2d 3x3, 16`.
    pub layer: String,
    /// The shape of its output for one sample.
    pub output: Vec<usize>,
    /// The number of trained parameters.
    pub parameters: usize,
    /// Bytes of its parameters and of its output for one batch.
    pub bytes: usize,
}

/// The rows, aligned, with a heading and the sums of parameters and bytes.
///
/// ```
/// use flatgrad::model::{Architecture, LayerStore, Network};
/// use flatgrad::report::{layer_rows, layer_table};
/// use flatgrad_core::net::{Config, Optimizer, Plan};
/// let store = LayerStore::default();
/// let net = Network::new(Architecture::Mlp, [1, 28, 28], 10).net(&store)?;
/// let plan = Plan::try_new(&net, Config::new(128, Optimizer::sgd(0.1)))?;
/// let table = layer_table(&layer_rows(&plan));
/// assert!(table.contains("628,000"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn layer_table(rows: &[LayerRow]) -> String {
    let heading = ["layer", "output", "parameters", "bytes"].map(String::from);
    let body = rows.iter().map(|row| {
        let output = row.output.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ");
        [row.layer.clone(), output, grouped(row.parameters as u64), grouped(row.bytes as u64)]
    });
    let parameters: usize = rows.iter().map(|row| row.parameters).sum();
    let bytes: usize = rows.iter().map(|row| row.bytes).sum();
    let total = ["total".to_string(), String::new(), grouped(parameters as u64), grouped(bytes as u64)];

    let lines: Vec<[String; 4]> = std::iter::once(heading).chain(body).chain(std::iter::once(total)).collect();
    aligned(&lines, 0)
}

/// Numbers to the right, the column `left` to the left; rules below the heading and above the sums.
pub(crate) fn aligned<const N: usize>(lines: &[[String; N]], left: usize) -> String {
    let widths: [usize; N] = std::array::from_fn(|c| lines.iter().map(|line| line[c].len()).max().unwrap_or(0));
    let rule = "-".repeat(widths.iter().sum::<usize>() + 2 * (N - 1));
    let mut table = String::new();
    for (i, line) in lines.iter().enumerate() {
        if i == 1 || i + 1 == lines.len() {
            let _ = writeln!(table, "  {rule}");
        }
        for (c, (cell, &width)) in line.iter().zip(&widths).enumerate() {
            let _ = if c == left { write!(table, "  {cell:width$}") } else { write!(table, "  {cell:>width$}") };
        }
        table.truncate(table.trim_end().len());
        table.push('\n');
    }
    table
}

/// One row per layer, with the bytes that it takes for the batches of the plan.
pub fn layer_rows(plan: &Plan) -> Vec<LayerRow> {
    let batch = plan.config().batch;
    let row = |layer: LayerInfo| {
        let LayerInfo { output, parameters, .. } = layer;
        let own = if layer.in_place { 0 } else { batch * output.iter().product::<usize>() };
        let flat = output[1..] == [1, 1]
            && !matches!(layer.kind, Kind::Conv2d { .. } | Kind::MaxPool2d { .. } | Kind::AvgPool2d { .. });
        LayerRow {
            layer: description(&layer.kind),
            output: if flat { output[..1].to_vec() } else { output.to_vec() },
            parameters,
            bytes: 4 * (parameters + own),
        }
    };
    plan.layers().map(row).collect()
}

fn description(kind: &Kind) -> String {
    let name = kind.name();
    if let Kind::Conv2d { kernel: [h, w], .. }
    | Kind::MaxPool2d { kernel: [h, w], .. }
    | Kind::AvgPool2d { kernel: [h, w], .. } = kind
    {
        return format!("{name} {h}x{w}");
    }
    if let Kind::Dropout { p, .. } = kind { format!("{name} {p}") } else { name.to_string() }
}

/// A number with commas.
///
/// ```
/// assert_eq!(flatgrad::report::grouped(1437), "1,437");
/// ```
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_stand_every_three_digits() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (12345, "12,345"), (1234567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn columns_line_up_and_sums_are_right() {
        let row = |layer: &str, parameters, bytes| LayerRow {
            layer: layer.into(),
            output: vec![16, 8, 8],
            parameters,
            bytes,
        };
        let table = layer_table(&[row("conv2d", 1600, 64_000), row("relu", 0, 1_000_000)]);
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines.iter().all(|line| line.len() == lines[0].len()), "{table}");
        assert!(lines[2].contains("16 x 8 x 8"), "{table}");
        assert!(lines[5].ends_with("1,600  1,064,000"), "{table}");
    }
}
