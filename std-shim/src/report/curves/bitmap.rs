//! Pixels: smooth lines, and letters that need no font file.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, RasterizedChar, get_raster, get_raster_width};
use plotters::prelude::BitMapBackend;
use plotters_backend::FontStyle;
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind};

/// Pixels of a unit: the letters are made for it.
pub(super) const SCALE: u32 = 2;
const LETTERS: RasterHeight = RasterHeight::Size32;

/// Plotters' bitmap with letters of Noto Sans Mono, in one size, and with lines that are round at their joints:
/// plotters draws sharp turns as long spikes.
pub(super) struct Bitmap<'a>(BitMapBackend<'a>);

impl<'a> Bitmap<'a> {
    /// `None` if there are not three bytes for each pixel.
    pub(super) fn new(pixels: &'a mut [u8], size: (u32, u32)) -> Option<Self> {
        BitMapBackend::with_buffer_and_format(pixels, size).ok().map(Self)
    }
}

impl Bitmap<'_> {
    fn straight<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Outcome<(), Self> {
        let width = style.stroke_width() as i32;
        let low = |a: i32, b: i32| a.min(b) - width / 2;
        let high = |a: i32, b: i32| a.max(b) - width / 2 + width - 1;
        let corners = ((low(from.0, to.0), low(from.1, to.1)), (high(from.0, to.0), high(from.1, to.1)));
        self.0.draw_rect(corners.0, corners.1, &style.color(), true)
    }

    /// All within `radius` of a line, smooth at the edge.
    fn capsule(&mut self, from: BackendCoord, to: BackendCoord, radius: f64, color: BackendColor) -> Outcome<(), Self> {
        let reach = radius.ceil() as i32 + 1;
        let (dx, dy) = (f64::from(to.0 - from.0), f64::from(to.1 - from.1));
        let length = (dx * dx + dy * dy).max(1.0);
        for y in from.1.min(to.1) - reach..=from.1.max(to.1) + reach {
            for x in from.0.min(to.0) - reach..=from.0.max(to.0) + reach {
                let (px, py) = (f64::from(x - from.0), f64::from(y - from.1));
                let part = ((px * dx + py * dy) / length).clamp(0.0, 1.0);
                let (px, py) = (px - part * dx, py - part * dy);
                let cover = (radius + 0.5 - (px * px + py * py).sqrt()).clamp(0.0, 1.0);
                if cover > 0.0 {
                    self.0.draw_pixel((x, y), BackendColor { alpha: color.alpha * cover, ..color })?;
                }
            }
        }
        Ok(())
    }
}

type Outcome<T, B> = Result<T, DrawingErrorKind<<B as DrawingBackend>::ErrorType>>;

impl<'a> DrawingBackend for Bitmap<'a> {
    type ErrorType = <BitMapBackend<'a> as DrawingBackend>::ErrorType;

    fn get_size(&self) -> (u32, u32) {
        self.0.get_size()
    }
    fn ensure_prepared(&mut self) -> Outcome<(), Self> {
        self.0.ensure_prepared()
    }
    fn present(&mut self) -> Outcome<(), Self> {
        self.0.present()
    }
    fn draw_pixel(&mut self, point: BackendCoord, color: BackendColor) -> Outcome<(), Self> {
        self.0.draw_pixel(point, color)
    }
    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Outcome<(), Self> {
        self.0.draw_line(from, to, style)
    }
    fn draw_rect<S: BackendStyle>(
        &mut self,
        corner: BackendCoord,
        opposite: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Outcome<(), Self> {
        self.0.draw_rect(corner, opposite, style, fill)
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Outcome<(), Self> {
        let path: Vec<BackendCoord> = path.into_iter().collect();
        match path[..] {
            // Sharp where the pixels are: the lines of axes.
            [from, to] if from.0 == to.0 || from.1 == to.1 => self.straight(from, to, style),
            _ => path.windows(2).try_for_each(|ends| self.capsule(ends[0], ends[1], radius(style), style.color())),
        }
    }
    fn draw_circle<S: BackendStyle>(
        &mut self,
        center: BackendCoord,
        radius: u32,
        style: &S,
        _fill: bool,
    ) -> Outcome<(), Self> {
        self.capsule(center, center, f64::from(radius), style.color())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, at: BackendCoord) -> Outcome<(), Self> {
        let weight = weight(style);
        let (width, height) = extent(text);
        let left = match style.anchor().h_pos {
            HPos::Left => 0,
            HPos::Right => -width,
            HPos::Center => -width / 2,
        };
        let top = match style.anchor().v_pos {
            VPos::Top => 0,
            VPos::Center => -height / 2,
            VPos::Bottom => -height,
        };
        for (letter, number) in text.chars().zip(0..) {
            let left = left + number * advance();
            for (row, y) in raster(letter, weight).iter().flat_map(RasterizedChar::rows).zip(top..) {
                for (&ink, x) in row.iter().zip(left..).filter(|&(&ink, _)| ink > 0) {
                    let (x, y) = style.transform().transform(x, y);
                    let color = style.color();
                    let alpha = color.alpha * f64::from(ink) / 255.0;
                    self.draw_pixel((at.0 + x, at.1 + y), BackendColor { alpha, ..color })?;
                }
            }
        }
        Ok(())
    }
    fn estimate_text_size<S: BackendTextStyle>(&self, text: &str, _: &S) -> Outcome<(u32, u32), Self> {
        let (width, height) = extent(text);
        Ok((width as u32, height as u32))
    }
}

fn radius<S: BackendStyle>(style: &S) -> f64 {
    f64::from(style.stroke_width()) / 2.0
}

fn weight<S: BackendTextStyle>(style: &S) -> FontWeight {
    if matches!(style.style(), FontStyle::Bold) { FontWeight::Bold } else { FontWeight::Regular }
}

/// The letter, or a question mark where there is none.
fn raster(letter: char, weight: FontWeight) -> Option<RasterizedChar> {
    get_raster(letter, weight, LETTERS).or_else(|| get_raster('?', weight, LETTERS))
}

fn advance() -> i32 {
    get_raster_width(FontWeight::Regular, LETTERS) as i32
}

fn extent(text: &str) -> (i32, i32) {
    (text.chars().count() as i32 * advance(), LETTERS.val() as i32)
}
