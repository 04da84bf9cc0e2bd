//! SVG, with colours that a page may exchange.

use std::fmt::Write;

use super::style::{Ink, hex};
use super::surface::{Anchor, Letters, Point, Stroke, Surface};

const FONT: &str = "system-ui,-apple-system,Segoe UI,Helvetica,Arial,sans-serif";

/// The text of an SVG picture. Colours are attributes, for programs that know no CSS, and classes, whose custom
/// properties a page may set.
pub(in crate::report) struct Svg {
    text: String,
}

impl Svg {
    /// An empty picture on paper; `title` is what a screen reader says.
    pub(in crate::report) fn new(title: &str, (width, height): (u32, u32)) -> Self {
        let title = escaped(title);
        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{title}\" font-family=\"{FONT}\" \
             font-size=\"13\"><title>{title}</title><style>"
        );
        for ink in Ink::all() {
            let (name, color) = (ink.name(), hex(ink.rgb()));
            let _ = write!(text, ".chart-f-{name}{{fill:var(--chart-{name},{color})}}");
            let _ = write!(text, ".chart-s-{name}{{stroke:var(--chart-{name},{color})}}");
        }
        text += "</style>\n";
        let mut svg = Self { text };
        svg.block((0.0, 0.0), (f64::from(width), f64::from(height)), Ink::Paper, 1.0);
        svg
    }

    pub(in crate::report) fn finish(self) -> String {
        self.text + "</svg>\n"
    }

    fn filled(&mut self, path: &str, ink: Ink, opacity: f64) {
        let (name, color) = (ink.name(), hex(ink.rgb()));
        let opacity = if opacity < 1.0 { format!(" fill-opacity=\"{opacity}\"") } else { String::new() };
        let _ = writeln!(self.text, "<path class=\"chart-f-{name}\" fill=\"{color}\"{opacity} d=\"{path}\"/>");
    }
}

impl Surface for Svg {
    fn line(&mut self, points: &[Point], stroke: Stroke) {
        let (name, color, width) = (stroke.ink.name(), hex(stroke.ink.rgb()), number(stroke.width));
        let mut more = String::new();
        if !stroke.dash.is_empty() {
            let dash: Vec<String> = stroke.dash.iter().map(|&length| number(length)).collect();
            let _ = write!(more, " stroke-dasharray=\"{}\"", dash.join(" "));
        }
        if stroke.opacity < 1.0 {
            let _ = write!(more, " stroke-opacity=\"{}\"", stroke.opacity);
        }
        let _ = writeln!(
            self.text,
            "<path class=\"chart-s-{name}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"{width}\" \
             stroke-linejoin=\"round\" stroke-linecap=\"round\"{more} d=\"{}\"/>",
            path(points.iter().copied())
        );
    }

    fn polygon(&mut self, corners: &[Point], ink: Ink, opacity: f64) {
        let path = path(corners.iter().copied()) + "Z";
        self.filled(&path, ink, opacity);
    }

    fn band(&mut self, edges: &[(f64, f64, f64)], ink: Ink, opacity: f64) {
        let (upper, lower) = (edges.iter().map(|e| (e.0, e.1)), edges.iter().rev().map(|e| (e.0, e.2)));
        self.filled(&(path(upper.chain(lower)) + "Z"), ink, opacity);
    }

    fn disc(&mut self, (x, y): Point, radius: f64, ink: Ink) {
        let (name, color, r) = (ink.name(), hex(ink.rgb()), number(radius));
        let (x, y) = (number(x), number(y));
        let _ =
            writeln!(self.text, "<circle class=\"chart-f-{name}\" fill=\"{color}\" cx=\"{x}\" cy=\"{y}\" r=\"{r}\"/>");
    }

    fn text(&mut self, (x, y): Point, text: &str, letters: Letters) {
        let anchor = match letters.anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let (name, color) = (Ink::Text.name(), hex(Ink::Text.rgb()));
        let weight = if letters.bold { " font-weight=\"600\"" } else { "" };
        let (x, y) = (number(x), number(y));
        let turned = if letters.turned { format!(" transform=\"rotate(-90 {x} {y})\"") } else { String::new() };
        let _ = writeln!(
            self.text,
            "<text class=\"chart-f-{name}\" fill=\"{color}\" x=\"{x}\" y=\"{y}\" dy=\".35em\" \
             text-anchor=\"{anchor}\"{weight}{turned}>{}</text>",
            escaped(text)
        );
    }
}

fn path(points: impl Iterator<Item = Point>) -> String {
    let mut path = String::new();
    for (i, (x, y)) in points.enumerate() {
        let _ = write!(path, "{}{} {}", if i == 0 { "M" } else { "L" }, number(x), number(y));
    }
    path
}

/// A tenth of a unit is finer than the eye.
fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").unwrap_or(&text).to_string()
}

/// What XML lets stand: markup as entities, and no control characters.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\u{fffe}' | '\u{ffff}' => out.push('?'),
            letter if letter.is_control() => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}
