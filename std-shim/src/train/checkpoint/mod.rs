//! Everything on which the rest of a training run depends, in one file.

mod checkpoints;
mod format;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use checkpoints::Checkpoints;

use super::run::identity::{FORMAT, FORMAT_KEY};
use super::{PlateauState, Saved};
use crate::error::{Error, Result};
use crate::files::atomic_write;

/// The name of a checkpoint in the folder of its run.
const FILE: &str = "checkpoint.safetensors";

/// Everything on which the rest of a training run depends: given back to [`Fit::resume`](super::Fit::resume), the run
/// ends with the weights that it would have without the interruption, bit for bit.
///
/// The file is safetensors: the tensors `weights` and `optimizer` in the order of the arena, the average of the weights
/// if one is kept, what callbacks keep, and as metadata one text in JSON with all the rest and the SHA-256 of
/// everything. It is written in one go: a reader finds the old content or the new.
///
/// Random numbers (order of samples, dropout) are functions of the seed, the epoch and the step: there is no generator
/// whose state would have to be kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Where training stands.
    pub position: Position,
    /// The settings that decide over bits, by name, as texts.
    pub settings: BTreeMap<String, String>,
    /// The fingerprint of the data.
    pub data: String,
    /// Weights and running averages, in the order of the arena.
    pub weights: Vec<f32>,
    /// The optimizer's state.
    pub optimizer: Vec<f32>,
    /// The moving average of the parameters, if one is kept.
    pub average: Option<Vec<f32>>,
    /// What callbacks keep.
    pub saved: Saved,
}

/// Where training stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Steps made.
    pub step: u64,
    /// The epoch, counted from 1, that is under way, or that comes next.
    pub epoch: usize,
    /// Steps made in it.
    pub step_in_epoch: u64,
    /// Samples of the epoch so far.
    pub samples: usize,
    /// The sum of their losses.
    pub loss_sum: f64,
    /// How many of them were classified correctly, each just before its step.
    #[serde(default)]
    pub correct: usize,
    /// Over how many samples `correct` was counted: all of `samples` if the task is about classes, else 0. A checkpoint
    /// of an earlier version does not have the count.
    #[serde(default)]
    pub answered: usize,
    /// What the schedule remembers.
    pub plateau: PlateauState,
}

impl Position {
    /// The share of the epoch's samples that were classified correctly, if it is known of all of them.
    pub(super) fn accuracy(&self) -> Option<f64> {
        let known = self.answered > 0 && self.answered == self.samples;
        known.then(|| self.correct as f64 / self.answered as f64)
    }
}

impl Checkpoint {
    /// Replaces the file at `path`, or leaves it as it was.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; as [`Checkpoint::to_bytes`].
    pub fn save(&self, path: &Path) -> Result {
        atomic_write(path, &self.to_bytes()?)
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; as [`Checkpoint::from_bytes`].
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(Error::io(path))?;
        Self::from_bytes(&path.display().to_string(), &bytes)
    }

    /// Where the checkpoint of a run lies in its folder.
    pub fn path_in(folder: &Path) -> PathBuf {
        folder.join(FILE)
    }

    /// Refuses to go on with other settings or other data, and says what differs.
    pub(super) fn check(&self, settings: &BTreeMap<String, String>, data: &str) -> Result {
        let format = self.settings.get(FORMAT_KEY).map(String::as_str);
        if format != Some(FORMAT) {
            let from = if format.is_none() { "an earlier" } else { "another" };
            let fault = format!(
                "the checkpoint is from {from} version of the program: finish the run with that version, or \
                                 start again"
            );
            return Err(Error::setting("resume", fault));
        }
        let mut differences = Vec::new();
        for (name, now) in settings {
            let before = self.settings.get(name).map_or("unknown", String::as_str);
            if before != now && name == "network" {
                let biases = |network: &str| network.replace("bias = false", "bias = true");
                let hint = ": other layers have biases (`bias_before_norm`)";
                let hint = if biases(before) == biases(now) { hint } else { "" };
                differences.push(format!("the network is not the same{hint}"));
            } else if before != now {
                differences.push(format!("{name} was {before}, now it is {now}"));
            }
        }
        if self.data != data {
            differences.push("the data is not the same".to_string());
        }
        if differences.is_empty() { Ok(()) } else { Err(Error::setting("resume", differences.join("; "))) }
    }
}
