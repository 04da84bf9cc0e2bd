//! Writing files so that a reader sees the old content or the new, never a part.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// Replaces the file at `path` by `content`, or leaves it as it was.
///
/// The content goes to a temporary file in the same folder, is flushed to the disk, and is then renamed over `path`.
///
/// # Errors
///
/// [`Error::Io`]; the temporary file is removed and whatever stood at `path` still stands.
///
/// ```
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("history.jsonl");
/// flatgrad::atomic_write(&path, b"first")?;
/// flatgrad::atomic_write(&path, b"second")?;
/// assert_eq!(std::fs::read(&path)?, b"second");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn atomic_write(path: &Path, content: &[u8]) -> Result {
    Staged::new(path, content)?.commit()
}

/// A file that is safely on the disk under a temporary name, and is removed again unless it is committed.
#[derive(Debug)]
pub(crate) struct Staged {
    temporary: PathBuf,
    path: PathBuf,
}

impl Staged {
    pub(crate) fn new(path: &Path, content: &[u8]) -> Result<Self> {
        let Some(name) = path.file_name() else {
            return Err(Error::io(path)(std::io::Error::other("not the name of a file")));
        };
        // The process id keeps two runs into one folder from sharing a temporary file.
        let mut temporary = prefix(name);
        temporary.push(format!("{}.tmp", std::process::id()));
        let staged = Self { temporary: path.with_file_name(temporary), path: path.to_owned() };
        write_and_sync(&staged.temporary, content).map_err(Error::io(path))?;
        Ok(staged)
    }

    pub(crate) fn commit(self) -> Result {
        fs::rename(&self.temporary, &self.path).map_err(Error::io(&self.path))?;
        sync_folder(&self.path);
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // After a commit there is nothing left to remove; after a failure, the failure is the error to report.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// How temporary files for one of this name begin.
fn prefix(name: &OsStr) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(name);
    prefix.push(".");
    prefix
}

/// Removes temporary files for `path` that processes left behind which were killed while they wrote. The file belongs
/// to one process at a time: nobody else is writing.
pub(crate) fn remove_stale(path: &Path) {
    let Some(name) = path.file_name() else { return };
    let (prefix, folder) = (prefix(name).to_string_lossy().into_owned(), path.with_file_name(""));
    let folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let found = entry.file_name();
        let found = found.to_string_lossy();
        let id = found.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(".tmp"));
        if id.is_some_and(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit())) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// A SHA-256 as text.
pub(crate) fn hexadecimal(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn write_and_sync(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Makes the rename itself survive a power cut, where folders can be flushed at all (not on Windows).
fn sync_folder(path: &Path) {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}
