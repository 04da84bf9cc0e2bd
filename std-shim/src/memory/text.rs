//! The memory map for terminals.

use std::fmt::Write;

use super::{Content, LayerMemory, MemoryMap, Usage};
use crate::report::{aligned, grouped};

const ROWS: usize = 16;
const COLUMNS: usize = 64;

/// The layers as a table, with a heading and the sums.
pub fn memory_table(map: &MemoryMap) -> String {
    let heading =
        ["", "layer", "output", "weights", "gradients", "optimizer", "outputs", "their gradients", "scratch", "at"];
    let bytes = |number: usize| grouped(number as u64);
    let row = |(i, layer): (usize, &LayerMemory)| {
        let output = layer.output.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ");
        [
            i.to_string(),
            format!("{}{}", layer.layer, if layer.frozen && layer.parameters > 0 { " (frozen)" } else { "" }),
            output,
            bytes(layer.weights),
            bytes(layer.gradients),
            bytes(layer.optimizer_state),
            if layer.in_place { "in place".to_string() } else { bytes(layer.activations) },
            bytes(layer.activation_gradients),
            bytes(layer.scratch),
            layer.offset.map_or(String::new(), bytes),
        ]
    };
    let Usage { weights, gradients, optimizer_state, .. } = map.training;
    let mut total = [const { String::new() }; 10];
    total[1] = "total".to_string();
    (total[3], total[4], total[5]) = (bytes(weights), bytes(gradients), bytes(optimizer_state));
    let body = map.layers.iter().enumerate().map(row);
    let lines: Vec<[String; 10]> = [heading.map(String::from)].into_iter().chain(body).chain([total]).collect();
    aligned(&lines, 1)
}

/// A picture of `usage` in characters: steps from left to right, addresses from bottom to top, the peak marked.
pub fn memory_text(usage: &Usage) -> String {
    let columns = usage.steps.min(COLUMNS);
    // A few steps are drawn wide.
    let wide = (COLUMNS / columns.max(1)).clamp(1, 4);
    let mut text = String::new();
    for row in (0..ROWS).rev() {
        // Through wider numbers: these bytes may be as many as there are addresses.
        let at = |row: usize| (usage.bytes as u128 * row as u128 / ROWS as u128) as usize;
        let (low, high) = (at(row), at(row + 1));
        let _ = write!(text, "  {:>13} |", grouped(low as u64));
        for column in 0..columns {
            let steps = usage.steps * column / columns..usage.steps * (column + 1) / columns;
            text.extend(std::iter::repeat_n(cell(usage, low..high, steps), wide));
        }
        text.push('\n');
    }
    let peak = usage.peak_step * columns / usage.steps.max(1);
    let _ = writeln!(text, "  {:>13} +{}", "bytes", "-".repeat(wide * columns));
    let _ = writeln!(text, "  {:>13}  {}^ peak", "", " ".repeat(wide * peak));
    text
}

/// The letter of what takes most of a cell, `.` where that is nothing.
fn cell(usage: &Usage, bytes: std::ops::Range<usize>, steps: std::ops::Range<usize>) -> char {
    let area = |from: usize, to: usize, low: usize, high: usize| to.min(high).saturating_sub(from.max(low)) as u128;
    let mut shares = [0; CONTENTS.len()];
    for block in &usage.blocks {
        let height = area(block.offset, block.offset + block.bytes, bytes.start, bytes.end);
        let width = area(block.first_step, block.last_step + 1, steps.start, steps.end);
        let which = CONTENTS.iter().position(|(content, _)| *content == block.content).unwrap_or(0);
        shares[which] += height * width;
    }
    let all = area(bytes.start, bytes.end, 0, usize::MAX) * area(steps.start, steps.end, 0, usize::MAX);
    let free = all.saturating_sub(shares.iter().sum());
    let most = CONTENTS.iter().zip(shares).map(|((_, letter), share)| (share, *letter));
    most.fold((free, '.'), |best, next| if next.0 > best.0 { next } else { best }).1
}

const CONTENTS: [(Content, char); 7] = [
    (Content::Weights, 'W'),
    (Content::WeightGradients, 'G'),
    (Content::OptimizerState, 'S'),
    (Content::Output, 'o'),
    (Content::Gradient, 'g'),
    (Content::Statistics, 'n'),
    (Content::Scratch, 's'),
];
