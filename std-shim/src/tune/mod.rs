//! The recipe of training, step by step, with verdicts: what is wrong with a run, and which settings to take.
//!
//! [`check()`] diagnoses one run (steps 0 to 3 and 6), [`tune()`] makes all steps and chooses. A [`Verdict`] is a
//! [`Code`], a sentence, and the figures it rests on; all thresholds are in one table, `tune/limits.rs`.
//!
//! | step | what it does |
//! |---|---|
//! | 0 | the data: moments of each part, duplicates, classes, constants, values that are no numbers |
//! | 1 | the loss before training, against what it must be; activations and gradients by layer |
//! | 2 | a few dozen samples learnt by heart, without regularization |
//! | 3 | rates, by how far the loss falls; a range test, in which the rate grows |
//! | 4 | a few rates around it and weight decays, for a few epochs |
//! | 5 | the best of these for longer, over seeds |
//! | 6 | the curves of the run |

mod check;
mod code;
mod curves;
mod data;
mod initial;
mod limits;
mod look;
mod neighbours;
mod page;
mod range;
mod rates;
mod search;
mod small;
mod subject;
mod trial;
mod verdict;
mod watch;

pub use check::{Checked, check};
pub use code::Code;
pub use page::Page;
pub use range::RangeTest;
pub use search::{Choice, SearchOptions, TrialRecord, Tuned, tune};
pub use subject::{Part, Subject};
pub use verdict::{Diagnosis, Severity, Verdict};
pub use watch::Watch;
