//! Checkpoints on the disk, while a run is under way.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Checkpoint;
use crate::error::Result;
use crate::files::remove_stale;
use crate::train::{Callback, Flow, RunStart, Saved, StepRecord};

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
    /// [`Error::Weights`](crate::Error::Weights) if they are none.
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
