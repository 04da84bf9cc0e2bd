//! `flatgrad predict`.

use std::path::{Path, PathBuf};

use clap::Args;
use flatgrad::data::image_bytes;
use flatgrad::model::{Predictor, probabilities};
use flatgrad::{Error, Pool, Result, atomic_write};
use flatgrad_core::Isa;

use super::method_args::setting;
use super::net::NetArgs;
use super::output::Printer;
use super::weights_file::{Trained, load, of_file, with_plan};

#[derive(Debug, Args)]
pub struct PredictArgs {
    /// The `weights.safetensors` of a run, or a state dict of PyTorch's with --net
    #[arg(long, value_name = "FILE")]
    pub weights: PathBuf,
    /// A PNG, JPEG or BMP image, or a folder of them; resized to what the network takes
    #[arg(value_name = "IMAGE|DIR")]
    pub images: PathBuf,
    /// Light on dark becomes dark on light, and the other way round
    #[arg(long)]
    pub invert: bool,
    /// Where the table in CSV goes [default: stdout]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub net: NetArgs,
}

/// The classes of images, by name.
pub fn predict(args: &PredictArgs) -> Result {
    let Trained { network, weights, .. } = load(&args.weights, args.net.named()?)?;
    let missing = "does not say how samples are scaled: weights of a run do, and a network file may";
    let origin = args.weights.display().to_string();
    let scaling = network.scaling().ok_or(Error::Weights { origin, fault: missing.to_string() })?;
    if scaling.white == 1.0 {
        let fault = "the network was trained on numbers, not on images of bytes";
        return Err(setting("weights", fault));
    }
    let files = if args.images.is_dir() { files_in(&args.images)? } else { vec![args.images.clone()] };
    let name = |class: usize| network.classes().get(class).cloned().unwrap_or_else(|| class.to_string());
    let table = with_plan(&network, 1, |plan| {
        let pool = Pool::new(1)?;
        let predictor = Predictor::new(pool.context(Isa::detect()), plan, &weights);
        let mut predictor = predictor.map_err(of_file(&args.weights))?;
        let columns = (0..plan.outputs()).map(|class| format!("p{}", name(class)));
        let mut table = Table::new(["file", "class"].map(String::from).into_iter().chain(columns))?;
        for file in &files {
            // In parts of white, whatever white was in training.
            let part = |byte| f32::from(if args.invert { 255 - byte } else { byte }) / 255.0;
            let mut x: Vec<f32> = image_bytes(file, network.input())?.into_iter().map(part).collect();
            scaling.apply(&mut x);
            let p = probabilities(predictor.outputs(&x)?, plan.outputs());
            let class = (0..p.len()).rev().max_by(|&a, &b| p[a].total_cmp(&p[b])).unwrap_or(0);
            let row = [file.display().to_string(), name(class)];
            table.push(row.into_iter().chain(p.iter().map(|p| format!("{p:.6}"))))?;
        }
        table.finish()
    })?;
    match &args.out {
        Some(out) => atomic_write(out, table.as_bytes()),
        None => {
            Printer { to_stderr: false }.line(format_args!("{}", table.trim_end()));
            Ok(())
        }
    }
}

/// A table in CSV.
struct Table(csv::Writer<Vec<u8>>);

impl Table {
    fn new(names: impl Iterator<Item = String>) -> Result<Self> {
        let mut table = Self(csv::Writer::from_writer(Vec::new()));
        table.push(names)?;
        Ok(table)
    }

    fn push(&mut self, row: impl Iterator<Item = String>) -> Result {
        self.0.write_record(row).map_err(|e| setting("out", e.to_string()))
    }

    fn finish(self) -> Result<String> {
        let bytes = self.0.into_inner().map_err(|e| setting("out", e.to_string()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// The images of a folder, by name.
fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let io = |source| Error::Io { path: folder.to_owned(), source };
    let entries = std::fs::read_dir(folder).map_err(io)?;
    let mut files = Vec::new();
    for entry in entries {
        files.push(entry.map_err(io)?.path());
    }
    let ending = |path: &PathBuf| path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    files.retain(|path| ending(path).is_some_and(|e| ["png", "jpg", "jpeg", "bmp"].contains(&e.as_str())));
    files.sort();
    if files.is_empty() {
        return Err(setting("images", format!("{} has no PNG, JPEG or BMP files", folder.display())));
    }
    Ok(files)
}
