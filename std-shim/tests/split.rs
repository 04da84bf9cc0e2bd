//! Test parts: which samples they take.
#![allow(missing_docs, reason = "a test")]

use flatgrad::data::{DataSplit, Dataset, Floats, Images, Subset, Targets, split, split_groups};
use flatgrad::{DataFault, Error};

/// `counts[c]` samples of class `c`, all mixed.
fn classes(counts: &[usize]) -> Images {
    let mut labels: Vec<u32> = counts.iter().enumerate().flat_map(|(c, &n)| vec![c as u32; n]).collect();
    labels.sort_by_key(|&label| label.wrapping_mul(7) % 5);
    let n = labels.len();
    Images::new("d", [1, 1, 1], counts.len(), 255, (0..n).map(|i| i as u8).collect(), labels).unwrap()
}

fn count(part: &Subset<&Images>, data: &Images) -> Vec<usize> {
    let classes = data.task().outputs() as u32;
    (0..classes).map(|c| part.indices().iter().filter(|&&i| data.label(i as usize) == c).count()).collect()
}

/// Every sample in just one part, in order.
fn check<D: Dataset>(parts: &DataSplit<Subset<D>>, n: u32) {
    for part in [&parts.train, &parts.test] {
        assert!(part.indices().is_sorted() && !part.is_empty());
    }
    let mut all = [parts.train.indices(), parts.test.indices()].concat();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..n));
}

#[test]
fn classes_are_balanced_and_the_seed_chooses() {
    let data = classes(&[100, 50, 9, 2, 1]);
    let parts = split(&data, 0.2, 3).unwrap();
    check(&parts, 162);
    // 0.4 of a sample is none, and the last one of a class is for training.
    assert_eq!(count(&parts.test, &data), [20, 10, 2, 0, 0]);
    assert_eq!(count(&split(&data, 0.9, 3).unwrap().train, &data), [10, 5, 1, 1, 1]);
    assert_eq!(split(&data, 0.2, 3).unwrap(), parts);
    assert_ne!(split(&data, 0.2, 4).unwrap(), parts);
}

#[test]
fn values_are_one_class() {
    let targets = Targets::values(1, (0..10).map(|i| i as f32).collect()).unwrap();
    let data = Floats::new("d", [1, 1, 1], vec![0.0; 10], targets).unwrap();
    let parts = split(&data, 0.3, 0).unwrap();
    check(&parts, 10);
    assert_eq!(parts.test.len(), 3);
}

#[test]
fn groups_stay_together_and_come_close_to_the_share() {
    let data = classes(&[600]);
    let groups: Vec<u32> = (0..600).map(|i| i * i % 31 + 5).collect();
    for seed in 0..20 {
        let parts = split_groups(&data, &groups, 0.25, seed).unwrap();
        check(&parts, 600);
        let of = |part: &Subset<&Images>| {
            part.indices().iter().map(|&i| groups[i as usize]).collect::<std::collections::HashSet<_>>()
        };
        assert!(of(&parts.train).is_disjoint(&of(&parts.test)));
        assert!((0.2..0.3).contains(&(parts.test.len() as f64 / 600.0)), "{}", parts.test.len());
        assert_eq!(parts, split_groups(&data, &groups, 0.25, seed).unwrap());
    }
    // Two large groups: one of them is for testing, whatever the share.
    let halves: Vec<u32> = (0..600).map(|i| i / 300).collect();
    for share in [0.01, 0.5, 0.99] {
        assert_eq!(split_groups(&data, &halves, share, 0).unwrap().test.len(), 300);
    }
}

#[test]
fn what_cannot_be_split_is_refused() {
    let data = classes(&[4]);
    for share in [0.0, 1.0, -0.5, f64::NAN] {
        assert!(matches!(split(&data, share, 0), Err(Error::Setting { what: "split", .. })));
    }
    let faults = [split(&data, 0.01, 0), split_groups(&data, &[1; 4], 0.5, 0), split_groups(&data, &[1, 2], 0.5, 0)];
    for fault in faults {
        assert!(matches!(fault, Err(Error::Data { fault: DataFault::Split(_), .. })), "{fault:?}");
    }
    assert!(Subset::new(&data, vec![]).is_err());
    let twice = Subset::new(Subset::new(&data, vec![3, 1, 3]).unwrap(), vec![2, 1]).unwrap();
    assert_eq!((twice.len(), twice.target(1), twice.white()), (2, data.target(1), Some(255)));
    assert!(twice.read(2, &mut Default::default()).is_err());
}
