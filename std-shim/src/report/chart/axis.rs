//! Axes as they are asked for.

use super::span::Span;

/// What is along a side of a chart.
///
/// ```
/// use flatgrad::report::chart::{Axis, Scale};
/// let axis = Axis::linear("test accuracy (%)").within(90.0, 100.0);
/// assert_eq!((axis.scale, axis.range), (Scale::Linear, Some((90.0, 100.0))));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// What its numbers are.
    pub label: String,
    /// How they are spread.
    pub scale: Scale,
    /// From where to where; what lies outside is drawn at the edge. `None`: as far as the data reaches.
    pub range: Option<(f64, f64)>,
}

/// How the numbers of an axis are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Equal differences are equally far apart.
    Linear,
    /// Equal ratios are equally far apart; for numbers above 0.
    Logarithmic,
    /// Whole numbers from 0 on.
    Counts,
}

impl Axis {
    /// Equal differences are equally far apart.
    pub fn linear(label: impl Into<String>) -> Self {
        Self { label: label.into(), scale: Scale::Linear, range: None }
    }

    /// Equal ratios are equally far apart.
    pub fn logarithmic(label: impl Into<String>) -> Self {
        Self { scale: Scale::Logarithmic, ..Self::linear(label) }
    }

    /// Whole numbers from 0 on, such as steps.
    pub fn counts(label: impl Into<String>) -> Self {
        Self { scale: Scale::Counts, ..Self::linear(label) }
    }

    /// From `low` to `high`.
    pub fn within(self, low: f64, high: f64) -> Self {
        Self { range: Some((low, high)), ..self }
    }

    /// The range that it shows of such data.
    pub(in crate::report) fn span(&self, values: impl Iterator<Item = f64>) -> Span {
        let usable = |y: &f64| y.is_finite() && (self.scale != Scale::Logarithmic || *y > 0.0);
        let extent = |values: &mut dyn Iterator<Item = f64>| {
            values.fold(None, |ends: Option<(f64, f64)>, y| match ends {
                Some((low, high)) => Some((low.min(y), high.max(y))),
                None => Some((y, y)),
            })
        };
        let asked = self.range.filter(|(low, high)| usable(low) && usable(high) && low < high);
        match (asked, extent(&mut values.filter(usable))) {
            (Some((low, high)), _) => Span::exactly(low, high, self.scale),
            (None, Some((low, high))) => Span::around(low, high, self.scale),
            (None, None) => Span::exactly(1.0, 10.0, self.scale),
        }
    }
}
