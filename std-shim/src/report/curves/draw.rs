//! The drawing, the same for every format.

use super::panels::{HEADING_HEIGHT, Part, Picture, TITLE_HEIGHT, WIDTH};
use crate::report::chart::{Anchor, Letters, Panel, Surface, TITLE, shortened};

/// Left of the panels, for the numbers of their axes.
const LEFT: f64 = 72.0;
const RIGHT: f64 = 38.0;
/// A longer title is cut.
const TITLE_LETTERS: usize = 90;

/// Draws the picture, one part below the other.
pub(super) fn draw(title: &str, picture: &Picture, surface: &mut impl Surface) {
    surface.text((LEFT, TITLE_HEIGHT * 0.6), &shortened(title, TITLE_LETTERS), TITLE);
    let mut top = TITLE_HEIGHT;
    for (i, part) in picture.parts.iter().enumerate() {
        heading(part, top + HEADING_HEIGHT * 0.6, surface);
        top += HEADING_HEIGHT;
        let width = f64::from(WIDTH) - LEFT - RIGHT;
        let panel = Panel { left: LEFT, top, width, height: part.height, x: &picture.steps, y: &part.axis };
        panel.axes(surface, (i + 1 == picture.parts.len()).then_some("step"));
        part.curves.iter().for_each(|curve| panel.curve(surface, curve, 0));
        top += part.height;
    }
}

/// The part's name on the left, its legend on the right.
fn heading(part: &Part, middle: f64, surface: &mut impl Surface) {
    surface.text((LEFT, middle), part.heading, Letters::new(Anchor::Start).bold());
    let mut x = f64::from(WIDTH) - RIGHT / 2.0;
    for curve in part.curves.iter().rev().filter(|curve| !curve.name.is_empty()) {
        x -= curve.entry_room();
        curve.entry(surface, x, middle);
    }
}
