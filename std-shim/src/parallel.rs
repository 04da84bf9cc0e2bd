//! Threads for the kernels, from rayon.

use flatgrad_core::{Context, Isa, Parallel};

use crate::error::{Error, Result};

/// A fixed number of threads that kernels may use.
///
/// How many there are changes the speed and never a bit: kernels share out their outputs, not their sums.
///
/// ```
/// use flatgrad::Pool;
/// use flatgrad_core::Isa;
/// let pool = Pool::new(2)?;
/// // Inside `run`, the calling thread is one of the pool's own: kernels then need no hand-over between threads.
/// let threads = pool.run(|| pool.context(Isa::detect()).threads());
/// assert_eq!(threads, 2);
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Debug)]
pub struct Pool {
    /// `None` for one thread: the caller's.
    pool: Option<rayon::ThreadPool>,
    threads: usize,
}

impl Pool {
    /// More threads than this are taken for a slip of the pen.
    pub const MAX_THREADS: usize = 1024;

    /// Starts `threads` threads.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if `threads` is 0 or above [`Pool::MAX_THREADS`], or if the system refuses to start them.
    pub fn new(threads: usize) -> Result<Self> {
        if threads == 0 || threads > Self::MAX_THREADS {
            let fault = format!("must be from 1 to {}, got {threads}", Self::MAX_THREADS);
            return Err(Error::setting("threads", fault));
        }
        if threads == 1 {
            return Ok(Self { pool: None, threads });
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("flatgrad-{i}"))
            .build()
            .map_err(|e| Error::setting("threads", format!("cannot start {threads} threads: {e}")))?;
        Ok(Self { pool: Some(pool), threads })
    }

    /// As many threads as this process may run at the same time.
    pub fn available() -> usize {
        std::thread::available_parallelism().map_or(1, |n| n.get().min(Self::MAX_THREADS))
    }

    /// A context that runs kernels on `isa` and on these threads.
    pub fn context(&self, isa: Isa) -> Context<'_> {
        if self.threads == 1 { Context::serial(isa) } else { Context::parallel(isa, self) }
    }

    /// Runs `task` on one of the pool's threads (on the caller's if there is only one) and returns its result.
    pub fn run<T: Send>(&self, task: impl FnOnce() -> T + Send) -> T {
        match &self.pool {
            Some(pool) => pool.install(task),
            None => task(),
        }
    }
}

impl Parallel for Pool {
    fn threads(&self) -> usize {
        self.threads
    }

    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
        match &self.pool {
            Some(pool) => {
                pool.install(|| rayon::join(a, b));
            }
            None => {
                a();
                b();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    #[test]
    fn both_tasks_run_once_and_at_the_same_time() {
        let pool = Pool::new(2).unwrap();
        let barrier = Barrier::new(2);
        let (mut a, mut b) = (0, 0);
        // Neither task can finish before the other has started.
        let mut first = || {
            barrier.wait();
            a += 1;
        };
        let mut second = || {
            barrier.wait();
            b += 1;
        };
        pool.join(&mut first, &mut second);
        assert_eq!((a, b), (1, 1));
    }

    #[test]
    fn one_thread_is_the_callers() {
        let pool = Pool::new(1).unwrap();
        let caller = std::thread::current().id();
        pool.join(&mut || assert_eq!(std::thread::current().id(), caller), &mut || {});
        assert_eq!(pool.run(|| std::thread::current().id()), caller);
        assert_eq!(pool.context(Isa::PORTABLE).threads(), 1);
    }

    #[test]
    fn zero_and_absurd_counts_are_refused() {
        assert!(Pool::new(0).is_err());
        assert!(Pool::new(Pool::MAX_THREADS + 1).is_err());
    }
}
