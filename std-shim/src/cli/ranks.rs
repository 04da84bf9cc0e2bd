//! Training by several processes that were started together.

use std::process::ExitCode;

use flatgrad::Result;

use super::complain;
use super::flags::message;
use flatgrad::distributed::Group;

/// The exit status after an error.
const STATUS: u8 = 2;

/// A group, and whether all its ranks are ready.
pub struct Ranks<'g> {
    pub group: &'g mut dyn Group,
    asked: bool,
}

impl Ranks<'_> {
    /// Whether this process is the one that speaks and writes.
    pub fn is_first(&self) -> bool {
        self.group.rank() == 0
    }

    /// Waits until all are: nothing has been touched before, and everything that can be refused has been.
    pub fn ready(&mut self) -> Result {
        self.answer(Ok(()))
    }

    fn answer(&mut self, mine: std::result::Result<(), String>) -> Result {
        if self.group.size() == 1 || self.asked {
            return Ok(());
        }
        self.asked = true;
        self.group.agree(mine)
    }
}

/// Runs `task` in the group that this process belongs to. What is wrong everywhere is said once.
pub fn together(task: impl FnOnce(&mut Ranks) -> Result<ExitCode>) -> Result<ExitCode> {
    in_group(|group| {
        let mut ranks = Ranks { group, asked: false };
        let result = task(&mut ranks);
        let error = match result {
            Err(error) if ranks.group.size() > 1 => error,
            result => return result,
        };
        let error =
            if error.is_everybodys() { error } else { ranks.answer(Err(message(&error))).err().unwrap_or(error) };
        if !error.is_everybodys() {
            return Err(error);
        }
        // Before anybody ends: mpirun then ends the others.
        if ranks.is_first() {
            complain(&message(&error));
        }
        Ok(ExitCode::from(STATUS))
    })
}

#[cfg(feature = "mpi")]
fn in_group(task: impl FnOnce(&mut dyn Group) -> Result<ExitCode>) -> Result<ExitCode> {
    flatgrad::distributed::mpi::run(|world| task(world))
}

#[cfg(not(feature = "mpi"))]
fn in_group(task: impl FnOnce(&mut dyn Group) -> Result<ExitCode>) -> Result<ExitCode> {
    // Open MPI, MPICH and its kin, MVAPICH.
    let counts = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE"];
    let counts = counts.iter().filter_map(|name| std::env::var(name).ok()?.parse().ok());
    match counts.max().unwrap_or(1) {
        0..=1u64 => task(&mut flatgrad::distributed::Alone),
        n => Err(flatgrad::Error::Ranks {
            fault: format!(
                "started as one of {n} processes, but built without the feature mpi: each would train by itself and \
                 replace the others' results; build with `cargo install flatgrad --features mpi`, or start one process"
            ),
        }),
    }
}
