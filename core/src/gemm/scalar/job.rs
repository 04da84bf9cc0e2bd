//! What a kernel is to do.

/// What chains start from that do not continue.
pub(crate) static ZEROS: [f32; 16] = [0.0; 16];

/// A task for a kernel: the assembly reads it field by field, in this order. Distances are in bytes.
#[repr(C)]
pub(crate) struct Job {
    /// Steps of the chains (`chain`, `dot`), or rows of `c` (`outer`).
    pub k: usize,
    /// The first element of `a`, and the distance of its rows (`chain`, `dot`) or columns (`outer`).
    pub a: *const f32,
    pub a_step: usize,
    /// The first element of `b`, and the distance of its rows (`chain`, `outer`) or columns (`dot`).
    pub b: *const f32,
    pub b_step: usize,
    /// What the chains start from: the tile of `c`, or zeros with a distance of 0.
    pub init: *const f32,
    pub init_row: usize,
    /// The first element of `c`, and the distance of its rows.
    pub c: *mut f32,
    pub c_row: usize,
    /// Groups of columns of `b` (`dot`).
    pub groups: usize,
    /// Zeros for chains that start from them, null for those that continue (`dot`).
    pub zeros: *const f32,
}

impl Job {
    /// A job of `k` steps whose `c` has rows `c_row` elements apart; the pointers are set later.
    #[inline(always)]
    pub fn new(k: usize, c_row: usize) -> Self {
        let (a, b, c) = (core::ptr::null(), core::ptr::null(), core::ptr::null_mut());
        Self { k, a, a_step: 0, b, b_step: 0, init: a, init_row: 0, c, c_row: Self::bytes(c_row), groups: 1, zeros: a }
    }

    /// A distance of `elements`.
    #[inline(always)]
    pub const fn bytes(elements: usize) -> usize {
        elements.wrapping_mul(size_of::<f32>())
    }

    /// Sets where the chains end, and whether they continue what is there.
    #[inline(always)]
    pub fn target(&mut self, c: *mut f32, load: bool) {
        self.c = c;
        (self.init, self.init_row, self.zeros) =
            if load { (c.cast_const(), self.c_row, core::ptr::null()) } else { (ZEROS.as_ptr(), 0, ZEROS.as_ptr()) };
    }
}
