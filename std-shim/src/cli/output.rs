//! What people see.

use std::fmt::Arguments;
use std::io::Write;

use flatgrad::report::{EpochRecord, Progress, grouped};
use flatgrad::train::{Observer, StepRecord};

/// Lines for people: to stdout, or to stderr if stdout is for a program.
#[derive(Clone, Copy, Debug)]
pub struct Printer {
    pub to_stderr: bool,
}

impl Printer {
    /// Prints a line. A closed pipe is no reason to stop training: the results still go to their folder.
    pub fn line(&self, text: Arguments) {
        let _ =
            if self.to_stderr { writeln!(std::io::stderr(), "{text}") } else { writeln!(std::io::stdout(), "{text}") };
    }
}

/// A progress bar, and a line per epoch.
pub struct Console {
    pub printer: Printer,
    pub progress: Progress,
    pub quiet: bool,
    pub epochs: usize,
}

impl Observer for Console {
    fn step(&mut self, step: &StepRecord) {
        self.progress.step(step.epoch, step.loss, step.samples_per_second);
    }

    fn epoch(&mut self, record: &EpochRecord) {
        if self.quiet {
            return;
        }
        let width = self.epochs.to_string().len();
        let EpochRecord { epoch, train_loss, test_loss, test_accuracy, samples_per_second, .. } = record;
        let (percent, rate) = (100.0 * test_accuracy, grouped(*samples_per_second as u64));
        self.progress.suspend(|| {
            self.printer.line(format_args!(
                "  epoch {epoch:>width$}/{}   loss {train_loss:.4}   test loss {test_loss:.4}   \
                 test accuracy {percent:.2} %   {rate} images/s",
                self.epochs
            ));
        });
    }
}

/// Bytes for people.
pub fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
