//! What a program uses of the products, as a type: tiles of the scalar engine that nobody uses are not linked.

/// Columns of the widest tile.
pub(crate) const WIDTH: usize = 8;
/// The largest power of two that is at most `left` and [`WIDTH`], as an exponent.
#[inline(always)]
pub(super) const fn log_width(left: usize) -> usize {
    match left {
        8.. => 3,
        4.. => 2,
        2.. => 1,
        _ => 0,
    }
}

/// What of the products a program uses.
pub(crate) trait Uses {
    /// Products of any layout, not only those of layers.
    const ANY_LAYOUT: bool;
    /// Tiles of the scalar engine.
    const TILES: Tiles;
}

/// All there is.
pub(crate) struct All;

impl Uses for All {
    const ANY_LAYOUT: bool = true;
    const TILES: Tiles = Tiles::ALL;
}

/// A set of tiles of the scalar engine ([`scalar`](super::scalar)).
#[derive(Clone, Copy)]
pub(crate) struct Tiles(u32);

impl Tiles {
    /// How many there are.
    pub(crate) const COUNT: u32 = 20;
    pub(crate) const ALL: Self = Self((1 << Self::COUNT) - 1);
    pub(crate) const NONE: Self = Self(0);
    /// Those of [`outers`](super::scalar::outers) with two steps.
    pub(crate) const TWO_STEPS: Self = Self(0xf << 12);

    /// A bit for each.
    pub(crate) const fn bits(self) -> u32 {
        self.0
    }
    pub(crate) const fn from_bits(bits: u32) -> Self {
        Self(bits & Self::ALL.0)
    }
    /// Both together.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
    /// Whether all of `tiles` are among these.
    pub(crate) const fn has(self, tiles: Self) -> bool {
        tiles.0 & !self.0 == 0
    }
    /// Whether one of `tiles` is among these.
    pub(crate) const fn any(self, tiles: Self) -> bool {
        tiles.0 & self.0 != 0
    }
    /// The `i`-th tile after this one.
    #[allow(dead_code, reason = "only kernels in assembly ask")]
    pub(crate) const fn nth(self, i: usize) -> Self {
        Self(self.0 << i)
    }

    /// A tile of [`chains`](super::scalar::chains) with one or two rows, and `1 << log` columns.
    pub(crate) const fn chain(two: bool, log: usize) -> Self {
        Self(1 << (4 * two as usize + log))
    }
    /// A tile of [`outers`](super::scalar::outers) with one or two steps, and `1 << log` columns.
    pub(crate) const fn outer(two: bool, log: usize) -> Self {
        Self(1 << (8 + 4 * two as usize + log))
    }
    /// A tile of [`dots`](super::scalar::dots) with one or two rows, and one or four columns.
    pub(crate) const fn dot(two: bool, four: bool) -> Self {
        Self(1 << (16 + 2 * two as usize + four as usize))
    }

    /// The tiles of dense layers of up to `batch` samples.
    pub(crate) const fn of_dense(batch: usize, inputs: usize, outputs: usize) -> Self {
        let (mut tiles, mut rows) = (Self::NONE, 0);
        while rows < 2 && rows < batch {
            let two = rows == 1;
            tiles = tiles.and(Self::of_rows(two, outputs, true));
            if outputs == 1 {
                // The weight is one column, which is as good as rows.
                tiles = tiles.and(Self::of_rows(two, inputs, false));
            } else if inputs >= 4 {
                tiles = tiles.and(Self::dot(two, true));
            }
            if !inputs.is_multiple_of(4) {
                tiles = tiles.and(Self::dot(two, false));
            }
            rows += 1;
        }
        tiles
    }

    /// The tiles of one row of `columns`, or two.
    pub(crate) const fn of_rows(two: bool, columns: usize, outers: bool) -> Self {
        let (mut tiles, mut left) = (Self::NONE, columns);
        while left > 0 {
            let log = log_width(left);
            tiles = tiles.and(Self::chain(two, log));
            if outers {
                tiles = tiles.and(Self::outer(two, log));
            }
            // All but the last few columns come in eights.
            left = if left >= 16 { left % 8 + 8 } else { left - (1 << log) };
        }
        tiles
    }
}
