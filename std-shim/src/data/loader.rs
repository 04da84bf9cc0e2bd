//! Which samples come when, and who fetches them.

use std::ops::Range;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use flatgrad_core::rng::{Stream, permutation};

use super::batch::{Filler, Workspace};
use super::{Batch, Dataset, Normalizer};
use crate::augment::{Key, Mixing, Pipeline};
use crate::distributed;
use crate::error::{Error, Result};

/// Batches that a worker may be ahead of its consumer.
const AHEAD: usize = 2;

/// Takes a data set apart into batches, shuffled or in order, with or without worker threads.
///
/// Batch after batch, workers take turns; each has two batches in memory, and waits when they are full. The batches are
/// the same for every number of workers: where randomness is needed, it is a function of the seed, the epoch and the
/// sample.
///
/// ```
/// use flatgrad::data::{self, Loader, Normalizer};
/// let digits = data::digits()?;
/// let normalizer = Normalizer::fit(&digits.train)?;
/// let loader = Loader::new(&digits.train, &normalizer, 100).seed(1).workers(2).drop_last(true);
/// let first = loader.epoch(0, |batches| Ok(batches.next_batch()?.map(|batch| batch.labels().to_vec())))?;
/// assert_eq!((loader.steps(), first.map(|labels| labels.len())), (14, Some(100)));
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct Loader<'a> {
    filler: Filler<'a>,
    batch: usize,
    seed: u64,
    workers: usize,
    drop_last: bool,
    part: Part,
}

/// Which part of each batch.
#[derive(Clone, Copy)]
struct Part {
    rank: usize,
    size: usize,
}

impl Part {
    fn of(self, samples: usize) -> Range<usize> {
        distributed::share(samples, self.rank, self.size)
    }
}

impl<'a> Loader<'a> {
    /// More workers than this are taken for a slip of the pen.
    pub const MAX_WORKERS: usize = 256;

    /// Batches of `batch` samples (at least 1) that the caller's thread fetches; the last one takes what is left.
    pub fn new(data: &'a dyn Dataset, normalizer: &'a Normalizer, batch: usize) -> Self {
        let filler = Filler { data, normalizer, pipeline: None, mixing: Mixing::DEFAULT };
        Self { filler, batch: batch.max(1), seed: 0, workers: 0, drop_last: false, part: Part { rank: 0, size: 1 } }
    }

    /// Decides the order of samples, and everything random that happens to them.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }
    /// So many threads fetch batches ahead, at most [`Loader::MAX_WORKERS`]; 0: the caller's own thread does.
    pub fn workers(self, workers: usize) -> Self {
        Self { workers: workers.min(Self::MAX_WORKERS), ..self }
    }
    /// Leaves out a last batch that is not full.
    pub fn drop_last(self, drop_last: bool) -> Self {
        Self { drop_last, ..self }
    }
    /// Changes each sample on its way: images of bytes in parts of white, from 0 to 1, and normalized afterwards; `f32`
    /// samples when they are normalized. The pipeline must be for the data's shape, and keep the channels, or give
    /// several images, one after another, with all channels each ([`MultiCrop`](crate::augment::MultiCrop)).
    pub fn pipeline(self, pipeline: Option<&'a Pipeline>) -> Self {
        let pipeline = pipeline.filter(|pipeline| !pipeline.is_empty());
        Self { filler: Filler { pipeline, ..self.filler }, ..self }
    }
    /// Mixes the samples of a batch with one another, after the pipeline. Targets become probabilities of the classes.
    pub fn mixing(self, mixing: Mixing) -> Self {
        Self { filler: Filler { mixing, ..self.filler }, ..self }
    }
    /// Takes from each batch only the share of one of `size` ranks ([`share`](distributed::share)): together they have
    /// what one would have. A share is empty where a batch has fewer samples than there are ranks.
    pub fn share(self, rank: usize, size: usize) -> Self {
        Self { part: Part { rank, size }, ..self }
    }

    /// Which of a batch's `samples` are in the share.
    pub(crate) fn share_of(&self, samples: usize) -> Range<usize> {
        self.part.of(samples)
    }

    /// Channels, height and width of the samples in a batch.
    pub fn shape(&self) -> [usize; 3] {
        self.filler.shape()
    }

    /// Batches in a pass over the data.
    pub fn steps(&self) -> usize {
        let len = self.filler.data.len();
        if self.drop_last { len / self.batch } else { len.div_ceil(self.batch) }
    }

    /// A shuffled pass, `epoch` counted from 0: [`epoch_order`] is the order. `consume` may end early.
    ///
    /// # Errors
    ///
    /// Those of `consume`; [`Error::Setting`] if the system refuses to start the workers.
    pub fn epoch<T>(&self, epoch: u64, consume: impl FnOnce(&mut Batches) -> Result<T>) -> Result<T> {
        self.epoch_from(epoch, 0, consume)
    }

    /// [`Loader::epoch`] without its first `skip` batches, which are not even fetched: the others are what they are in
    /// the whole pass.
    ///
    /// # Errors
    ///
    /// As [`Loader::epoch`].
    pub fn epoch_from<T>(&self, epoch: u64, skip: usize, consume: impl FnOnce(&mut Batches) -> Result<T>) -> Result<T> {
        self.pass(epoch, self.order(epoch), skip, consume)
    }

    /// The order in which a shuffled pass takes the samples.
    pub fn order(&self, epoch: u64) -> Vec<u32> {
        epoch_order(self.seed, epoch, self.filler.data.len() as u32)
    }

    /// The data.
    pub fn data(&self) -> &'a dyn Dataset {
        self.filler.data
    }

    /// A pass in the data's own order.
    ///
    /// # Errors
    ///
    /// As [`Loader::epoch`].
    pub fn in_order<T>(&self, consume: impl FnOnce(&mut Batches) -> Result<T>) -> Result<T> {
        self.pass(0, (0..self.filler.data.len() as u32).collect(), 0, consume)
    }

    /// All batches in the data's own order, one after another.
    ///
    /// # Errors
    ///
    /// As [`Loader::epoch`].
    pub fn each(&self, mut consume: impl FnMut(&Batch) -> Result) -> Result {
        self.in_order(|batches| {
            while let Some(batch) = batches.next_batch()? {
                consume(batch)?;
            }
            Ok(())
        })
    }

    fn pass<T>(
        &self,
        epoch: u64,
        order: Vec<u32>,
        skip: usize,
        consume: impl FnOnce(&mut Batches) -> Result<T>,
    ) -> Result<T> {
        let (steps, first) = (self.steps(), skip.min(self.steps()));
        let Self { filler, batch, seed, part, .. } = *self;
        let pass = Pass { filler, order, batch, seed, epoch, part, first, steps };
        let pass = &pass;
        if self.workers == 0 {
            return consume(&mut Batches::new(pass, Vec::new()));
        }
        thread::scope(|scope| {
            let mut lanes = Vec::new();
            for worker in 0..self.workers.min(pass.steps - pass.first) {
                let (lane, empty, full) = Lane::new();
                let mine = (pass.first + worker..pass.steps).step_by(self.workers);
                let work = move || pass.work(mine, &empty, &full);
                let started = thread::Builder::new().name(format!("flatgrad-data-{worker}")).spawn_scoped(scope, work);
                started.map_err(|e| Error::setting("workers", format!("cannot start {}: {e}", self.workers)))?;
                lanes.push(lane);
            }
            // The lanes end with the batches, and the workers with the lanes.
            consume(&mut Batches::new(pass, lanes))
        })
    }
}

/// The batches of one pass.
struct Pass<'a> {
    filler: Filler<'a>,
    order: Vec<u32>,
    batch: usize,
    seed: u64,
    epoch: u64,
    part: Part,
    /// The first batch.
    first: usize,
    /// One after the last.
    steps: usize,
}

impl Pass<'_> {
    fn fill(&self, step: usize, space: &mut Workspace, batch: &mut Batch) -> Result {
        let indices = self.order.chunks(self.batch).nth(step).unwrap_or_default();
        let key = Key { seed: self.seed, epoch: self.epoch, sample: step as u64 };
        self.filler.fill_part(key, indices, self.part.of(indices.len()), space, batch)
    }

    /// A worker's life: empty batches come, full ones go; it ends when nobody is at the other end.
    fn work(&self, steps: impl Iterator<Item = usize>, empty: &Receiver<Batch>, full: &SyncSender<Result<Batch>>) {
        let mut space = Workspace::default();
        for step in steps {
            let Ok(mut batch) = empty.recv() else { return };
            let filled = self.fill(step, &mut space, &mut batch).map(|()| batch);
            if full.send(filled).is_err() {
                return;
            }
        }
    }
}

/// The consumer's ends of a worker's channels.
struct Lane {
    empty: Sender<Batch>,
    full: Receiver<Result<Batch>>,
}

impl Lane {
    fn new() -> (Self, Receiver<Batch>, SyncSender<Result<Batch>>) {
        let ((empty, taken), (filled, full)) = (channel(), sync_channel(AHEAD));
        (0..AHEAD).for_each(|_| {
            // Both ends are here.
            let _ = empty.send(Batch::default());
        });
        (Self { empty, full }, taken, filled)
    }
}

/// The batches of a pass, one after another.
pub struct Batches<'a> {
    pass: &'a Pass<'a>,
    lanes: Vec<Lane>,
    space: Workspace,
    batch: Batch,
    step: usize,
    waited: Duration,
}

impl<'a> Batches<'a> {
    fn new(pass: &'a Pass<'a>, lanes: Vec<Lane>) -> Self {
        let (space, batch) = (Workspace::default(), Batch::default());
        Self { pass, lanes, space, batch, step: pass.first, waited: Duration::ZERO }
    }

    /// The next batch, or `None` at the end of the pass.
    ///
    /// # Errors
    ///
    /// The first sample that cannot be read.
    pub fn next_batch(&mut self) -> Result<Option<&Batch>> {
        if self.step == self.pass.steps {
            return Ok(None);
        }
        let start = Instant::now();
        let result = self.fetch();
        self.waited += start.elapsed();
        self.step += 1;
        result.map(|()| Some(&self.batch))
    }

    fn fetch(&mut self) -> Result {
        let workers = self.lanes.len();
        if workers == 0 {
            return self.pass.fill(self.step, &mut self.space, &mut self.batch);
        }
        let taken = self.step - self.pass.first;
        // What the caller has seen goes back to the worker it came from.
        if let Some(before) = taken.checked_sub(1) {
            let _ = self.lanes[before % workers].empty.send(std::mem::take(&mut self.batch));
        }
        match self.lanes[taken % workers].full.recv() {
            Ok(filled) => self.batch = filled?,
            // Only a worker that panicked is gone: when its scope ends, so does this thread.
            Err(_) => panic!("a data worker panicked"),
        }
        Ok(())
    }

    /// How long the caller has waited for batches so far; without workers, how long fetching them took.
    pub fn waited(&self) -> Duration {
        self.waited
    }
}

/// The random stream of the order of samples; its step is the epoch.
const STREAM: u32 = 0x4000_0000;

/// The order in which an epoch (counted from 0) takes the samples `0..n`: a function of the seed and the epoch alone
/// ([`permutation`]).
///
/// ```
/// use flatgrad::data::epoch_order;
/// let mut order = epoch_order(1, 0, 100);
/// assert_ne!(order, epoch_order(1, 1, 100));
/// order.sort();
/// assert!(order.into_iter().eq(0..100));
/// ```
pub fn epoch_order(seed: u64, epoch: u64, n: u32) -> Vec<u32> {
    let mut order = vec![0; n as usize];
    let shuffled = permutation(Stream { seed, stream: STREAM, step: epoch }, &mut order);
    debug_assert!(shuffled.is_ok(), "a u32 counts the samples, and that is all it asks");
    order
}
