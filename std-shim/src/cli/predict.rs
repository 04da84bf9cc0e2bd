//! `flatgrad predict`.

use std::path::{Path, PathBuf};

use clap::Args;
use flatgrad::data::{Dataset, FeatureOptions, Loader, Normalizer, Scaling, image_bytes, is_table, read_samples};
use flatgrad::model::{Network, Predictor, StateDict, fold};
use flatgrad::{Error, Pool, Result, atomic_write};
use flatgrad_core::Isa;
use flatgrad_core::net::Plan;

use super::answers::Answers;
use super::crops::CropArgs;
use super::fold::say;
use super::net::NetArgs;
use super::output::Printer;
use super::weights_file::{Trained, load, of_file, with_plan};

/// Samples that are computed at once.
const BATCH: usize = 64;

#[derive(Debug, Args)]
pub struct PredictArgs {
    /// The `weights.safetensors` of a run, or a state dict of PyTorch's with --net
    #[arg(long, value_name = "FILE")]
    pub weights: PathBuf,
    /// A PNG, JPEG or BMP image, or a folder of them, each resized to what the images of training were; a table, .csv
    /// or .tsv; or an array of samples, .npy or .npz (`x`)
    #[arg(value_name = "IMAGE|DIR|TABLE|ARRAY")]
    pub samples: PathBuf,
    /// Light on dark becomes dark on light, and the other way round, in images
    #[arg(long)]
    pub invert: bool,
    /// The table's column that holds the target, by name or by number from 1, if there is one and it is neither the
    /// last nor called as in training
    #[arg(long, value_name = "COLUMN")]
    pub target: Option<String>,
    /// The table's first line is not names but numbers
    #[arg(long)]
    pub no_header: bool,
    /// Predict with batch norms folded into the layers before them, as `flatgrad export --fold` does
    #[arg(long)]
    pub fold: bool,
    #[command(flatten)]
    pub crops: CropArgs,
    /// Where the answers go, a table in CSV [default: stdout]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub net: NetArgs,
}

/// What is asked about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Images,
    Table,
    Arrays,
}

impl Kind {
    fn of(path: &Path) -> Self {
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        match ending.as_str() {
            _ if path.is_dir() => Self::Images,
            _ if is_table(path) => Self::Table,
            "npy" | "npz" => Self::Arrays,
            _ => Self::Images,
        }
    }
}

/// The classes of samples by name, or their values.
pub fn predict(args: &PredictArgs) -> Result {
    let kind = Kind::of(&args.samples);
    check(args, kind)?;
    let Trained { mut network, mut weights, .. } = load(&args.weights, args.net.named()?)?;
    if args.fold {
        let folded = fold(&network, &weights).map_err(of_file(&args.weights))?;
        // The answers have stdout for themselves.
        say(Printer { to_stderr: true }, &folded.report);
        (network, weights) = (folded.network, folded.weights);
    }
    let missing = "does not say how samples are scaled: weights of a run do, and a network file may";
    let origin = args.weights.display().to_string();
    let scaling = network.scaling().ok_or(Error::Weights { origin, fault: missing.to_string() })?;
    let asked = Asked { args, network: &network, weights: &weights, scaling };
    let table = match kind {
        Kind::Images => asked.images()?,
        Kind::Arrays => asked.numbers(&read_samples(&args.samples)?)?,
        Kind::Table => {
            let ([count, ..], columns) = (network.input(), network.columns());
            let options = FeatureOptions { count, columns, target: args.target.as_deref(), header: !args.no_header };
            asked.numbers(&options.read(&args.samples)?)?
        }
    };
    match &args.out {
        Some(out) => atomic_write(out, table.as_bytes()),
        None => {
            Printer { to_stderr: false }.line(format_args!("{}", table.trim_end()));
            Ok(())
        }
    }
}

/// Whether the options are for samples of this kind.
fn check(args: &PredictArgs, kind: Kind) -> Result {
    let (images, table) = (kind == Kind::Images, kind == Kind::Table);
    let faults = [
        ("invert", args.invert && !images, "is for images"),
        ("target", args.target.is_some() && !table, "only a table has columns"),
        ("no-header", args.no_header && !table, "only a table has a header"),
    ];
    match faults.into_iter().find(|&(_, wrong, _)| wrong) {
        Some((what, _, fault)) => Err(Error::setting(what, fault)),
        None => Ok(()),
    }
}

/// A network, and what it is asked.
struct Asked<'a> {
    args: &'a PredictArgs,
    network: &'a Network,
    weights: &'a StateDict,
    scaling: &'a Scaling,
}

impl Asked<'_> {
    /// Image files.
    fn images(&self) -> Result<String> {
        let (args, network) = (self.args, self.network);
        if self.scaling.white == 1.0 {
            let fault = "the network was trained on numbers, not on images of bytes: it takes tables and arrays";
            return Err(Error::setting("weights", fault));
        }
        let files = if args.samples.is_dir() { files_in(&args.samples)? } else { vec![args.samples.clone()] };
        let views = args.crops.entrance(network, network.samples())?.views;
        with_plan(network, views.count(), |plan| {
            let pool = Pool::new(1)?;
            let mut predictor = self.predictor(&pool, plan)?;
            let mut answers = Answers::new("file", network, plan.outputs())?;
            for file in &files {
                let mut image = image_bytes(file, network.samples())?;
                if args.invert {
                    image.iter_mut().for_each(|byte| *byte = 255 - *byte);
                }
                let x = views.of_image(&image, self.scaling)?;
                let outputs = views.answer(predictor.outputs(&x)?, plan.outputs(), network.targets())?;
                answers.push(&file.display().to_string(), &outputs)?;
            }
            answers.finish()
        })
    }

    /// Rows of a table, or samples of an array, numbered from 1.
    fn numbers(&self, data: &dyn Dataset) -> Result<String> {
        let network = self.network;
        let views = self.args.crops.entrance(network, data.shape())?.views;
        let (found, white) = (data.white().map_or(1.0, f32::from), self.scaling.white);
        let (shape, input) = (data.shape(), network.input());
        if views.shape(shape) != input || found != white {
            let fault = format!("samples {shape:?} of 0 to {found}; the network takes {input:?} of 0 to {white}");
            return Err(Error::setting("samples", fault));
        }
        let batch = (BATCH / views.count()).max(1);
        with_plan(network, batch * views.count(), |plan| {
            let pool = Pool::new(1)?;
            let mut predictor = self.predictor(&pool, plan)?;
            let mut answers = Answers::new("row", network, plan.outputs())?;
            let normalizer = Normalizer::with_scaling(self.scaling.clone(), data);
            let loader = Loader::new(data, &normalizer, batch).pipeline(views.pipeline());
            predictor.each(&loader, |batch, outputs| {
                let outputs = views.answer(outputs, plan.outputs(), network.targets())?;
                let mut rows = batch.indices().iter().zip(outputs.chunks(plan.outputs()));
                rows.try_for_each(|(index, outputs)| answers.push(&(u64::from(*index) + 1).to_string(), outputs))
            })?;
            answers.finish()
        })
    }

    fn predictor<'p>(&self, pool: &'p Pool, plan: &'p Plan) -> Result<Predictor<'p>> {
        let predictor = Predictor::new(pool.context(Isa::detect()), plan, self.weights);
        predictor.map_err(of_file(&self.args.weights))
    }
}

/// The images of a folder, by name.
fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io(folder))? {
        files.push(entry.map_err(Error::io(folder))?.path());
    }
    let ending = |path: &PathBuf| path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    files.retain(|path| ending(path).is_some_and(|e| ["png", "jpg", "jpeg", "bmp"].contains(&e.as_str())));
    files.sort();
    if files.is_empty() {
        return Err(Error::setting("images", format!("{} has no PNG, JPEG or BMP files", folder.display())));
    }
    Ok(files)
}
