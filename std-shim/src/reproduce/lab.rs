//! What every experiment works with.

use flatgrad_core::{Context, Isa, Parallel};
use rayon::prelude::*;

use crate::data::{DataSplit, Dataset, Opened};
use crate::error::{Error, Result};
use crate::parallel::Pool;
use crate::report::Progress;

/// On what, and how thoroughly.
#[derive(Clone)]
pub struct Setup {
    /// Images of classes.
    pub data: DataSplit,
    /// Whether they are few and small, such as the digits: networks are smaller then, and courses shorter.
    pub small: bool,
    /// How many runs of each kind, with the seeds from 0 on; at least 1.
    pub seeds: u64,
    /// Shorter courses: to see that it works.
    pub quick: bool,
    /// The instruction set: changes the speed only.
    pub isa: Isa,
    /// How many runs go on at the same time: changes the speed only.
    pub threads: usize,
    /// Show no progress.
    pub hidden: bool,
}

impl Setup {
    /// Three seeds on this data, on all threads.
    pub fn new(data: Opened) -> Self {
        let Opened { split, small, .. } = data;
        let (isa, threads) = (Isa::detect(), Pool::available());
        Self { data: split, small, seeds: 3, quick: false, isa, threads, hidden: false }
    }

    /// Refuses what no experiment can use.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the data is not images of classes, or `seeds` is 0.
    pub fn check(&self) -> Result {
        if self.seeds == 0 {
            return Err(Error::setting("seeds", "must be at least 1"));
        }
        let train = &self.data.train;
        let [_, height, width] = train.shape();
        if !train.task().is_classes() || height < 8 || width < 8 {
            let fault = format!("{} is not images of classes, of 8 x 8 pixels or more", train.name());
            return Err(Error::setting("data", fault));
        }
        Ok(())
    }
}

/// A setup that was checked, and threads.
pub(super) struct Lab<'a> {
    pub(super) setup: &'a Setup,
    name: &'static str,
    pool: Pool,
}

impl<'a> Lab<'a> {
    pub(super) fn new(setup: &'a Setup, name: &'static str) -> Result<Self> {
        setup.check()?;
        Ok(Self { setup, name, pool: Pool::new(setup.threads)? })
    }

    pub(super) fn data(&self) -> &'a DataSplit {
        &self.setup.data
    }

    pub(super) fn seeds(&self) -> std::ops::Range<u64> {
        0..self.setup.seeds
    }

    /// Runs go on side by side, each on one thread.
    pub(super) fn context(&self) -> Context<'static> {
        Context::serial(self.setup.isa)
    }

    /// What there is of for large data, for small data, and to be quick.
    pub(super) fn pick<T>(&self, large: T, small: T, quick: T) -> T {
        match (self.setup.quick, self.setup.small) {
            (true, _) => quick,
            (false, true) => small,
            (false, false) => large,
        }
    }

    /// In a few words, for those who read the result.
    pub(super) fn setting(&self) -> String {
        let DataSplit { train, test } = self.data();
        let seeds = if self.setup.seeds == 1 { "1 seed".to_string() } else { format!("{} seeds", self.setup.seeds) };
        let quick = if self.setup.quick { ", quick" } else { "" };
        format!("{}: {} samples, {} to test; {seeds}{quick}", train.name(), train.len(), test.len())
    }

    /// A kind of run, with each seed.
    pub(super) fn with_seeds<S: Clone>(&self, kinds: &[S]) -> Vec<(S, u64)> {
        kinds.iter().flat_map(|kind| self.seeds().map(move |seed| (kind.clone(), seed))).collect()
    }

    /// Does the runs, as many at a time as there are threads, and gives their results in order; `steps` is how many
    /// steps all take together. What a run gives does not depend on the others.
    pub(super) fn side_by_side<S: Sync, T: Send>(
        &self,
        steps: u64,
        runs: &[S],
        run: impl Fn(&S, &Progress) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let progress = Progress::new(steps, self.setup.hidden);
        progress.say(self.name);
        let results = match self.pool.threads() {
            1 => runs.iter().map(|kind| run(kind, &progress)).collect(),
            // Each run is a task of its own: they are few, and long.
            _ => self.pool.run(|| runs.par_iter().with_max_len(1).map(|kind| run(kind, &progress)).collect()),
        };
        progress.finish();
        results
    }
}

/// The runs of each kind, in the order of [`Lab::with_seeds`].
pub(super) fn by_kind<T>(lab: &Lab, results: &[T]) -> Vec<Vec<T>>
where
    T: Clone,
{
    results.chunks(lab.setup.seeds.max(1) as usize).map(<[T]>::to_vec).collect()
}
