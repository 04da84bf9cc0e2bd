//! A test part from data that comes in one piece.

use flatgrad_core::rng::{Stream, permutation};

use super::{DataFault, DataSplit, Dataset, Label, Subset};
use crate::error::{Error, Result};

/// The random stream that chooses test samples; its step is the class.
const STREAM: u32 = 0x4300_0000;

/// Takes a share of the samples, `share` between 0 and 1, for testing: of each class the same share, rounded to whole
/// samples, but never its last one. The seed chooses which; both parts keep the order of the samples.
///
/// # Errors
///
/// [`Error::Setting`] if the share is not between 0 and 1; [`DataFault::Split`] if a part would be empty.
///
/// ```
/// use std::sync::Arc;
/// use flatgrad::data::{self, Dataset, split};
/// let digits = Arc::new(data::digits()?.train);
/// let parts = split(digits, 0.25, 1)?;
/// assert_eq!(parts.train.len() + parts.test.len(), 1437);
/// assert!(parts.test.len().abs_diff(1437 / 4) <= 10);
/// # Ok::<(), flatgrad::Error>(())
/// ```
pub fn split<D: Dataset + Clone>(data: D, share: f64, seed: u64) -> Result<DataSplit<Subset<D>>> {
    check_share(share)?;
    let mut members: Vec<Vec<u32>> = vec![Vec::new(); data.task().outputs().max(1)];
    for index in 0..data.len() {
        let class = match data.target(index) {
            Label::Class(class) => class as usize,
            Label::Values(_) => 0,
        };
        if let Some(members) = members.get_mut(class) {
            members.push(index as u32);
        }
    }
    let mut test = vec![false; data.len()];
    for (class, members) in members.iter().enumerate() {
        let count = (members.len() as f64 * share).round() as usize;
        let order = shuffled(seed, class as u64, members.len())?;
        for &k in order.iter().take(count.min(members.len().saturating_sub(1))) {
            test[members[k as usize] as usize] = true;
        }
    }
    parts(data, &test)
}

/// Takes whole groups for testing until they are about `share` of the samples: no group is in both parts. `groups` has
/// the group of each sample.
///
/// In a random order, a group is taken if that brings the test part closer to its share.
///
/// # Errors
///
/// As [`split`]; [`DataFault::Split`] if there are fewer than two groups, or not one for each sample.
pub fn split_groups<D: Dataset + Clone>(
    data: D,
    groups: &[u32],
    share: f64,
    seed: u64,
) -> Result<DataSplit<Subset<D>>> {
    check_share(share)?;
    if groups.len() != data.len() {
        let fault = format!("{} groups for {} samples", groups.len(), data.len());
        return Err(Error::data(data.name(), DataFault::Split(fault)));
    }
    let mut names = groups.to_vec();
    names.sort_unstable();
    names.dedup();
    let mut sizes = vec![0; names.len()];
    groups.iter().filter_map(|group| names.binary_search(group).ok()).for_each(|k| sizes[k] += 1);
    if names.len() < 2 {
        let fault = "all rows are of one group: there is none for the test part".to_string();
        return Err(Error::data(data.name(), DataFault::Split(fault)));
    }
    let (wanted, mut taken, mut chosen) = (data.len() as f64 * share, 0, vec![false; names.len()]);
    let order = shuffled(seed, 0, names.len())?;
    // One group is always left for training.
    for k in order.iter().skip(1).map(|&k| k as usize) {
        let (before, after) = (taken as f64 - wanted, (taken + sizes[k]) as f64 - wanted);
        if after.abs() < before.abs() {
            (chosen[k], taken) = (true, taken + sizes[k]);
        }
    }
    if taken == 0 {
        // Every group is more than twice the share: the smallest comes closest.
        let smallest = order.iter().map(|&k| k as usize).min_by_key(|&k| sizes[k]).unwrap_or(0);
        chosen[smallest] = true;
    }
    let is_test = |group: &u32| names.binary_search(group).is_ok_and(|k| chosen[k]);
    parts(data, &groups.iter().map(is_test).collect::<Vec<_>>())
}

fn check_share(share: f64) -> Result {
    if share > 0.0 && share < 1.0 { Ok(()) } else { Err(Error::setting("split", "must be between 0 and 1")) }
}

fn shuffled(seed: u64, step: u64, n: usize) -> Result<Vec<u32>> {
    let mut order = vec![0; n];
    permutation(Stream { seed, stream: STREAM, step }, &mut order)?;
    Ok(order)
}

fn parts<D: Dataset + Clone>(data: D, test: &[bool]) -> Result<DataSplit<Subset<D>>> {
    let of = |part| test.iter().enumerate().filter(|&(_, &t)| t == part).map(|(i, _)| i as u32).collect::<Vec<_>>();
    let (train, test) = (of(false), of(true));
    if train.is_empty() || test.is_empty() {
        let fault = format!("{} samples are too few for this split", data.len());
        return Err(Error::data(data.name(), DataFault::Split(fault)));
    }
    Ok(DataSplit { train: Subset::new(data.clone(), train)?, test: Subset::new(data, test)? })
}
