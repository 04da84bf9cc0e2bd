//! What can go wrong around the kernels; every message fits on one line and names the file or the setting.

mod data;

use std::io;
use std::path::{Path, PathBuf};

pub use data::DataFault;

/// Why data could not be read, a network not trained, or a result not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused a file or folder.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file's content, or a data set put together in memory, is wrong.
    #[error("{origin}: {fault}")]
    Data {
        /// The file, folder or data set.
        origin: String,
        /// What is wrong with it.
        fault: DataFault,
    },
    /// A setting is outside its range, or does not fit the data.
    #[error("{what}: {fault}")]
    Setting {
        /// The field of the settings.
        what: &'static str,
        /// What is wrong with it; other fields are in backticks.
        fault: String,
    },
    /// A file of weights cannot be read or does not fit.
    #[error("{origin}: {fault}")]
    Weights {
        /// The file, or the tensor.
        origin: String,
        /// What is wrong with it.
        fault: String,
    },
    /// An augmentation's parameter is out of range, or does not fit the images.
    #[error("{operation}: {fault}")]
    Augment {
        /// The operation, as recipes call it.
        operation: &'static str,
        /// What is wrong with it.
        fault: String,
    },
    /// A network file or a recipe says something that is not understood, or describes something that cannot be.
    #[error("{origin}:{line}:{column}: {fault}")]
    Network {
        /// The file.
        origin: String,
        /// The line, counted from 1.
        line: usize,
        /// The character in the line, counted from 1.
        column: usize,
        /// What is wrong, and what was expected.
        fault: String,
    },
    /// An architecture makes no network for this input.
    #[error("{name} on {} x {} x {}: {fault}", input[0], input[1], input[2])]
    Architecture {
        /// The architecture.
        name: String,
        /// The shape of a sample, `[channels, height, width]`.
        input: [usize; 3],
        /// What is wrong, with the layer.
        fault: String,
    },
    /// Training met the first loss, on a batch or on the test part, that is not a finite number.
    #[error("training diverged: the loss is {loss} at step {step} (epoch {epoch}); try a smaller learning rate")]
    Diverged {
        /// The step, counted from 1 over the whole run.
        step: u64,
        /// Its epoch, counted from 1.
        epoch: usize,
        /// The loss.
        loss: f32,
    },
    /// A callback asked for the end of training at once.
    #[error("training was interrupted after step {step}")]
    Interrupted {
        /// The step, counted from 1 over the whole run.
        step: u64,
    },
    /// Something that all ranks of a [`Group`](crate::distributed::Group) know: one of them cannot go on, or has left,
    /// or they do not agree.
    #[error("{fault}")]
    Ranks {
        /// What is wrong, with the rank if it is one's alone.
        fault: String,
    },
    /// A kernel or the network refused its arguments.
    #[error(transparent)]
    Core(#[from] flatgrad_core::Error),
}

/// The result of every fallible function in this crate.
pub type Result<T = ()> = std::result::Result<T, Error>;

impl Error {
    /// Whether every rank of a [`Group`](crate::distributed::Group) has this error at the same time: no one waits for
    /// another.
    ///
    /// ```
    /// use flatgrad::Error;
    /// assert!(Error::Diverged { step: 7, epoch: 1, loss: f32::NAN }.is_everybodys());
    /// assert!(!Error::Setting { what: "data", fault: "no such folder".into() }.is_everybodys());
    /// ```
    pub const fn is_everybodys(&self) -> bool {
        matches!(self, Self::Ranks { .. } | Self::Diverged { .. } | Self::Interrupted { .. })
    }

    /// What the operating system said of a file or folder.
    pub fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::Io { path, source }
    }

    pub(crate) fn data(origin: impl std::fmt::Display, fault: DataFault) -> Self {
        Self::Data { origin: origin.to_string(), fault }
    }

    /// What is wrong with a field of the settings.
    pub fn setting(what: &'static str, fault: impl Into<String>) -> Self {
        Self::Setting { what, fault: fault.into() }
    }

    pub(crate) fn augment(operation: &'static str, fault: impl Into<String>) -> Self {
        Self::Augment { operation, fault: fault.into() }
    }

    pub(crate) fn weights(origin: impl std::fmt::Display, fault: impl Into<String>) -> Self {
        Self::Weights { origin: origin.to_string(), fault: fault.into() }
    }
}
