//! A convolution as a set of correlations.

use super::axis::Axis;
use super::plan::{PATCH, Plan};
use crate::Fused;
use crate::conv::shape::Conv2d;
use crate::conv::ways::{Uses, Ways};

/// Which way the data flow.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::conv) enum Direction {
    /// From `x` to `y`.
    Forward,
    /// From `dy` to `dx`.
    Backward,
}

/// A convolution seen as a set of correlations ("phases") that read and write the same tensors.
///
/// Forward there is one phase; backward one for each remainder of the position by the stride.
#[derive(Clone, Copy)]
pub(in crate::conv) struct Correlation {
    pub conv: Conv2d,
    pub direction: Direction,
    /// Channels read and written, of one group.
    pub reads: usize,
    pub writes: usize,
    /// Planes read and written.
    pub from: [usize; 2],
    pub to: [usize; 2],
}

/// What a correlation reads.
#[derive(Clone, Copy)]
pub(in crate::conv) struct Source<'a> {
    /// The tensor: `x` forward, `dy` backward.
    pub from: &'a [f32],
    pub weight: &'a [f32],
    pub bias: Option<&'a [f32]>,
    /// Applied to what is written.
    pub activation: Fused,
}

/// One phase: its axes, and the strips it is cut into.
pub(in crate::conv) struct Phase {
    pub row: Axis,
    pub col: Axis,
    pub plan: Plan,
}

impl Phase {
    /// Taps of the phase.
    pub const fn taps(&self) -> usize {
        self.row.taps * self.col.taps
    }
}

impl Correlation {
    pub const fn new<U: Uses>(conv: &Conv2d, direction: Direction) -> Self {
        let conv = conv.flat::<U>();
        let ([mut reads, mut writes], [mut from, mut to]) =
            (conv.group_channels::<U>(), [[conv.h, conv.w], conv.outs::<U>()]);
        if matches!(direction, Direction::Backward) {
            (reads, writes, from, to) = (writes, reads, to, from);
        }
        Self { conv, direction, reads, writes, from, to }
    }

    /// Independent convolutions.
    pub const fn groups<U: Uses>(&self) -> usize {
        if U::WAYS.has(Ways::STRIDED) { self.conv.groups } else { 1 }
    }

    /// Phases down and across; those beyond the image would have no outputs.
    pub const fn phases<U: Uses>(&self) -> [usize; 2] {
        let [mut down, mut across] = match self.direction {
            Direction::Backward if U::WAYS.has(Ways::STRIDED) => self.conv.stride,
            _ => return [1, 1],
        };
        down = if down < self.to[0] { down } else { self.to[0] };
        across = if across < self.to[1] { across } else { self.to[1] };
        [down, across]
    }

    /// All phases.
    pub fn each_phase<U: Uses>(&self) -> impl Iterator<Item = Phase> {
        let [down, across] = self.phases::<U>();
        (0..down).flat_map(move |i| (0..across).map(move |j| self.phase::<U>(i, j)))
    }

    const fn axis<U: Uses>(&self, i: usize, phase: usize) -> Axis {
        let geometry = [self.conv.stride[i], self.conv.padding[i], self.conv.dilation[i]];
        match self.direction {
            Direction::Forward => Axis::forward(self.from[i], self.conv.kernel[i], geometry, self.to[i]),
            Direction::Backward => Axis::backward::<U>(self.to[i], self.conv.kernel[i], geometry, self.from[i], phase),
        }
    }

    pub const fn phase<U: Uses>(&self, down: usize, across: usize) -> Phase {
        self.phase_within::<U>(PATCH, down, across)
    }

    /// The phase in strips whose input fits in `patch` floats.
    pub const fn phase_within<U: Uses>(&self, patch: usize, down: usize, across: usize) -> Phase {
        let (row, col) = (self.axis::<U>(0, down), self.axis::<U>(1, across));
        Phase { plan: Plan::new::<U>(self.reads, &row, &col, usize::MAX, patch), row, col }
    }
}
