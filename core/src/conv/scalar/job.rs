//! What the kernels are to do; the assembly reads the fields in this order. Distances are in bytes.

/// A tile of two channels by eight neighbouring outputs of a row, 3x3 taps.
#[repr(C)]
pub(super) struct Three {
    pub zeros: *const f32,
    /// Channels read; at least 1.
    pub channels: usize,
    /// What the first row of taps reads for the first output.
    pub x: *const f32,
    /// From one row of taps to the next, and from behind the last to the first of the next channel.
    pub row: usize,
    pub next: usize,
    /// Nine weights of each of the two channels, and from behind them to those of the next channel read.
    pub weights: [*const f32; 2],
    pub next_weights: usize,
    pub out: [*mut f32; 2],
    /// Plus 0.0, so that adding one of -0.0 or 0.0 has the bits of adding 0.0 first.
    pub bias: [f32; 2],
}

/// Chains of two or three output channels by one or four taps, over rows of outputs.
#[repr(C)]
pub(super) struct Gradient {
    /// The chains of each channel. Two pointers may be the same, if those of `dy` are.
    pub dw: [*mut f32; 3],
    pub dy: [*const f32; 3],
    /// What each tap reads for the first output.
    pub x: [*const f32; 4],
    pub rows: usize,
    pub cols: usize,
    /// From behind a row to the next in `x`; in `dy` there is nothing between them (a strip of several rows is as wide
    /// as the image).
    pub x_next: usize,
}

/// Copies of rows; at least one, of at least one element.
#[repr(C)]
pub(super) struct Rows {
    pub rows: usize,
    pub len: usize,
    pub from: *const f32,
    /// From an element to the next.
    pub from_step: usize,
    /// From behind a row to the next.
    pub from_next: usize,
    pub to: *mut f32,
    pub to_next: usize,
}

/// Copies of as many elements for each tap; at least one tap, at least one element.
#[repr(C)]
pub(super) struct Taps {
    pub taps: usize,
    /// For each tap the bits of an index into `from`.
    pub offsets: *const f32,
    pub from: *const f32,
    pub to: *mut f32,
    pub len: usize,
    /// From behind a tap's elements to the next tap's.
    pub to_next: usize,
}
