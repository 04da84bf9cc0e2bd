//! The processes that `mpirun` has started.
//!
//! Needs the cargo feature `mpi` and an installation of MPI; tested with Open MPI 4.1.4 (on Debian `libopenmpi-dev`,
//! `openmpi-bin` and, to build, `libclang-dev`).
//!
//! ```text
//! cargo install flatgrad --features mpi
//! mpirun -n 2 flatgrad train --data /data/cifar10 --batch 256
//! mpirun -n 4 --hostfile hosts --map-by slot:PE=8 flatgrad train --data /data/cifar10 --batch 256
//! ```
//!
//! The second line starts 4 processes on the machines in `hosts`, with 8 cores each: that many threads, unless
//! `--threads` says otherwise. Each process reads the data from the same path on its own machine. Rank 0 prints, and
//! writes the results and checkpoints; for `--resume` it reads the checkpoint for all. The number of processes must
//! then be what it was: it decides over bits.
//!
//! Ctrl-C, and SIGTERM to `mpirun`, reach all processes: after the step under way rank 0 writes a checkpoint, says how
//! to go on, and all end. Open MPI kills processes that take longer than a second; for steps that do, say
//! `mpirun --mca odls_base_sigkill_timeout 60`. The checkpoint of the last minute is there in any case.

use mpi::Count;
use mpi::datatype::{Partition, PartitionMut};
use mpi::environment::Universe;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;

use super::{Group, share};
use crate::error::{Error, Result};

/// The status of a program that one rank's error has ended.
const STATUS: i32 = 2;

/// Runs `task` as one of the processes that were started together; without `mpirun` there is one. Only once in a
/// program.
///
/// An error that all ranks have ([`Error::is_everybodys`]) comes back on all of them. Any other is this rank's alone:
/// it is written to stderr, and MPI ends all processes, since the others would wait for this one. So does a panic.
///
/// ```no_run
/// use flatgrad::data;
/// use flatgrad::distributed::{Group, mpi};
/// use flatgrad::train::{Fit, Settings};
/// use flatgrad_core::net::{Layer, Net, Optimizer};
/// use flatgrad_core::{Context, Isa};
///
/// const NET: Net = Net::new([1, 8, 8], &[Layer::flatten(), Layer::dense(10)]);
/// mpi::run(|world| {
///     let (digits, settings) = (data::digits()?, Settings::new(Optimizer::adam(1e-2)));
///     let outcome = Fit::new(NET, &digits, &settings).run_in(Context::serial(Isa::detect()), world, &mut [])?;
///     if world.rank() == 0 {
///         println!("weights sha256 {}", outcome.weights.sha256());
///     }
///     Ok(())
/// })?;
/// # Ok::<(), flatgrad::Error>(())
/// ```
///
/// # Errors
///
/// Those of `task`; [`Error::Ranks`] if MPI has been started before, or must not be called from any thread but the
/// first.
pub fn run<T>(task: impl FnOnce(&mut World) -> Result<T>) -> Result<T> {
    let universe = start()?;
    let (communicator, guard) = (universe.world(), EndsAllOnPanic);
    let (rank, size) = (communicator.rank() as usize, communicator.size() as usize);
    let result = task(&mut World { rank, size, received: Vec::new() });
    drop(guard);
    if let Err(error) = &result
        && size > 1
        && !error.is_everybodys()
    {
        eprintln!("flatgrad: rank {rank}: {error}");
        communicator.abort(STATUS);
    }
    // Here all ranks wait for each other once more.
    drop(universe);
    result
}

fn start() -> Result<Universe> {
    let failed = |fault: &str| Error::Ranks { fault: fault.to_string() };
    let wanted = mpi::Threading::Serialized;
    let started = mpi::initialize_with_threading(wanted);
    let (universe, threading) = started.ok_or_else(|| failed("MPI has been started before"))?;
    if threading < wanted {
        return Err(failed("this MPI cannot be called from threads (MPI_THREAD_SERIALIZED)"));
    }
    Ok(universe)
}

/// The others would wait for ever.
struct EndsAllOnPanic;

impl Drop for EndsAllOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            SimpleCommunicator::world().abort(STATUS);
        }
    }
}

/// All processes that were started together.
#[derive(Debug)]
pub struct World {
    rank: usize,
    size: usize,
    /// This rank's part of a sum, as each rank has it.
    received: Vec<f32>,
}

impl Group for World {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    /// Each rank adds up a part and gives it to all: so much is sent as in a ring, whatever the number of ranks.
    fn sum(&mut self, values: &mut [f32]) -> Result {
        if self.size == 1 {
            return Ok(());
        }
        count(values.len() + self.size)?;
        let world = SimpleCommunicator::world();
        let parts: Vec<_> = (0..self.size).map(|rank| share(values.len(), rank, self.size)).collect();
        let counts: Vec<Count> = parts.iter().map(|part| part.len() as Count).collect();
        let starts: Vec<Count> = parts.iter().map(|part| part.start as Count).collect();
        let mine = parts[self.rank].len();
        self.received.resize(self.size * mine, 0.0);
        let each = vec![mine as Count; self.size];
        let places: Vec<Count> = (0..self.size).map(|rank| (rank * mine) as Count).collect();
        world.all_to_all_varcount_into(
            &Partition::new(values, &counts[..], &starts[..]),
            &mut PartitionMut::new(&mut self.received[..], each, places),
        );
        let (sum, others) = self.received.split_at_mut(mine);
        for other in others.chunks_exact(mine.max(1)) {
            sum.iter_mut().zip(other).for_each(|(sum, value)| *sum += value);
        }
        world.all_gather_varcount_into(sum, &mut PartitionMut::new(values, counts, starts));
        Ok(())
    }

    fn gather(&mut self, mine: &[u8]) -> Result<Vec<Vec<u8>>> {
        let world = SimpleCommunicator::world();
        // An empty slice's address may be 1, and that is how Open MPI says "in place": no buffer is empty.
        let mine = [&[0], mine].concat();
        let mut counts: Vec<Count> = vec![0; self.size];
        world.all_gather_into(&count(mine.len())?, &mut counts[..]);
        let total = counts.iter().map(|&n| n as usize).sum();
        count(total)?;
        let ends = counts.iter().scan(0, |end, n| {
            *end += n;
            Some(*end)
        });
        let starts: Vec<Count> = ends.zip(&counts).map(|(end, n)| end - n).collect();
        let mut all = vec![0u8; total];
        world.all_gather_varcount_into(&mine[..], &mut PartitionMut::new(&mut all[..], &counts[..], &starts[..]));
        let mut rest = &all[..];
        let given = counts.iter().filter_map(|&n| rest.split_off(..n as usize));
        Ok(given.map(|given| given[1..].to_vec()).collect())
    }
}

/// MPI counts with 31 bits.
fn count(n: usize) -> Result<Count> {
    Count::try_from(n).map_err(|_| Error::Ranks { fault: format!("MPI cannot send {n} numbers at once") })
}
