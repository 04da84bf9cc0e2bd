//! Those who look on while a diagnosis or a search is made.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::TrialRecord;
use crate::error::Result;

/// Hears how far a diagnosis or a search is; all methods do nothing by default, and `()` does not listen.
pub trait Watch: Send {
    /// The next stage begins: its name, and which part of all is done.
    fn stage(&mut self, name: &str, done: f64) {
        let _ = (name, done);
    }

    /// A flag that ends it after the step under way.
    fn interrupt(&self) -> Option<Arc<AtomicBool>> {
        None
    }

    /// A trial of a search is done: who keeps it can give it to the next search, and it is not made again.
    ///
    /// # Errors
    ///
    /// If it cannot be kept; the search ends then.
    fn trial(&mut self, trial: &TrialRecord) -> Result {
        let _ = trial;
        Ok(())
    }
}

impl Watch for () {}

/// A part of a longer way.
pub(super) struct Scaled<'a> {
    pub(super) watch: &'a mut dyn Watch,
    pub(super) to: f64,
}

impl Watch for Scaled<'_> {
    fn stage(&mut self, name: &str, done: f64) {
        self.watch.stage(name, self.to * done);
    }
    fn interrupt(&self) -> Option<Arc<AtomicBool>> {
        self.watch.interrupt()
    }
}
