//! The memory map as a picture.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{Block, Content, MemoryMap, Usage};
use crate::report::grouped;

const SIZE: (u32, u32) = (1200, 1000);
const FONT: &str = "sans-serif";
/// Characters of a sans-serif font are about this wide, in units of its size.
const CHARACTER: f64 = 0.56;

const RED_LINE: RGBColor = RGBColor(200, 30, 30);

/// The map as an SVG picture: above training, below inference; steps from left to right, addresses from bottom to top,
/// a rectangle for everything that lives there, from its first step to its last; the peak is marked.
///
/// `None` if the drawing fails.
pub fn memory_svg(title: &str, map: &MemoryMap) -> Option<String> {
    let mut svg = String::new();
    draw_all(title, map, &mut svg)?;
    Some(svg)
}

fn draw_all(title: &str, map: &MemoryMap, svg: &mut String) -> Option<()> {
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE).ok()?;
    let (legend, panels) = area.split_vertically(40);
    draw_legend(&legend)?;
    let (above, below) = panels.split_vertically(560);
    for (panel, phase, usage) in [(above, "training", &map.training), (below, "inference", &map.inference)] {
        let (bytes, peak) = (grouped(usage.bytes as u64), layer_name(usage.peak_layer, map));
        let caption = format!("{title}: {phase}, {bytes} bytes, the peak at {peak}");
        draw(&panel, &caption, usage, map)?;
    }
    area.present().ok()
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

fn draw_legend(area: &Area) -> Option<()> {
    for (i, content) in [
        Content::Weights,
        Content::WeightGradients,
        Content::OptimizerState,
        Content::Output,
        Content::Gradient,
        Content::Statistics,
        Content::Scratch,
    ]
    .into_iter()
    .enumerate()
    {
        let x = 75 + 145 * i as i32;
        area.draw(&Rectangle::new([(x, 14), (x + 14, 28)], color(content).filled())).ok()?;
        area.draw(&Text::new(name(content), (x + 20, 14), (FONT, 14))).ok()?;
    }
    let x = 75 + 145 * 7;
    area.draw(&PathElement::new([(x, 12), (x, 30)], RED_LINE.stroke_width(2))).ok()?;
    area.draw(&Text::new("peak", (x + 8, 14), (FONT, 14))).ok()
}

fn draw(area: &Area, caption: &str, usage: &Usage, map: &MemoryMap) -> Option<()> {
    let (steps, bytes) = (usage.steps as f64, usage.bytes.max(1) as f64);
    let mut chart = ChartBuilder::on(area)
        .caption(caption, (FONT, 20))
        .margin(10)
        .margin_right(25)
        .x_label_area_size(42)
        .y_label_area_size(85)
        .build_cartesian_2d(0.0..steps, 0.0..bytes * 1.02)
        .ok()?;
    let layers = map.layers.len();
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .label_style((FONT, 13))
        .axis_desc_style((FONT, 14))
        .x_desc("step: the layers forward, the end, and in training the layers backward")
        .x_labels(usage.steps.min(20))
        .x_label_formatter(&|x| step_name(*x as usize, layers, usage.steps))
        .y_labels(8)
        .y_label_formatter(&|y| grouped(*y as u64))
        .draw()
        .ok()?;
    let (width, height) = chart.plotting_area().dim_in_pixel();
    let scale = (f64::from(width) / steps, f64::from(height) / (bytes * 1.02));
    for block in &usage.blocks {
        let corners = [
            (block.first_step as f64, block.offset as f64),
            ((block.last_step + 1) as f64, (block.offset + block.bytes) as f64),
        ];
        chart.draw_series([Rectangle::new(corners, color(block.content).filled())]).ok()?;
        chart.draw_series([Rectangle::new(corners, WHITE.stroke_width(1))]).ok()?;
        if let Some((text, size)) = label(block, map, scale) {
            let middle = ((corners[0].0 + corners[1].0) / 2.0, (corners[0].1 + corners[1].1) / 2.0);
            let style = (FONT, size).into_text_style(area).pos(Pos::new(HPos::Center, VPos::Center));
            chart.draw_series([Text::new(text, middle, style)]).ok()?;
        }
    }
    let x = usage.peak_step as f64 + 0.5;
    chart.draw_series([PathElement::new([(x, 0.0), (x, bytes * 1.02)], RED_LINE.stroke_width(2))]).ok()?;
    Some(())
}

/// What fits into the block's rectangle, of `scale` pixels for a step and for a byte, and the size of its letters.
fn label(block: &Block, map: &MemoryMap, scale: (f64, f64)) -> Option<(String, f64)> {
    let (width, height) = ((block.last_step + 1 - block.first_step) as f64 * scale.0, block.bytes as f64 * scale.1);
    let bytes = grouped(block.bytes as u64);
    let full = match block.layer {
        Some(layer) => format!("{} of {}, {bytes}", name(block.content), layer_name(layer, map)),
        None => format!("{}, {bytes}", name(block.content)),
    };
    let short = block.layer.map(|layer| format!("{} of {layer}", name(block.content)));
    let least = block.layer.map(|layer| layer.to_string());
    let size_of = |text: &str| (width / (CHARACTER * (text.len() + 1) as f64)).min(height * 0.9).min(14.0);
    [Some(full), short, least]
        .into_iter()
        .flatten()
        .map(|text| (size_of(&text), text))
        .find(|(size, _)| *size >= 8.0)
        .map(|(size, t)| (t, size))
}

fn layer_name(layer: usize, map: &MemoryMap) -> String {
    format!("{layer} {}", map.layers.get(layer).map_or("", |row| &row.layer))
}

fn step_name(step: usize, layers: usize, steps: usize) -> String {
    match step {
        step if step >= steps => String::new(),
        step if step < layers => format!("{step}"),
        step if step == layers => "end".to_string(),
        step => format!("{} back", (2 * layers).saturating_sub(step)),
    }
}

fn name(content: Content) -> &'static str {
    match content {
        Content::Weights => "weights",
        Content::WeightGradients => "weight gradients",
        Content::OptimizerState => "optimizer state",
        Content::Output => "output",
        Content::Gradient => "gradient",
        Content::Statistics => "statistics",
        Content::Scratch => "scratch",
    }
}

fn color(content: Content) -> RGBColor {
    match content {
        Content::Weights => RGBColor(140, 170, 220),
        Content::WeightGradients => RGBColor(240, 190, 130),
        Content::OptimizerState => RGBColor(190, 190, 190),
        Content::Output => RGBColor(130, 200, 160),
        Content::Gradient => RGBColor(235, 150, 140),
        Content::Statistics => RGBColor(200, 170, 220),
        Content::Scratch => RGBColor(225, 215, 140),
    }
}
