//! A group of threads.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::Group;
use crate::error::{Error, Result};

/// A group of `size` threads (at least 1) in this process: give each member to a thread of its own.
///
/// It computes what processes on as many machines would, with the same bits: for tests, and for programs that have no
/// MPI. To use the cores of one machine, [`Pool`](crate::Pool) is faster.
///
/// ```
/// use flatgrad::data;
/// use flatgrad::distributed::team;
/// use flatgrad::train::{Fit, Settings};
/// use flatgrad_core::net::{Layer, Net, Optimizer};
/// use flatgrad_core::{Context, Isa};
///
/// const NET: Net = Net::new([1, 8, 8], &[Layer::flatten(), Layer::dense(10)]);
/// let (digits, settings) = (data::digits()?, Settings { epochs: 2, ..Settings::new(Optimizer::adam(1e-2)) });
/// let outcomes: Vec<_> = std::thread::scope(|scope| {
///     let ranks = team(2).into_iter().map(|mut member| {
///         let fit = Fit::new(NET, &digits, &settings);
///         scope.spawn(move || fit.run_in(Context::serial(Isa::detect()), &mut member, &mut []))
///     });
///     ranks.collect::<Vec<_>>().into_iter().map(|rank| rank.join().unwrap()).collect()
/// });
/// let [first, second] = &outcomes[..] else { unreachable!() };
/// assert_eq!(first.as_ref().unwrap().weights, second.as_ref().unwrap().weights);
/// assert!(first.as_ref().unwrap().test.accuracy > Some(0.8));
/// # Ok::<(), flatgrad::Error>(())
/// ```
pub fn team(size: usize) -> Vec<Member> {
    let size = size.max(1);
    let table = Arc::new(Table { size, state: Mutex::new(State::default()), changed: Condvar::new() });
    (0..size).map(|rank| Member { rank, table: Arc::clone(&table) }).collect()
}

/// A thread's place in its group.
///
/// When it is dropped, it has left: whoever waits for it gets an error instead.
#[derive(Debug)]
pub struct Member {
    rank: usize,
    table: Arc<Table>,
}

/// Where the members meet.
#[derive(Debug)]
struct Table {
    size: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// What has been given so far, with the ranks.
    given: Vec<(usize, Vec<u8>)>,
    /// What all have given the last time, in the order of the ranks.
    complete: Arc<Vec<Vec<u8>>>,
    /// How often all have met.
    meetings: u64,
    /// The first that has left.
    left: Option<usize>,
}

impl Table {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing is half done when the lock is given up.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives something, and waits for what the others give.
    fn meet(&self, rank: usize, mine: Vec<u8>) -> Result<Arc<Vec<Vec<u8>>>> {
        let mut state = self.lock();
        let meeting = state.meetings;
        state.given.push((rank, mine));
        if state.given.len() == self.size {
            let mut given = std::mem::take(&mut state.given);
            given.sort_by_key(|(rank, _)| *rank);
            state.complete = Arc::new(given.into_iter().map(|(_, bytes)| bytes).collect());
            state.meetings += 1;
            self.changed.notify_all();
        }
        while state.meetings == meeting {
            if let Some(left) = state.left {
                return Err(Error::Ranks { fault: format!("rank {left} has left the group") });
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        // The next meeting needs this rank: until then, this one's result stays.
        Ok(Arc::clone(&state.complete))
    }
}

impl Group for Member {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.table.size
    }

    fn sum(&mut self, values: &mut [f32]) -> Result {
        let mine = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let all = self.table.meet(self.rank, mine)?;
        if let Some(rank) = all.iter().position(|given| given.len() != 4 * values.len()) {
            let fault = format!("rank {rank} has {} numbers for a sum of {}", all[rank].len() / 4, values.len());
            return Err(Error::Ranks { fault });
        }
        for (rank, given) in all.iter().enumerate() {
            let given = given.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
            for (sum, value) in values.iter_mut().zip(given) {
                *sum = if rank == 0 { value } else { *sum + value };
            }
        }
        Ok(())
    }

    fn gather(&mut self, mine: &[u8]) -> Result<Vec<Vec<u8>>> {
        Ok(self.table.meet(self.rank, mine.to_vec())?.to_vec())
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.table.lock().left.get_or_insert(self.rank);
        self.table.changed.notify_all();
    }
}
