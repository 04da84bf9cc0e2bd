//! Everything on which the rest of a training run depends, in one file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use safetensors::tensor::SafeTensors;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Callback, Flow, PlateauState, RunStart, Saved, StepRecord};
use crate::error::{Error, Result};
use crate::files::{atomic_write, remove_stale};
use crate::model::{StateDict, Tensor};

/// The key of the metadata under which everything but the tensors stands.
const KEY: &str = "flatgrad.checkpoint";
/// The name of a checkpoint in the folder of its run.
const FILE: &str = "checkpoint.safetensors";

// The names of the tensors; those of callbacks come after a prefix.
const WEIGHTS: &str = "weights";
const OPTIMIZER: &str = "optimizer";
const AVERAGE: &str = "average";
const SAVED: &str = "saved.";

/// Everything on which the rest of a training run depends: given back to [`Fit::resume`](super::Fit::resume), the run
/// ends with the weights that it would have without the interruption, bit for bit.
///
/// The file is safetensors: the tensors `weights` and `optimizer` in the order of the arena, the average of the weights
/// if one is kept, what callbacks keep, and as metadata one text in JSON with all the rest and the SHA-256 of everything.
/// It is written in one go: a reader finds the old content or the new.
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
    /// What the schedule remembers.
    pub plateau: PlateauState,
}

/// The metadata.
#[derive(Serialize, Deserialize)]
struct Text {
    position: Position,
    settings: BTreeMap<String, String>,
    data: String,
    saved: BTreeMap<String, Value>,
}

/// [`Text`] as text, and the hash of it and all tensors.
#[derive(Serialize, Deserialize)]
struct Sealed {
    sha256: String,
    text: String,
}

impl Checkpoint {
    /// The content of a file. The same checkpoint gives the same bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Weights`] if the header would be larger than the format allows.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut dict = StateDict::new();
        let mut push = |name: &str, data: &[f32]| match data.len() {
            0 => Ok(()),
            len => dict.push(name, &[len], data.to_vec()),
        };
        push(WEIGHTS, &self.weights)?;
        push(OPTIMIZER, &self.optimizer)?;
        push(AVERAGE, self.average.as_deref().unwrap_or_default())?;
        for (name, data) in &self.saved.tensors {
            push(&format!("{SAVED}{name}"), data)?;
        }
        let text = Text {
            position: self.position,
            settings: self.settings.clone(),
            data: self.data.clone(),
            saved: self.saved.values.clone(),
        };
        let fault = |e: String| Error::weights("checkpoint", e);
        let text = serde_json::to_string(&text).map_err(|e| fault(e.to_string()))?;
        let sealed = Sealed { sha256: seal(&text, &dict), text };
        let sealed = serde_json::to_string(&sealed).map_err(|e| fault(e.to_string()))?;
        let metadata = [(KEY.to_string(), sealed)].into_iter().collect();
        safetensors::serialize(dict.iter(), Some(metadata)).map_err(|e| fault(e.to_string()))
    }

    /// Reads what [`Checkpoint::to_bytes`] gave; errors call it `origin`.
    ///
    /// # Errors
    ///
    /// [`Error::Weights`] if it is anything else, or if a single bit of it has changed.
    pub fn from_bytes(origin: &str, bytes: &[u8]) -> Result<Self> {
        let fault = |what: &str| Error::weights(origin, format!("not a checkpoint, or a spoilt one: {what}"));
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| fault(&e.to_string()))?;
        let sealed = header.metadata().as_ref().and_then(|metadata| metadata.get(KEY));
        let sealed = sealed.ok_or_else(|| fault(&format!("no {KEY} among its metadata")))?;
        let Sealed { sha256, text } = serde_json::from_str(sealed).map_err(|e| fault(&e.to_string()))?;
        let dict = StateDict::from_safetensors(bytes).map_err(|e| fault(&e.to_string()))?;
        if seal(&text, &dict) != sha256 {
            return Err(fault("its content does not have the hash that it says"));
        }
        let Text { position, settings, data, saved } =
            serde_json::from_str(&text).map_err(|e| fault(&e.to_string()))?;
        let mut tensors: BTreeMap<String, Vec<f32>> = BTreeMap::new();
        for (name, tensor) in dict.iter() {
            let Tensor::F32 { data, .. } = tensor else { return Err(fault("a counter")) };
            tensors.insert(name.to_string(), data.clone());
        }
        let mut take = |name: &str| tensors.remove(name);
        let (weights, optimizer, average) = (take(WEIGHTS), take(OPTIMIZER), take(AVERAGE));
        let kept = tensors.into_iter().filter_map(|(name, data)| Some((name.strip_prefix(SAVED)?.to_string(), data)));
        let saved = Saved { values: saved, tensors: kept.collect() };
        let (weights, optimizer) = (weights.unwrap_or_default(), optimizer.unwrap_or_default());
        Ok(Self { position, settings, data, weights, optimizer, average, saved })
    }

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
        let mut differences = Vec::new();
        for (name, now) in settings {
            let before = self.settings.get(name).map_or("unknown", String::as_str);
            if before != now && name == "network" {
                differences.push("the network is not the same".to_string());
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

/// The SHA-256 of a text and named tensors.
fn seal(text: &str, dict: &StateDict) -> String {
    let mut rows: Vec<_> = dict.iter().collect();
    rows.sort_by_key(|(name, _)| *name);
    let mut hash = Sha256::new();
    hash.update(text);
    for (name, tensor) in rows {
        hash.update([0]);
        hash.update(name);
        if let Tensor::F32 { data, .. } = tensor {
            hash.update((data.len() as u64).to_le_bytes());
            data.iter().for_each(|x| hash.update(x.to_le_bytes()));
        }
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes checkpoints to a file: after so many steps, after so much time, and whenever another callback asks for one or
/// training stops early.
///
/// ```
/// use flatgrad::train::{Checkpoint, Checkpoints, Fit, Settings};
/// use flatgrad::data;
/// use flatgrad_core::net::{Layer, Net, Optimizer};
/// use flatgrad_core::{Context, Isa};
///
/// const NET: Net = Net::new([1, 8, 8], &[Layer::flatten(), Layer::dense(10)]);
/// let (ctx, digits) = (Context::serial(Isa::detect()), data::digits()?);
/// let settings = Settings { epochs: 2, ..Settings::new(Optimizer::adam(1e-2)) };
/// let whole = Fit::new(NET, &digits, &settings).run(ctx, &mut [])?;
///
/// let folder = tempfile::tempdir()?;
/// let path = Checkpoint::path_in(folder.path());
/// let stopped = Settings { max_steps: Some(20), ..settings.clone() };
/// Fit::new(NET, &digits, &stopped).run(ctx, &mut [&mut Checkpoints::new(&path)])?;
/// let rest = Fit::new(NET, &digits, &settings).resume(Checkpoint::load(&path)?).run(ctx, &mut [])?;
/// assert_eq!(rest.weights, whole.weights);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Checkpoints {
    path: PathBuf,
    steps: Option<u64>,
    interval: Option<Duration>,
    last: Instant,
    note: Vec<String>,
}

impl Checkpoints {
    /// To this file, when another callback asks for it or training stops before its last epoch.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), steps: None, interval: None, last: Instant::now(), note: Vec::new() }
    }

    /// Also after each `steps` steps.
    pub fn every_steps(self, steps: u64) -> Self {
        Self { steps: Some(steps.max(1)), ..self }
    }

    /// Also after the first step at which so much time has passed since the last one.
    pub fn every(self, interval: Duration) -> Self {
        Self { interval: Some(interval), ..self }
    }

    /// Keeps lines of text with it, such as the arguments of a program; [`Checkpoints::note_in`] finds them again.
    pub fn note(self, note: Vec<String>) -> Self {
        Self { note, ..self }
    }

    /// The lines of text that were kept.
    ///
    /// # Errors
    ///
    /// [`Error::Weights`] if they are none.
    pub fn note_in(checkpoint: &Checkpoint) -> Result<Vec<String>> {
        Ok(checkpoint.saved.get("note")?.unwrap_or_default())
    }
}

impl Callback for Checkpoints {
    fn start(&mut self, _: &RunStart) -> Result {
        self.last = Instant::now();
        // What a killed process may have left behind.
        remove_stale(&self.path);
        Ok(())
    }

    fn batch(&mut self, step: &StepRecord) -> Result<Flow> {
        let due = self.steps.is_some_and(|steps| step.step.is_multiple_of(steps))
            || self.interval.is_some_and(|interval| self.last.elapsed() >= interval);
        Ok(if due { Flow::SAVE } else { Flow::CONTINUE })
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result {
        checkpoint.save(&self.path)?;
        self.last = Instant::now();
        Ok(())
    }

    fn save(&self, saved: &mut Saved) {
        saved.put("note", &self.note);
    }
}
