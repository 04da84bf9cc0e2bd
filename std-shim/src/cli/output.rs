//! What people see.

use std::fmt::Arguments;
use std::io::Write;

use flatgrad::Result;
use flatgrad::report::{Progress, grouped};
use flatgrad::train::{Callback, EpochEnd, EpochRecord, Flow, RunStart, StepRecord};

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

impl Callback for Console {
    fn start(&mut self, run: &RunStart) -> Result {
        self.progress.set(run.step);
        Ok(())
    }

    fn batch(&mut self, step: &StepRecord) -> Result<Flow> {
        self.progress.step(step.epoch, step.loss, step.accuracy, step.samples_per_second);
        Ok(Flow::CONTINUE)
    }

    fn epoch(&mut self, end: &EpochEnd) -> Result<Flow> {
        if self.quiet {
            return Ok(Flow::CONTINUE);
        }
        let width = self.epochs.to_string().len();
        let record = end.record;
        let EpochRecord { epoch, train_loss, test_loss, samples_per_second, .. } = record;
        let (result, rate) = (measured(record.test_accuracy, record.test_mae), grouped(*samples_per_second as u64));
        let training = record.train_accuracy.map_or(String::new(), percent_in_brackets);
        let part = record.train_part_loss.map(|loss| {
            let measured = record.train_part_accuracy.map(percent_in_brackets);
            let measured = measured.or(record.train_part_mae.map(|mae| format!(" (MAE {mae:.4})")));
            format!("   training part {loss:.4}{}", measured.unwrap_or_default())
        });
        let validation = record.validation_loss.map(|loss| format!("   validation loss {loss:.4}"));
        self.progress.suspend(|| {
            self.printer.line(format_args!(
                "  epoch {epoch:>width$}/{}   loss {train_loss:.4}{training}{}{}   test loss {test_loss:.4}   \
                 {result}   {rate} samples/s",
                self.epochs,
                part.unwrap_or_default(),
                validation.unwrap_or_default()
            ));
        });
        Ok(Flow::CONTINUE)
    }
}

/// A share, beside the loss that it belongs to.
fn percent_in_brackets(share: f64) -> String {
    format!(" ({:.2} %)", 100.0 * share)
}

/// What was measured besides the loss.
fn measured(accuracy: Option<f64>, mae: Option<f64>) -> String {
    match (accuracy, mae) {
        (Some(accuracy), _) => format!("test accuracy {:.2} %", 100.0 * accuracy),
        (_, Some(mae)) => format!("test MAE {mae:.4}"),
        _ => String::new(),
    }
}

/// Bytes for people.
pub fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
