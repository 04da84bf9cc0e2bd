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
    let files = if args.images.is_dir() { files_in(&args.images)? } else { vec![args.images.clone()] };
    with_plan(&network, |plan| {
        let pool = Pool::new(1)?;
        let white = scaling.white;
        let predictor = Predictor::new(pool.context(Isa::detect()), plan, &weights, scaling.clone());
        let mut predictor = predictor.map_err(of_file(&args.weights))?;
        let name = |class: usize| network.classes().get(class).cloned().unwrap_or_else(|| class.to_string());
        let names: String =
            (0..plan.outputs()).map(|class| format!(",{}", quoted(&format!("p{}", name(class))))).collect();
        let mut table = format!("file,class{names}\n");
        for file in &files {
            let mut image = image_bytes(file, network.input())?;
            for byte in &mut image {
                let full = if args.invert { 255 - *byte } else { *byte };
                // From 0 to 255 to what the network was trained on.
                *byte = (f32::from(full) * white / 255.0).round() as u8;
            }
            let p = probabilities(predictor.outputs(&image)?, plan.outputs());
            let class = (0..p.len()).rev().max_by(|&a, &b| p[a].total_cmp(&p[b])).unwrap_or(0);
            let columns: String = p.iter().map(|p| format!(",{p:.6}")).collect();
            table += &format!("{},{}{columns}\n", quoted(&file.display().to_string()), quoted(&name(class)));
        }
        match &args.out {
            Some(out) => atomic_write(out, table.as_bytes()),
            None => {
                Printer { to_stderr: false }.line(format_args!("{}", table.trim_end()));
                Ok(())
            }
        }
    })
}

/// A field of a table in CSV (RFC 4180).
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_string() }
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
