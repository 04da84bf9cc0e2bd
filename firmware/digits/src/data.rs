//! The digits, as they lie in flash: IDX files of 1,797 images. Every fifth is for testing.

const IMAGES: &[u8] = include_bytes!("../../../std-shim/data/digits-images-idx3-ubyte");
const LABELS: &[u8] = include_bytes!("../../../std-shim/data/digits-labels-idx1-ubyte");
/// Lengths of the files' headers.
const IMAGES_AT: usize = 16;
const LABELS_AT: usize = 8;

/// Pixels of an image.
pub const PIXELS: usize = 64;
/// The darkest pixel.
const BLACK: f32 = 16.0;

const COUNT: usize = LABELS.len() - LABELS_AT;
const _: () = assert!(IMAGES.len() == IMAGES_AT + PIXELS * COUNT);
pub const TEST: usize = COUNT / 5;
pub const TRAIN: usize = COUNT - TEST;

/// The image's pixels from 0 to 1, and its digit.
pub type Sample = ([f32; PIXELS], u32);

/// A sample for testing; `i` below [`TEST`].
pub fn test(i: usize) -> Sample {
    sample(5 * i + 4)
}

/// The `i`-th sample that is shown in an epoch; `i` below [`TRAIN`].
///
/// Every epoch shows all samples, each in its own order: a stride that has no factor in common with their number goes
/// through all of them, and takes no memory.
pub fn train(epoch: usize, i: usize) -> Sample {
    let t = (769 * i + 331 * epoch) % TRAIN;
    sample(t + t / 4)
}

fn sample(i: usize) -> Sample {
    let start = IMAGES_AT + PIXELS * i;
    let mut x = [0.0; PIXELS];
    for (x, pixel) in x.iter_mut().zip(IMAGES.get(start..).unwrap_or(&[])) {
        *x = f32::from(*pixel) * (1.0 / BLACK);
    }
    (x, LABELS.get(LABELS_AT + i).map_or(0, |label| u32::from(*label)))
}
