//! Prefetching: while one tile is computed, what later ones need is on its way from memory, one line at a step. (All at
//! once it would fill the queues to memory, and the tile would wait for it.)

use crate::scalar::ceil_div;

/// A run of steps of an inner loop, each of which fetches the lines at both ends of `length` floats, `stride` floats
/// behind those of the last step.
#[derive(Clone, Copy)]
pub(super) struct Fetch {
    pub at: *const f32,
    pub length: usize,
    pub stride: usize,
    pub steps: usize,
}

/// Data that will be needed soon, shared out over the tiles until then.
pub(super) struct Ahead {
    at: *const f32,
    per_tile: usize,
}

impl Ahead {
    /// Fetches `data`, if there is any, with the next `tiles` tiles.
    pub(super) fn new(data: Option<&[f32]>, tiles: usize) -> Self {
        let data = data.unwrap_or_default();
        Self { at: data.as_ptr(), per_tile: ceil_div(data.len(), tiles) }
    }

    /// What a tile of `steps` steps fetches.
    #[inline(always)]
    pub(super) fn next(&mut self, steps: usize) -> Fetch {
        let at = self.at;
        self.at = at.wrapping_add(self.per_tile);
        Fetch { at, length: 0, stride: ceil_div(self.per_tile, steps), steps: usize::MAX }
    }
}
