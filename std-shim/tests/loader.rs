//! Batches: the same whoever fetches them.
#![allow(missing_docs, reason = "a test")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flatgrad::data::{
    self, Batch, BatchKey, DataFault, Dataset, Images, Label, Loader, Mix, Normalizer, SampleKey, Scratch, Task,
    Transform, Values, epoch_order,
};
use flatgrad::{Error, Result};
use flatgrad_core::loss::Target;

/// Copies of all batches of a pass.
fn all(loader: &Loader, epoch: u64) -> Vec<Batch> {
    let collect = loader.epoch(epoch, |batches| {
        let mut all = Vec::new();
        while let Some(batch) = batches.next_batch()? {
            all.push(batch.clone());
        }
        Ok(all)
    });
    collect.unwrap()
}

#[test]
fn batches_hold_the_samples_of_the_epochs_order() {
    let digits = data::digits().unwrap();
    let normalizer = Normalizer::fit(&digits.train).unwrap();
    let batches = all(&Loader::new(&digits.train, &normalizer, 100).seed(3), 2);
    assert_eq!(batches.iter().map(Batch::len).collect::<Vec<_>>(), [[100; 14].to_vec(), vec![37]].concat());
    let order = epoch_order(3, 2, 1437);
    assert_eq!(batches.iter().flat_map(|b| b.indices().to_vec()).collect::<Vec<_>>(), order);
    let mut expected = [0.0; 64];
    for batch in &batches {
        for (k, &i) in batch.indices().iter().enumerate() {
            normalizer.write(&digits.train, i as usize, &mut expected).unwrap();
            assert_eq!(batch.x()[64 * k..][..64], expected);
            assert_eq!(batch.labels()[k], digits.train.label(i as usize));
        }
    }
    let dropped = all(&Loader::new(&digits.train, &normalizer, 100).seed(3).drop_last(true), 2);
    assert_eq!(dropped, batches[..14]);
}

/// Adds noise, and mixes each sample with its neighbour.
struct Noise {
    mixes: bool,
}

impl Transform for Noise {
    fn apply(&self, key: SampleKey, _: [usize; 3], image: &mut [f32]) {
        assert!(image.iter().all(|x| (0.0..=1.0).contains(x)), "parts of white");
        for (i, x) in image.iter_mut().enumerate() {
            *x += key.uniform(1, i as u16);
        }
    }
    fn mixes(&self) -> bool {
        self.mixes
    }
    fn mix(&self, key: BatchKey, batch: Mix) {
        let part = key.uniform(2, 0);
        for (values, each) in [(batch.x, batch.shape.iter().product()), (batch.targets, batch.outputs)] {
            let first = values[..each].to_vec();
            for at in 0..values.len() - each {
                values[at] = part * values[at] + (1.0 - part) * values[at + each];
            }
            let last = values.len() - each;
            values[last..].iter_mut().zip(first).for_each(|(x, first)| *x = part * *x + (1.0 - part) * first);
        }
    }
}

#[test]
fn the_number_of_workers_changes_nothing() {
    let digits = data::digits().unwrap();
    let normalizer = Normalizer::fit(&digits.train).unwrap();
    for transform in [None, Some(&Noise { mixes: false } as &dyn Transform), Some(&Noise { mixes: true })] {
        let loader = Loader::new(&digits.train, &normalizer, 64).seed(9).transform(transform);
        let expected = all(&loader, 1);
        for workers in [1, 2, 4, 100] {
            assert_eq!(all(&loader.workers(workers), 1), expected, "{workers}");
        }
        assert_ne!(all(&loader, 0)[0].x(), expected[0].x());
    }
}

#[test]
fn mixed_targets_are_probabilities() {
    let digits = data::digits().unwrap();
    let normalizer = Normalizer::fit(&digits.train).unwrap();
    let loader = Loader::new(&digits.train, &normalizer, 50).transform(Some(&Noise { mixes: true }));
    for batch in all(&loader, 0) {
        let Target::Values(targets) = batch.target() else { panic!("classes") };
        let part = BatchKey { seed: 0, epoch: 0, batch: 0 }.uniform(2, 0);
        assert_eq!(targets.len(), 10 * batch.len());
        for (k, row) in targets.chunks_exact(10).enumerate() {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6);
            let [own, next] = [k, (k + 1) % batch.len()].map(|k| batch.labels()[k] as usize);
            if own == next {
                assert_eq!(row[own], 1.0);
            } else if batch.indices()[0] == epoch_order(0, 0, 1437)[0] {
                assert_eq!((row[own], row[next]), (part, 1.0 - part));
            }
        }
    }
}

#[test]
fn a_transform_that_does_nothing_changes_last_bits_at_most() {
    struct Nothing;
    impl Transform for Nothing {
        fn apply(&self, _: SampleKey, _: [usize; 3], _: &mut [f32]) {}
    }
    let digits = data::digits().unwrap();
    let normalizer = Normalizer::fit(&digits.train).unwrap();
    let loader = Loader::new(&digits.train, &normalizer, 64);
    for (plain, other) in all(&loader, 0).iter().zip(all(&loader.transform(Some(&Nothing)), 0)) {
        assert!(plain.x().iter().zip(other.x()).all(|(a, b)| (a - b).abs() <= 1e-6 * a.abs().max(1.0)));
        assert_eq!((plain.labels(), plain.target()), (other.labels(), other.target()));
    }
}

/// A data set whose samples take a while, and one of which may be broken.
struct Slow {
    task: Task,
    broken: Option<usize>,
    read: AtomicUsize,
}

impl Slow {
    fn new(broken: Option<usize>) -> Self {
        Self { task: Task::classes(["a"]), broken, read: AtomicUsize::new(0) }
    }
}

impl Dataset for Slow {
    fn name(&self) -> &str {
        "slow"
    }
    fn len(&self) -> usize {
        64
    }
    fn shape(&self) -> [usize; 3] {
        [1, 1, 1]
    }
    fn task(&self) -> &Task {
        &self.task
    }
    fn white(&self) -> Option<u8> {
        Some(255)
    }
    fn target(&self, _: usize) -> Label<'_> {
        Label::Class(0)
    }
    fn read<'a>(&'a self, index: usize, scratch: &'a mut Scratch) -> Result<Values<'a>> {
        self.read.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(1));
        if self.broken == Some(index) {
            return Err(Error::Data { origin: "slow".into(), fault: DataFault::Empty });
        }
        scratch.bytes = vec![index as u8];
        Ok(Values::Bytes(&scratch.bytes))
    }
}

#[test]
fn workers_stop_when_nobody_takes_their_batches() {
    let data = Slow::new(None);
    let normalizer = Normalizer::fit(&data).unwrap();
    assert_eq!(normalizer, Normalizer::fit_with(&data, 3).unwrap());
    data.read.store(0, Ordering::SeqCst);
    let loader = Loader::new(&data, &normalizer, 4).workers(3);
    let seen = loader.epoch(0, |batches| Ok(batches.next_batch()?.map(Batch::len))).unwrap();
    assert_eq!(seen, Some(4));
    // Three workers with two batches each, and what one of them had begun.
    assert!(data.read.load(Ordering::SeqCst) <= 4 * (2 * 3 + 3), "{:?}", data.read);
}

#[test]
fn a_broken_sample_is_an_error_at_its_place_for_every_number_of_workers() {
    for workers in [0, 1, 4] {
        let good = Slow::new(None);
        let normalizer = Normalizer::fit(&good).unwrap();
        let data = Slow::new(Some(33));
        assert!(Normalizer::fit_with(&data, workers).is_err());
        let loader = Loader::new(&data, &normalizer, 8).workers(workers);
        let read = loader.in_order(|batches| {
            let mut read = 0;
            let error = loop {
                match batches.next_batch() {
                    Ok(batch) => read += batch.unwrap().len(),
                    Err(error) => break error,
                }
            };
            assert!(matches!(error, Error::Data { fault: DataFault::Empty, .. }));
            Ok(read)
        });
        assert_eq!(read.unwrap(), 32);
    }
}

#[test]
fn waiting_is_measured() {
    let data = Slow::new(None);
    let normalizer = Normalizer::fit(&data).unwrap();
    let waited = |workers, pause| {
        let loader = Loader::new(&data, &normalizer, 8).workers(workers);
        let waited = loader.in_order(|batches| {
            while batches.next_batch()?.is_some() {
                std::thread::sleep(Duration::from_millis(pause));
            }
            Ok(batches.waited())
        });
        waited.unwrap()
    };
    assert!(waited(0, 0) >= Duration::from_millis(64));
    // Two batches ahead, and more time between them than one takes: only the first is waited for.
    assert!(waited(2, 30) < Duration::from_millis(64), "{:?}", waited(2, 30));
}

#[test]
fn other_channels_are_refused() {
    let two = Images::new("two", [2, 1, 1], 1, 100, vec![0, 50, 10, 50], vec![0, 0]).unwrap();
    let one = Images::new("one", [1, 2, 1], 1, 100, vec![0, 50, 10, 50], vec![0, 0]).unwrap();
    let normalizer = Normalizer::fit(&two).unwrap();
    let fault = normalizer.write(&one, 0, &mut [0.0; 2]);
    assert!(matches!(fault, Err(Error::Data { fault: DataFault::Channels { found: 1, expected: 2 }, .. })));
}
