//! Batches: the same whoever fetches them.
#![allow(missing_docs, reason = "a test")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flatgrad::augment::{Canvas, CenterCrop, MixUp, Mixing, Pipeline, Place, RandomCrop, Transform};
use flatgrad::data::{
    self, Batch, Dataset, Floats, Images, Label, Loader, Normalizer, Scratch, Targets, Task, Values, epoch_order,
};
use flatgrad::{DataFault, Error, Result};
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

/// Changes nothing, and sees that images come in parts of white.
#[derive(Debug)]
struct Nothing;

impl Transform for Nothing {
    fn out_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
        Ok(shape)
    }
    fn apply(&self, _: Place, canvas: &mut Canvas) -> Result {
        assert!(canvas.image().iter().all(|x| (0.0..=1.0).contains(x)));
        Ok(())
    }
}

const MIXING: Mixing = Mixing { mix_up: Some(MixUp { alpha: 1.0 }), ..Mixing::DEFAULT };

#[test]
fn the_number_of_workers_changes_nothing() {
    let digits = data::digits().unwrap();
    let normalizer = Normalizer::fit(&digits.train).unwrap();
    let operations = || -> Vec<Box<dyn Transform>> {
        vec![Box::new(Nothing), Box::new(RandomCrop { padding: [2; 4], ..RandomCrop::DEFAULT })]
    };
    let same = Pipeline::new(operations(), [1, 8, 8]).unwrap();
    let mut chain = operations();
    chain.push(Box::new(CenterCrop { size: [6, 7] }));
    let smaller = Pipeline::new(chain, [1, 8, 8]).unwrap();
    for (pipeline, mixing) in [
        (None, Mixing::DEFAULT),
        (Some(&same), Mixing::DEFAULT),
        (Some(&same), MIXING),
        (None, MIXING),
        (Some(&smaller), MIXING),
    ] {
        let loader = Loader::new(&digits.train, &normalizer, 64).seed(9).pipeline(pipeline).mixing(mixing);
        let expected = all(&loader, 1);
        let pixels = loader.shape().iter().product::<usize>();
        assert!(expected.iter().all(|batch| batch.x().len() == pixels * batch.len()));
        for workers in [1, 2, 4, 100] {
            assert_eq!(all(&loader.workers(workers), 1), expected, "{workers}");
        }
        assert_ne!(all(&loader, 0)[0].x(), expected[0].x());
    }
}

#[test]
fn an_epoch_can_be_entered_at_any_batch() {
    let digits = data::digits().unwrap();
    let normalizer = Normalizer::fit(&digits.train).unwrap();
    let loader = Loader::new(&digits.train, &normalizer, 100).seed(3).mixing(MIXING);
    let whole = all(&loader, 2);
    for workers in [0, 1, 3, 20] {
        for skip in [0, 1, 7, 14, 15, usize::MAX] {
            let rest = loader.workers(workers).epoch_from(2, skip, |batches| {
                let mut rest = Vec::new();
                while let Some(batch) = batches.next_batch()? {
                    rest.push(batch.clone());
                }
                Ok(rest)
            });
            assert_eq!(rest.unwrap(), whole[skip.min(15)..], "{workers} {skip}");
        }
    }
}

#[test]
fn mixed_targets_are_probabilities() {
    let digits = data::digits().unwrap();
    let normalizer = Normalizer::fit(&digits.train).unwrap();
    let loader = Loader::new(&digits.train, &normalizer, 50).mixing(MIXING);
    let mut mixed = 0;
    for batch in all(&loader, 0) {
        let Target::Values(targets) = batch.target() else { panic!("classes") };
        assert_eq!(targets.len(), 10 * batch.len());
        for (row, &own) in targets.chunks_exact(10).zip(batch.labels()) {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6 && row[own as usize] > 0.0);
            mixed += usize::from(row[own as usize] < 1.0);
        }
    }
    assert!(mixed > 1000, "{mixed}");
}

#[test]
fn a_pipeline_that_does_nothing_changes_last_bits_at_most() {
    let digits = data::digits().unwrap();
    let normalizer = Normalizer::fit(&digits.train).unwrap();
    let pipeline = Pipeline::new(vec![Box::new(Nothing)], [1, 8, 8]).unwrap();
    let loader = Loader::new(&digits.train, &normalizer, 64);
    for (plain, other) in all(&loader, 0).iter().zip(all(&loader.pipeline(Some(&pipeline)), 0)) {
        assert!(plain.x().iter().zip(other.x()).all(|(a, b)| (a - b).abs() <= 1e-6 * a.abs().max(1.0)));
        assert_eq!((plain.labels(), plain.target()), (other.labels(), other.target()));
    }
}

#[test]
fn numbers_are_changed_when_they_are_normalized() {
    /// Adds 1.
    #[derive(Debug)]
    struct Add;
    impl Transform for Add {
        fn out_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
            Ok(shape)
        }
        fn apply(&self, _: Place, canvas: &mut Canvas) -> Result {
            canvas.image_mut().iter_mut().for_each(|x| *x += 1.0);
            Ok(())
        }
    }
    let targets = Targets::classes(vec!["a".into()], vec![0; 4]).unwrap();
    let data = Floats::new("four", [1, 1, 1], vec![10.0, 20.0, 30.0, 40.0], targets).unwrap();
    let normalizer = Normalizer::fit(&data).unwrap();
    let pipeline = Pipeline::new(vec![Box::new(Add)], [1, 1, 1]).unwrap();
    let loader = Loader::new(&data, &normalizer, 4);
    let (plain, added) = (all(&loader, 0), all(&loader.pipeline(Some(&pipeline)), 0));
    assert_eq!(added[0].x(), plain[0].x().iter().map(|x| x + 1.0).collect::<Vec<_>>());
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

#[test]
fn shares_make_up_the_batch() {
    let digits = data::digits().unwrap();
    let normalizer = Normalizer::fit(&digits.train).unwrap();
    let crop = RandomCrop { padding: [1; 4], ..RandomCrop::DEFAULT };
    let pipeline = Pipeline::new(vec![Box::new(crop)], [1, 8, 8]).unwrap();
    let mixed = Mixing { mix_up: Some(MixUp { alpha: 0.5 }), ..Mixing::DEFAULT };
    for mixing in [Mixing::DEFAULT, mixed] {
        // The last batch has 2 samples.
        let whole = Loader::new(&digits.train, &normalizer, 35).seed(3).pipeline(Some(&pipeline)).mixing(mixing);
        let batches = all(&whole, 1);
        for size in [1, 2, 3, 4] {
            let parts: Vec<_> = (0..size).map(|rank| all(&whole.share(rank, size).workers(rank), 1)).collect();
            for (i, batch) in batches.iter().enumerate() {
                let shares = || parts.iter().map(|part| &part[i]);
                assert_eq!(shares().flat_map(|share| share.x().to_vec()).collect::<Vec<_>>(), batch.x());
                assert_eq!(shares().flat_map(|share| share.indices().to_vec()).collect::<Vec<_>>(), batch.indices());
                assert_eq!(shares().flat_map(|share| share.labels().to_vec()).collect::<Vec<_>>(), batch.labels());
                let soft = |batch: &Batch| match batch.target() {
                    Target::Values(values) => values.to_vec(),
                    Target::Classes(_) => Vec::new(),
                };
                assert_eq!(shares().flat_map(soft).collect::<Vec<_>>(), soft(batch));
                assert!(shares().all(|share| share.len().abs_diff(batch.len() / size) <= 1));
            }
        }
    }
}
