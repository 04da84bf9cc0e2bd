//! What the device sees: digits that the server has not trained on, through a sensor that is mounted upside down.

use crate::server::{MEAN, STD, WHITE};

const IMAGES: &[u8] = include_bytes!("../../../../../std-shim/data/digits-images-idx3-ubyte");
const LABELS: &[u8] = include_bytes!("../../../../../std-shim/data/digits-labels-idx1-ubyte");
/// Lengths of the files' headers.
const IMAGES_AT: usize = 16;
const LABELS_AT: usize = 8;

/// Pixels of an image.
const PIXELS: usize = 64;
const CLASSES: usize = 10;
/// Of each class, the images that the server keeps for testing.
const KEPT: usize = 36;

/// One half of the server's test images is for learning, the other one for testing.
pub const TRAIN: usize = CLASSES * KEPT / 2;
pub const TEST: usize = CLASSES * KEPT / 2;

/// The pixels as the network takes them, and the digit.
pub type Sample = ([f32; PIXELS], u32);

/// A sample for testing; `i` below [`TEST`].
pub fn test(i: usize) -> Sample {
    sample(2 * i + 1)
}

/// The `i`-th sample of an epoch, `i` below [`TRAIN`]: every epoch shows all of them, each in its own order, by a
/// stride that has no factor in common with their number.
pub fn train(epoch: usize, i: usize) -> Sample {
    sample(2 * ((77 * i + 31 * epoch) % TRAIN))
}

fn sample(i: usize) -> Sample {
    let image = SERVER_TEST.get(i).map_or(0, |&i| usize::from(i));
    let start = IMAGES_AT + PIXELS * image;
    let mut x = [0.0; PIXELS];
    // Upside down: the last pixel comes first.
    for (x, pixel) in x.iter_mut().rev().zip(IMAGES.get(start..).unwrap_or(&[])) {
        *x = INPUTS.get(usize::from(*pixel)).copied().unwrap_or(0.0);
    }
    (x, LABELS.get(LABELS_AT + image).map_or(0, |label| u32::from(*label)))
}

/// What the network takes for each value of a pixel, with the server's scaling and, computed with the program, its
/// bits.
static INPUTS: [f32; WHITE as usize + 1] = {
    let (mut inputs, mut pixel) = ([0.0; WHITE as usize + 1], 0);
    while pixel < inputs.len() {
        inputs[pixel] = ((pixel as f64 / WHITE as f64 - MEAN[0] as f64) / STD[0] as f64) as f32;
        pixel += 1;
    }
    inputs
};

/// The images that `flatgrad train` keeps for testing: of a digit with `n` images, those numbered `k * n / 36`.
static SERVER_TEST: [u16; CLASSES * KEPT] = {
    let (mut found, mut len, mut class) = ([0; CLASSES * KEPT], 0, 0);
    while class < CLASSES {
        let (n, mut number, mut k, mut at) = (images_of(class), 0, 0, LABELS_AT);
        while k < KEPT {
            if LABELS[at] as usize == class {
                if number == k * n / KEPT {
                    found[len] = (at - LABELS_AT) as u16;
                    (len, k) = (len + 1, k + 1);
                }
                number += 1;
            }
            at += 1;
        }
        class += 1;
    }
    found
};

const fn images_of(class: usize) -> usize {
    let (mut count, mut at) = (0, LABELS_AT);
    while at < LABELS.len() {
        count += (LABELS[at] as usize == class) as usize;
        at += 1;
    }
    count
}
