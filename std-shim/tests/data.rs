//! The embedded digits, their split, normalization and batches.
#![allow(missing_docs, reason = "a test")]

use flatgrad::data::{self, Dataset, Images, Normalizer, TEST_PER_CLASS};
use flatgrad::{DataFault, Error};

#[test]
fn the_split_is_balanced_and_loses_nothing() {
    let digits = data::digits().unwrap();
    assert_eq!((digits.train.len(), digits.test.len()), (1437, 360));
    let count = |d: &Images| (0..10).map(|c| d.labels().iter().filter(|&&l| l == c).count()).collect::<Vec<_>>();
    assert_eq!(count(&digits.test), [TEST_PER_CLASS; 10]);
    assert_eq!(count(&digits.train), [142, 146, 141, 147, 145, 146, 145, 143, 138, 144]);
    for part in [&digits.train, &digits.test] {
        assert_eq!((part.shape(), part.white(), part.images().iter().max()), ([1, 8, 8], Some(16), Some(&16)));
    }
}

#[test]
fn the_split_follows_the_documented_rule() {
    // Two classes of 72 and 37 samples: every second one, and all but the last.
    let labels: Vec<u32> = (0..72).map(|_| 4).chain((0..37).map(|_| 7)).collect();
    let test = data::digits_test_samples(&labels);
    assert!((0..72).all(|i| test[i] == (i % 2 == 0)));
    let second: Vec<usize> = (0..37).filter(|&i| test[72 + i]).collect();
    assert_eq!(second, (0..36).map(|k| k * 37 / 36).collect::<Vec<_>>());
}

#[test]
fn the_first_digits_are_the_known_ones() {
    // The first two samples, 0 and 1, are the first of their class, so they are test samples; so on up to 9.
    let digits = data::digits().unwrap();
    assert_eq!(digits.test.labels()[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(digits.test.image(0)[..16], [0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0]);
}

#[test]
fn normalized_training_data_has_mean_0_and_deviation_1() {
    let digits = data::digits().unwrap();
    let normalizer = Normalizer::fit(&digits.train).unwrap();
    let mut all = vec![0.0f32; digits.train.images().len()];
    for (i, x) in all.chunks_exact_mut(64).enumerate() {
        normalizer.write(&digits.train, i, x).unwrap();
    }
    let n = all.len() as f64;
    let mean = all.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let variance = all.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n;
    assert!(mean.abs() < 1e-6 && (variance - 1.0).abs() < 1e-6, "{mean} {variance}");
}

#[test]
fn each_channel_has_its_own_mean() {
    // Channel 0: 0 and 10; channel 1: constant 50.
    let data = Images::new("two", [2, 1, 1], 1, 100, vec![0, 50, 10, 50], vec![0, 0]).unwrap();
    let normalizer = Normalizer::fit(&data).unwrap();
    assert_eq!((normalizer.mean(), normalizer.std()), (&[0.05, 0.5][..], &[0.05, 1.0][..]));
    let mut x = [f32::NAN; 2];
    normalizer.write(&data, 1, &mut x).unwrap();
    assert_eq!(x, [1.0, 0.0]);
}

#[test]
fn a_data_set_checks_what_it_is_given() {
    let new = |shape, images: usize, labels: &[u32]| Images::new("d", shape, 3, 255, vec![0; images], labels.to_vec());
    let fault = |result| match result {
        Err(Error::Data { fault, .. }) => fault,
        other => panic!("{other:?}"),
    };
    assert_eq!(fault(new([1, 2, 2], 0, &[])), DataFault::Empty);
    assert!(matches!(fault(new([1, 0, 2], 0, &[1])), DataFault::NoPixels { .. }));
    assert_eq!(fault(new([1, 2, 2], 7, &[1, 2])), DataFault::Pixels { actual: 7, images: 2, pixels: 4 });
    assert!(matches!(fault(new([usize::MAX, 2, 2], 7, &[1])), DataFault::Pixels { .. }));
    assert_eq!(fault(new([1, 2, 2], 8, &[1, 3])), DataFault::Label { index: 1, label: 3, classes: 3 });
    assert!(new([1, 2, 2], 8, &[1, 2]).is_ok());
}
