//! `flatgrad eval`, `predict` and `info`: trained weights at work.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use flatgrad::data::{self, Dataset, idx, image_bytes};
use flatgrad::model::{LayerStore, Network, Predictor, layer_rows, probabilities};
use flatgrad::report::{grouped, layer_table};
use flatgrad::train::metrics::{Accuracy, Confusion, CrossEntropy, Metric, TopK};
use flatgrad::{Error, Pool, Result, atomic_write};
use flatgrad_core::Isa;
use flatgrad_core::loss::Target;
use flatgrad_core::net::{Config, Optimizer, Plan};
use serde_json::json;

use super::args::positive;
use super::method_args::setting;
use super::output::Printer;
use super::weights_file::{Trained, load};

/// Images that are computed at once.
const BATCH: usize = 64;
/// The labels of MNIST, Fashion-MNIST and their like.
const IDX_CLASSES: usize = 10;
/// Larger confusion matrices are not printed.
const MATRIX: usize = 20;

#[derive(Debug, Args)]
pub struct EvalArgs {
    /// The `weights.safetensors` of a run
    #[arg(long, value_name = "FILE")]
    pub weights: PathBuf,
    /// `digits`, or a folder with the four IDX files of MNIST
    #[arg(long, value_name = "digits|DIR", default_value = "digits")]
    pub data: PathBuf,
    /// Which part of the data
    #[arg(long, value_enum, default_value_t = Part::Test)]
    pub part: Part,
    /// Also the share of images whose class is among the K most probable
    #[arg(long, value_name = "K", value_parser = positive::<NonZeroUsize>, default_value = "3", allow_negative_numbers = true)]
    pub top: NonZeroUsize,
    /// One line of JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Part {
    Train,
    Test,
}

#[derive(Debug, Args)]
pub struct PredictArgs {
    /// The `weights.safetensors` of a run
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
}

#[derive(Debug, Args)]
pub struct InfoArgs {
    /// The `weights.safetensors` of a run
    #[arg(value_name = "FILE")]
    pub weights: PathBuf,
}

/// A plan for inference, and what uses it.
fn with_plan<T>(network: &Network, task: impl FnOnce(&Plan) -> Result<T>) -> Result<T> {
    let store = LayerStore::default();
    let net = network.net(&store)?;
    let plan = Plan::try_new(&net, Config::new(BATCH, Optimizer::sgd(1.0))).map_err(|error| network.explain(error))?;
    task(&plan)
}

/// An error about the weights, with the file's name.
fn of_file(path: &Path) -> impl Fn(Error) -> Error {
    let path = path.display().to_string();
    move |error| match error {
        Error::Weights { origin, fault } => Error::Weights { origin: path.clone(), fault: format!("{origin} {fault}") },
        other => other,
    }
}

/// Measures trained weights on a data set.
pub fn eval(args: &EvalArgs) -> Result {
    let Trained { network, scaling, weights, .. } = load(&args.weights)?;
    let digits = args.data == Path::new("digits");
    let data = if digits { data::digits()? } else { idx::read_folder(&args.data, IDX_CLASSES)? };
    let part = match args.part {
        Part::Train => data.train,
        Part::Test => data.test,
    };
    if part.shape() != network.input() || f32::from(part.white()) != scaling.white {
        let fault = format!(
            "images {:?} of 0 to {}; the network takes {:?} of 0 to {}",
            part.shape(),
            part.white(),
            network.input(),
            scaling.white
        );
        return Err(setting("data", fault));
    }
    with_plan(&network, |plan| {
        let pool = Pool::new(1)?;
        let predictor = Predictor::new(pool.context(Isa::detect()), plan, &weights, scaling.clone());
        let mut predictor = predictor.map_err(of_file(&args.weights))?;
        let mut measured = Measured::new(args.top.get(), plan.outputs());
        measured.add_all(&mut predictor, &part)?;
        if args.json {
            Printer { to_stderr: false }.line(format_args!("{}", measured.json(args.top.get(), part.len())));
        } else {
            measured.print(args.top.get(), part.len());
        }
        Ok(())
    })
}

struct Measured {
    accuracy: Accuracy,
    top: TopK,
    loss: CrossEntropy,
    confusion: Confusion,
    classes: usize,
}

impl Measured {
    fn new(top: usize, classes: usize) -> Self {
        let (accuracy, loss) = (Accuracy::default(), CrossEntropy::default());
        Self { accuracy, top: TopK::new(top), loss, confusion: Confusion::new(classes), classes }
    }

    fn add_all(&mut self, predictor: &mut Predictor, part: &Dataset) -> Result {
        let images = part.images().chunks((BATCH * part.pixels()).max(1));
        for (images, labels) in images.zip(part.labels().chunks(BATCH)) {
            let outputs = predictor.outputs(images)?;
            let metrics: [&mut dyn Metric; 4] =
                [&mut self.accuracy, &mut self.top, &mut self.loss, &mut self.confusion];
            metrics.into_iter().try_for_each(|metric| metric.add(outputs, Target::Classes(labels)))?;
        }
        Ok(())
    }

    fn json(&self, top: usize, samples: usize) -> serde_json::Value {
        let per_class = |f: &dyn Fn(usize) -> Option<f64>| (0..self.classes).map(f).collect::<Vec<_>>();
        json!({
            "samples": samples,
            "accuracy": self.accuracy.value(),
            "top": top,
            "top_accuracy": self.top.value(),
            "loss": self.loss.value(),
            "precision": per_class(&|class| self.confusion.precision(class)),
            "recall": per_class(&|class| self.confusion.recall(class)),
            "confusion": self.confusion.counts().chunks(self.classes.max(1)).collect::<Vec<_>>(),
        })
    }

    fn print(&self, top: usize, samples: usize) {
        let printer = Printer { to_stderr: false };
        printer.line(format_args!("images          {}", grouped(samples as u64)));
        printer.line(format_args!("accuracy        {:.2} %", 100.0 * self.accuracy.value()));
        printer.line(format_args!("among first {top:<3} {:.2} %", 100.0 * self.top.value()));
        printer.line(format_args!("loss            {:.4}", self.loss.value()));
        printer.line(format_args!("\nclass  images  precision  recall    f1"));
        let percent = |x: Option<f64>| x.map_or("-".to_string(), |x| format!("{:.2} %", 100.0 * x));
        for class in (0..self.classes).filter(|&class| self.confusion.support(class) > 0) {
            let [precision, recall, f1] =
                [self.confusion.precision(class), self.confusion.recall(class), self.confusion.f1(class)].map(percent);
            let images = self.confusion.support(class);
            printer.line(format_args!("{class:>5}  {images:>6}  {precision:>9}  {recall:>8}  {f1:>8}"));
        }
        if self.classes <= MATRIX {
            printer.line(format_args!("\ntrue class in rows, predicted class in columns:"));
            for row in self.confusion.counts().chunks(self.classes.max(1)) {
                let row: String = row.iter().map(|count| format!("{count:>6}")).collect();
                printer.line(format_args!("{row}"));
            }
        }
    }
}

/// The classes of images.
pub fn predict(args: &PredictArgs) -> Result {
    let Trained { network, scaling, weights, .. } = load(&args.weights)?;
    let files = if args.images.is_dir() { files_in(&args.images)? } else { vec![args.images.clone()] };
    with_plan(&network, |plan| {
        let pool = Pool::new(1)?;
        let white = scaling.white;
        let predictor = Predictor::new(pool.context(Isa::detect()), plan, &weights, scaling.clone());
        let mut predictor = predictor.map_err(of_file(&args.weights))?;
        let names: String = (0..plan.outputs()).map(|class| format!(",p{class}")).collect();
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
            table += &format!("{},{class}{columns}\n", quoted(&file.display().to_string()));
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

/// What is in a file of weights.
pub fn info(args: &InfoArgs) -> Result {
    let Trained { network, scaling, weights, bytes } = load(&args.weights)?;
    let printer = Printer { to_stderr: false };
    let [channels, height, width] = network.input();
    printer.line(format_args!("network         {}", network.name()));
    printer.line(format_args!("input           {channels} x {height} x {width}, values from 0 to {}", scaling.white));
    printer.line(format_args!(
        "scaling         mean {:?}, deviation {:?}, in parts of {}",
        scaling.mean, scaling.std, scaling.white
    ));
    printer.line(format_args!("file            {} bytes, {} tensors", grouped(bytes as u64), weights.iter().count()));
    printer.line(format_args!("weights sha256  {}\n", weights_hash(&network, &weights, &args.weights)?));
    let store = LayerStore::default();
    let net = network.net(&store)?;
    let plan = Plan::try_new(&net, Config::new(1, Optimizer::sgd(1.0))).map_err(|error| network.explain(error))?;
    printer.line(format_args!("{}", layer_table(&layer_rows(&plan))));
    Ok(())
}

/// The hash in the order of the network: a file keeps none.
fn weights_hash(network: &Network, weights: &flatgrad::model::StateDict, path: &Path) -> Result<String> {
    with_plan(network, |plan| {
        let flat = flatgrad::model::flat_weights(plan, weights).map_err(of_file(path))?;
        Ok(flatgrad::model::named_weights(plan, &flat, 0)?.sha256())
    })
}
