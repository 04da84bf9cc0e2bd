//! A progress bar on a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar over the steps of a run, with the loss and the samples per second, on stderr.
///
/// Nothing is drawn if it is made hidden or if stderr is not a terminal.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar of `steps` steps.
    pub fn new(steps: u64, hidden: bool) -> Self {
        let target = if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr_with_hz(10) };
        let bar = ProgressBar::with_draw_target(Some(steps), target);
        let style = ProgressStyle::with_template("  {bar:30} {pos}/{len} steps  {msg}  {elapsed} (left {eta})");
        // The template is a constant; were it wrong, the default style would do.
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        Self { bar }
    }

    /// So many steps are done.
    pub fn set(&self, steps: u64) {
        self.bar.set_position(steps);
        self.bar.reset_eta();
    }

    /// One more step is done.
    ///
    /// `accuracy` is that of training, from 0 to 1, if the task is about classes.
    pub fn step(&self, epoch: usize, loss: f64, accuracy: Option<f64>, samples_per_second: f64) {
        if !self.bar.is_hidden() {
            let accuracy = accuracy.map_or(String::new(), |accuracy| format!(" ({:.2} %)", 100.0 * accuracy));
            self.bar.set_message(format!("epoch {epoch}  loss {loss:.4}{accuracy}  {samples_per_second:.0} images/s"));
        }
        self.bar.inc(1);
    }

    /// What goes on, beside the bar.
    pub fn say(&self, what: &'static str) {
        self.bar.set_message(what);
    }

    /// One more step is done, of one of several runs.
    pub fn advance(&self) {
        self.bar.inc(1);
    }

    /// Runs `print` with the bar out of the way.
    pub fn suspend(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// A bar over the stages of something long, with the stage's name and the time left, on stderr; drawn as [`Progress`].
#[derive(Debug)]
pub struct Stages {
    bar: ProgressBar,
}

impl Stages {
    /// A bar at its beginning.
    pub fn new(hidden: bool) -> Self {
        let target = if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr_with_hz(10) };
        let bar = ProgressBar::with_draw_target(Some(1000), target);
        let style = ProgressStyle::with_template("  {bar:30} {percent} %  {msg}  {elapsed} (left {eta})");
        // The template is a constant; were it wrong, the default style would do.
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        bar.enable_steady_tick(std::time::Duration::from_millis(200));
        Self { bar }
    }

    /// This stage begins, and so much of all is done, from 0 to 1.
    pub fn at(&self, stage: &str, done: f64) {
        self.bar.set_message(stage.to_string());
        self.bar.set_position((1000.0 * done) as u64);
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
