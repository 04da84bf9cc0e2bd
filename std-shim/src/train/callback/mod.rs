//! Looking on while a network is trained, and having a say.

mod events;
mod flow;
mod saved;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use events::{EpochEnd, RunEnd, RunStart, StepRecord};
pub use flow::Flow;
pub use saved::Saved;

use super::Checkpoint;
use crate::error::Result;

/// Hears what happens during training, and may ask for a checkpoint or the end. All methods do nothing by default.
///
/// ```
/// use flatgrad::train::{self, Callback, Flow, Settings, StepRecord};
/// use flatgrad::{Result, data};
/// use flatgrad_core::net::{Layer, Net, Optimizer};
/// use flatgrad_core::{Context, Isa};
///
/// /// Stops at the first batch with a loss below this.
/// struct GoodEnough(f32);
///
/// impl Callback for GoodEnough {
///     fn batch(&mut self, step: &StepRecord) -> Result<Flow> {
///         Ok(if step.batch_loss < self.0 { Flow::STOP } else { Flow::CONTINUE })
///     }
/// }
///
/// const NET: Net = Net::new([1, 8, 8], &[Layer::flatten(), Layer::dense(10)]);
/// let settings = Settings { epochs: 50, ..Settings::new(Optimizer::adam(1e-2)) };
/// let ctx = Context::serial(Isa::detect());
/// let outcome = train::train(ctx, NET, &data::digits()?, &settings, &mut [&mut GoodEnough(0.5)])?;
/// assert!(outcome.history.step_losses.last().unwrap() < &0.5 && outcome.steps < 100);
/// # Ok::<(), flatgrad::Error>(())
/// ```
pub trait Callback: Send {
    /// Training begins, or goes on after a checkpoint (and after [`Callback::load`]).
    ///
    /// # Errors
    ///
    /// Whatever makes training pointless; it does not begin then.
    fn start(&mut self, run: &RunStart) -> Result {
        let _ = run;
        Ok(())
    }

    /// The weights have been changed once more.
    ///
    /// # Errors
    ///
    /// Whatever makes training pointless; it ends then.
    fn batch(&mut self, step: &StepRecord) -> Result<Flow> {
        let _ = step;
        Ok(Flow::CONTINUE)
    }

    /// An epoch is over (or training has stopped inside it) and its weights have been evaluated.
    ///
    /// # Errors
    ///
    /// Whatever makes training pointless; it ends then.
    fn epoch(&mut self, epoch: &EpochEnd) -> Result<Flow> {
        let _ = epoch;
        Ok(Flow::CONTINUE)
    }

    /// Somebody asked for a checkpoint, or training stops before its last epoch.
    ///
    /// # Errors
    ///
    /// If it cannot be written; training ends then.
    fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result {
        let _ = checkpoint;
        Ok(())
    }

    /// Training is over; the weights may still be exchanged, and are evaluated again then.
    ///
    /// # Errors
    ///
    /// Whatever went wrong.
    fn end(&mut self, end: &mut RunEnd) -> Result {
        let _ = end;
        Ok(())
    }

    /// Puts into a checkpoint what must not be forgotten.
    fn save(&self, saved: &mut Saved) {
        let _ = saved;
    }

    /// Takes out of a checkpoint what [`Callback::save`] has put in.
    ///
    /// # Errors
    ///
    /// [`Error::Weights`](crate::Error::Weights) if it is not as expected.
    fn load(&mut self, saved: &Saved) -> Result {
        let _ = saved;
        Ok(())
    }
}

/// Ends training after the step in which a flag was raised, such as by a handler of Ctrl-C; a checkpoint is made first.
#[derive(Clone, Debug)]
pub struct Interrupt(pub Arc<AtomicBool>);

impl Callback for Interrupt {
    fn batch(&mut self, _: &StepRecord) -> Result<Flow> {
        Ok(if self.0.load(Ordering::Relaxed) { Flow::ABORT } else { Flow::CONTINUE })
    }
}
