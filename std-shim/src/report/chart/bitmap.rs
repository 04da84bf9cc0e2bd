//! Pixels: smooth lines, and letters that need no font file.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, RasterizedChar, get_raster, get_raster_width};

use super::dash::strokes;
use super::style::Ink;
use super::surface::{Anchor, Letters, Point, Stroke, Surface};

/// Pixels of a unit: the letters are made for it.
const SCALE: f64 = 2.0;
const HEIGHT: RasterHeight = RasterHeight::Size32;

/// A picture of pixels. A shape is first covered, from 0 to 255 in each pixel, and then inked at once: where strokes of
/// a line meet, nothing is inked twice.
pub(in crate::report) struct Bitmap {
    pixels: Vec<[u8; 3]>,
    cover: Vec<u8>,
    width: i64,
    height: i64,
    /// The part of `cover` that is not 0: left, top, right, bottom, the last two exclusive.
    touched: [i64; 4],
}

const UNTOUCHED: [i64; 4] = [i64::MAX, i64::MAX, 0, 0];

impl Bitmap {
    /// Paper of so many units.
    pub(in crate::report) fn new((width, height): (u32, u32)) -> Self {
        let (width, height) = (i64::from(width) * SCALE as i64, i64::from(height) * SCALE as i64);
        let len = (width * height) as usize;
        Self { pixels: vec![Ink::Paper.rgb(); len], cover: vec![0; len], width, height, touched: UNTOUCHED }
    }

    /// The PNG file, if the encoder makes one.
    pub(in crate::report) fn to_png(&self) -> image::ImageResult<Vec<u8>> {
        let mut file = Vec::new();
        let encoder = PngEncoder::new_with_quality(&mut file, CompressionType::Default, FilterType::NoFilter);
        let (width, height) = (self.width as u32, self.height as u32);
        encoder.write_image(self.pixels.as_flattened(), width, height, ExtendedColorType::Rgb8)?;
        Ok(file)
    }

    /// Covers the pixels of a rectangle as `share` says for their middles.
    fn cover(&mut self, [left, top, right, bottom]: [f64; 4], share: impl Fn(f64, f64) -> f64) {
        let within = |value: f64, limit: i64| (value as i64).clamp(0, limit);
        let (left, right) = (within(left.floor() - 1.0, self.width), within(right.ceil() + 1.0, self.width));
        let (top, bottom) = (within(top.floor() - 1.0, self.height), within(bottom.ceil() + 1.0, self.height));
        for y in top..bottom {
            let row = (y * self.width) as usize;
            let Some(row) = self.cover.get_mut(row + left as usize..row + right.max(left) as usize) else { continue };
            for (x, cover) in (left..right).zip(row) {
                let share = share(x as f64 + 0.5, y as f64 + 0.5).clamp(0.0, 1.0);
                *cover = (*cover).max((255.0 * share).round() as u8);
            }
        }
        let [l, t, r, b] = self.touched;
        self.touched = [l.min(left), t.min(top), r.max(right), b.max(bottom)];
    }

    /// Covers one pixel.
    fn dab(&mut self, x: i64, y: i64, share: u8) {
        if (0..self.width).contains(&x) && (0..self.height).contains(&y) {
            if let Some(cover) = self.cover.get_mut((y * self.width + x) as usize) {
                *cover = (*cover).max(share);
            }
            let [l, t, r, b] = self.touched;
            self.touched = [l.min(x), t.min(y), r.max(x + 1), b.max(y + 1)];
        }
    }

    /// Inks what is covered, and covers nothing any more.
    fn ink(&mut self, ink: Ink, opacity: f64) {
        let [left, top, right, bottom] = std::mem::replace(&mut self.touched, UNTOUCHED);
        for y in top..bottom {
            let row = (y * self.width) as usize;
            let range = row + left as usize..row + right.max(left) as usize;
            let (Some(cover), Some(pixels)) = (self.cover.get_mut(range.clone()), self.pixels.get_mut(range)) else {
                continue;
            };
            for (cover, pixel) in cover.iter_mut().zip(pixels) {
                let alpha = opacity * f64::from(std::mem::take(cover)) / 255.0;
                for (value, ink) in pixel.iter_mut().zip(ink.rgb()) {
                    *value = (f64::from(*value) * (1.0 - alpha) + f64::from(ink) * alpha).round() as u8;
                }
            }
        }
    }

    /// All within `radius` of a line.
    fn capsule(&mut self, (x0, y0): Point, (x1, y1): Point, radius: f64) {
        let (dx, dy) = (x1 - x0, y1 - y0);
        let length = (dx * dx + dy * dy).max(1e-9);
        let bounds = [x0.min(x1) - radius, y0.min(y1) - radius, x0.max(x1) + radius, y0.max(y1) + radius];
        self.cover(bounds, |x, y| {
            let part = (((x - x0) * dx + (y - y0) * dy) / length).clamp(0.0, 1.0);
            radius + 0.5 - (x - x0 - part * dx).hypot(y - y0 - part * dy)
        });
    }
}

fn scaled((x, y): Point) -> Point {
    (x * SCALE, y * SCALE)
}

impl Surface for Bitmap {
    fn line(&mut self, points: &[Point], stroke: Stroke) {
        for piece in strokes(points, stroke.dash) {
            for ends in piece.windows(2) {
                self.capsule(scaled(ends[0]), scaled(ends[1]), stroke.width * SCALE / 2.0);
            }
        }
        self.ink(stroke.ink, stroke.opacity);
    }

    fn polygon(&mut self, corners: &[Point], ink: Ink, opacity: f64) {
        let corners: Vec<Point> = corners.iter().copied().map(scaled).collect();
        let next = corners.iter().cycle().skip(1);
        let twice: f64 = corners.iter().zip(next.clone()).map(|((x0, y0), (x1, y1))| x0 * y1 - x1 * y0).sum();
        // Each edge as the distance from it, inwards.
        let edges: Vec<[f64; 3]> = corners
            .iter()
            .zip(next)
            .map(|((x0, y0), (x1, y1))| {
                let length = (x1 - x0).hypot(y1 - y0).max(1e-9) * if twice < 0.0 { -1.0 } else { 1.0 };
                let (nx, ny) = ((y0 - y1) / length, (x1 - x0) / length);
                [nx, ny, -(nx * x0 + ny * y0)]
            })
            .collect();
        let end = |axis: fn(&Point) -> f64, pick: fn(f64, f64) -> f64| corners.iter().map(axis).reduce(pick);
        let (Some(left), Some(right)) = (end(|p| p.0, f64::min), end(|p| p.0, f64::max)) else { return };
        let (Some(top), Some(bottom)) = (end(|p| p.1, f64::min), end(|p| p.1, f64::max)) else { return };
        self.cover([left, top, right, bottom], |x, y| {
            edges.iter().map(|[nx, ny, d]| nx * x + ny * y + d + 0.5).fold(1.0, f64::min)
        });
        self.ink(ink, opacity);
    }

    fn band(&mut self, edges: &[(f64, f64, f64)], ink: Ink, opacity: f64) {
        for ends in edges.windows(2) {
            let [(x0, a0, b0), (x1, a1, b1)] = [ends[0], ends[1]].map(|(x, a, b)| (x * SCALE, a * SCALE, b * SCALE));
            let (top, bottom) = (a0.min(a1).min(b0).min(b1), a0.max(a1).max(b0).max(b1));
            self.cover([x0, top, x1, bottom], |x, y| {
                let part = ((x - x0) / (x1 - x0).max(1e-9)).clamp(0.0, 1.0);
                let (upper, lower) = (a0 + part * (a1 - a0), b0 + part * (b1 - b0));
                // Whole where the next piece begins: no seam is to be seen.
                let across = (x - x0 + 1.0).min(x1 - x + 1.0).min(1.0);
                across.min((y - upper + 0.5).min(lower - y + 0.5).min(1.0))
            });
        }
        self.ink(ink, opacity);
    }

    fn disc(&mut self, center: Point, radius: f64, ink: Ink) {
        self.capsule(scaled(center), scaled(center), radius * SCALE);
        self.ink(ink, 1.0);
    }

    fn text(&mut self, at: Point, text: &str, letters: Letters) {
        let weight = if letters.bold { FontWeight::Bold } else { FontWeight::Regular };
        let advance = get_raster_width(FontWeight::Regular, HEIGHT) as i64;
        let width = text.chars().count() as i64 * advance;
        let start = match letters.anchor {
            Anchor::Start => 0,
            Anchor::Middle => -width / 2,
            Anchor::End => -width,
        };
        let (x0, y0) = scaled(at);
        let (x0, y0) = (x0.round() as i64, y0.round() as i64);
        let top = -(HEIGHT.val() as i64) / 2;
        for (letter, number) in text.chars().zip(0..) {
            for (row, y) in raster(letter, weight).iter().flat_map(RasterizedChar::rows).zip(top..) {
                for (&share, x) in row.iter().zip(start + number * advance..).filter(|&(&share, _)| share > 0) {
                    let (x, y) = if letters.turned { (x0 + y, y0 - x) } else { (x0 + x, y0 + y) };
                    self.dab(x, y, share);
                }
            }
        }
        self.ink(Ink::Text, 1.0);
    }
}

/// The letter, or a question mark where there is none.
fn raster(letter: char, weight: FontWeight) -> Option<RasterizedChar> {
    get_raster(letter, weight, HEIGHT).or_else(|| get_raster('?', weight, HEIGHT))
}
