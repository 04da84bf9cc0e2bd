//! The handwritten digits that come with the program.
//!
//! E. Alpaydin and C. Kaynak, *Optical Recognition of Handwritten Digits*, UCI Machine Learning Repository, 1998;
//! CC BY 4.0; as scikit-learn ships them. See `data/digits.LICENSE.md`.

use super::{DataSplit, Images, idx};
use crate::error::Result;

const IMAGES: &[u8] = include_bytes!("../../data/digits-images-idx3-ubyte");
const LABELS: &[u8] = include_bytes!("../../data/digits-labels-idx1-ubyte");
const CLASSES: usize = 10;
/// A pixel counts the black dots in a block of 4 by 4.
const WHITE: u8 = 16;

/// Test images of each digit.
pub const TEST_PER_CLASS: usize = 36;

/// 1,797 handwritten digits of 8 by 8 pixels, split into 1,437 for training and 360 for testing.
///
/// The test part holds 36 images of each digit, evenly spread over the original order: of a digit with `n` images,
/// those numbered `floor(k * n / 36)` for k from 0 to 35. The rest, in the original order, is the training part. The
/// original order runs from writer to writer, so the 13 writers appear in both parts.
///
/// # Errors
///
/// None in practice: the data is in the program and the tests read it.
///
/// ```
/// use flatgrad::data::Dataset;
/// let digits = flatgrad::data::digits()?;
/// assert_eq!((digits.train.len(), digits.test.len()), (1437, 360));
/// assert_eq!((digits.train.shape(), digits.train.task().outputs()), ([1, 8, 8], 10));
/// # Ok::<(), flatgrad::Error>(())
/// ```
pub fn digits() -> Result<DataSplit<Images>> {
    let all = idx::dataset("digits", &mut &IMAGES[..], &mut &LABELS[..], CLASSES, WHITE)?;
    let test = digits_test_samples(all.labels());
    Ok(DataSplit { train: all.filter("digits", |i| !test[i])?, test: all.filter("digits", |i| test[i])? })
}

/// Which of these samples [`digits`] takes for testing: see there for the rule.
pub fn digits_test_samples(labels: &[u32]) -> Vec<bool> {
    let mut test = vec![false; labels.len()];
    for class in 0..CLASSES as u32 {
        let members: Vec<usize> = (0..labels.len()).filter(|&i| labels[i] == class).collect();
        for k in 0..TEST_PER_CLASS.min(members.len()) {
            test[members[k * members.len() / TEST_PER_CLASS.min(members.len())]] = true;
        }
    }
    test
}
