//! Training by several processes, on one machine or on many: each takes its share of every batch.
//!
//! A [`Group`] is what one of them knows of the others, its *ranks*, counted from 0: it adds up what all of them have
//! computed. [`Alone`] is the only one there is; [`team`] makes a group of threads in one process; the module `mpi`,
//! which the cargo feature `mpi` brings, is a group of processes that `mpirun` has started.
//! [`Fit::run_in`](crate::train::Fit::run_in) trains in a group.
//!
//! # What is the same, and what is not
//!
//! The weights depend on the number of ranks, and on nothing else that is new: sums are taken in the order of the
//! ranks, not of arrival. All ranks have equal weights after every step, whatever their instruction sets and numbers of
//! threads.
//!
//! Order of samples, augmentation, mixing and dropout are those of a single process: with another number of ranks, the
//! gradient of a step is the same sum, rounded differently. Batch normalization is the exception: each rank normalizes
//! its own share of a batch, as PyTorch's `DistributedDataParallel` does, and the running averages are rank 0's.

mod alone;
mod group;
#[cfg(feature = "mpi")]
pub mod mpi;
mod team;

pub use alone::Alone;
pub use group::{Group, share};
pub use team::{Member, team};
