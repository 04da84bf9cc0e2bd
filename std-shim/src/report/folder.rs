//! The folder of a run.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::files::Staged;

/// Says that a folder is a run's: the settings and the result, and `"program": "flatgrad"`.
const RUN: &str = "run.json";
const WEIGHTS: &str = "weights.safetensors";
const HISTORY: &str = "history.jsonl";
const CURVES_SVG: &str = "curves.svg";
const CURVES_PNG: &str = "curves.png";
const STATS: &str = "stats.jsonl";
const STATS_SVG: &str = "stats.svg";
const STATS_PNG: &str = "stats.png";
const ALL: [&str; 8] = [RUN, WEIGHTS, HISTORY, CURVES_SVG, CURVES_PNG, STATS, STATS_SVG, STATS_PNG];

/// A folder that takes the files of one run: `weights.safetensors`, `history.jsonl`, `curves.svg`, `curves.png` and
/// `run.json`, and where layers were looked at, `stats.jsonl`, `stats.svg` and `stats.png`.
///
/// A later run may replace an earlier one's files, all together and only once it has succeeded. Files of these names
/// that no run wrote are never replaced.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// The folders that did not exist before, innermost first.
    created: Vec<PathBuf>,
}

/// The content of a run's files.
#[derive(Clone, Debug)]
pub struct RunFiles<'a> {
    /// For `weights.safetensors`.
    pub weights: &'a [u8],
    /// For `history.jsonl`.
    pub history: &'a str,
    /// For `curves.svg`; without it, an earlier run's goes.
    pub curves_svg: Option<&'a str>,
    /// For `curves.png`; without it, an earlier run's goes.
    pub curves_png: Option<&'a [u8]>,
    /// What the layers computed; without it, an earlier run's goes.
    pub stats: StatsFiles<'a>,
    /// For `run.json`: an object, to which the program's name is added.
    pub run: serde_json::Value,
}

/// The content of the files that describe a run's layers.
#[derive(Clone, Copy, Debug, Default)]
pub struct StatsFiles<'a> {
    /// For `stats.jsonl`.
    pub lines: Option<&'a str>,
    /// For `stats.svg`.
    pub svg: Option<&'a str>,
    /// For `stats.png`.
    pub png: Option<&'a [u8]>,
}

impl RunFolder {
    /// Makes sure, before the work begins, that its results can be written to `path`: creates the folder.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be created, [`Error::Setting`] if there are files in it that would be replaced and
    /// that no run of this program wrote.
    pub fn prepare(path: &Path) -> Result<Self> {
        if let Some(name) = ALL.iter().find(|name| path.join(name).exists())
            && !is_run(path)
        {
            let fault = format!("{}: {name} is not from flatgrad; choose another folder", path.display());
            return Err(Error::setting("out", fault));
        }
        let missing = path.ancestors().take_while(|p| !p.as_os_str().is_empty() && !p.exists());
        let created = missing.map(Path::to_owned).collect();
        let folder = Self { path: path.to_owned(), created };
        std::fs::create_dir_all(path).map_err(Error::io(path))?;
        Ok(folder)
    }

    /// Writes all files, or leaves all as they were.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn write(mut self, mut files: RunFiles) -> Result {
        if let Some(run) = files.run.as_object_mut() {
            run.insert("program".into(), "flatgrad".into());
        }
        let run = format!("{:#}\n", files.run);
        let stage = |name: &str, content: &[u8]| Staged::new(&self.path.join(name), content);
        // Everything is on the disk before the first old file goes.
        let mut staged = vec![stage(RUN, run.as_bytes())?, stage(WEIGHTS, files.weights)?];
        staged.push(stage(HISTORY, files.history.as_bytes())?);
        let rest = [
            (CURVES_SVG, files.curves_svg.map(str::as_bytes)),
            (CURVES_PNG, files.curves_png),
            (STATS, files.stats.lines.map(str::as_bytes)),
            (STATS_SVG, files.stats.svg.map(str::as_bytes)),
            (STATS_PNG, files.stats.png),
        ];
        for (name, content) in rest {
            staged.extend(content.map(|content| stage(name, content)).transpose()?);
        }
        staged.into_iter().try_for_each(Staged::commit)?;
        for (name, _) in rest.iter().filter(|(_, content)| content.is_none()) {
            // Mostly, there is none.
            let _ = std::fs::remove_file(self.path.join(name));
        }
        self.created.clear();
        Ok(())
    }
}

impl Drop for RunFolder {
    /// Takes away the folders it made if nothing was written to them.
    fn drop(&mut self) {
        for folder in &self.created {
            // Fails, as it should, if there is something in it.
            let _ = std::fs::remove_dir(folder);
        }
    }
}

fn is_run(folder: &Path) -> bool {
    let run = std::fs::read(folder.join(RUN)).unwrap_or_default();
    let run: serde_json::Value = serde_json::from_slice(&run).unwrap_or_default();
    run.get("program").is_some_and(|program| program == "flatgrad")
}
