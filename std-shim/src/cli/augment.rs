//! `flatgrad augment`.

use std::path::{Path, PathBuf};

use clap::Args;
use flatgrad::augment::{Canvas, Key, Pipeline, Recipe, Sheet, one_hot};
use flatgrad::data::{Dataset, Label, Scratch, Values};
use flatgrad::{Error, Result, atomic_write};

use super::data::DataArgs;
use super::output::Printer;

#[derive(Debug, Args)]
pub struct AugmentArgs {
    #[command(flatten)]
    pub data: DataArgs,
    /// `light`, `digits`, `cifar`, `fashion`, `imagenet`, `signal`, or a recipe in TOML
    #[arg(long, value_name = "NAME|FILE", required_unless_present = "print")]
    pub recipe: Option<PathBuf>,
    /// Write a picture: in each row a training image and what becomes of it
    #[arg(long, value_name = "FILE.png", required_unless_present = "print")]
    pub preview: Option<PathBuf>,
    /// How many images
    #[arg(long, value_name = "N", default_value_t = 8,
          value_parser = clap::value_parser!(u32).range(1..=100), allow_negative_numbers = true)]
    pub count: u32,
    /// How many variants of each
    #[arg(long, value_name = "N", default_value_t = 8,
          value_parser = clap::value_parser!(u32).range(1..=100), allow_negative_numbers = true)]
    pub variants: u32,
    /// Decides the variants
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    pub seed: u64,
    /// Print the file of a recipe of this name, a start for one's own, and nothing else
    #[arg(long, value_name = "NAME", conflicts_with_all = ["recipe", "preview"])]
    pub print: Option<String>,
}

/// Prints a recipe, or draws a sheet.
pub fn run(args: &AugmentArgs) -> Result {
    let printer = Printer { to_stderr: false };
    if let Some(name) = &args.print {
        // Of a name that is not known, all are listed.
        let text = Recipe::named(name).map(|_| Recipe::preset(name).unwrap_or_default());
        printer.line(format_args!("{}", text.map_err(of_print)?.trim_end()));
        return Ok(());
    }
    let (Some(recipe), Some(preview)) = (&args.recipe, &args.preview) else { return Ok(()) };
    let recipe = find(recipe)?;
    let data = args.data.open()?.split.train;
    let sheet = draw(args, &recipe, &data)?;
    atomic_write(preview, &sheet.png()?)?;
    let (rows, range) = (data.len().min(args.count as usize), sheet.range());
    printer.line(format_args!(
        "{}: {rows} images of {} and {} variants each",
        recipe.name(),
        data.name(),
        args.variants
    ));
    if (range.black, range.white) != (0.0, 1.0) {
        printer.line(format_args!("  values from {} (black) to {} (white)", range.black, range.white));
    }
    printer.line(format_args!("the picture is in {}", preview.display()));
    Ok(())
}

/// A recipe by name, or from a file; a file with the name of one can be called `./cifar`.
pub fn find(recipe: &Path) -> Result<Recipe> {
    match Recipe::preset(&recipe.to_string_lossy()) {
        None if recipe.exists() => Recipe::load(recipe),
        _ => Recipe::named(&recipe.to_string_lossy()),
    }
}

fn of_print(error: Error) -> Error {
    match error {
        Error::Setting { fault, .. } => Error::setting("print", fault),
        other => other,
    }
}

/// Images from all over the data set, each with its variants. A variant is an epoch: what training would see.
fn draw(args: &AugmentArgs, recipe: &Recipe, data: &dyn Dataset) -> Result<Sheet> {
    let count = (args.count as usize).min(data.len());
    let samples: Vec<usize> = (0..count).map(|i| i * data.len() / count).collect();
    let (train, test) = (recipe.train(data.shape())?, recipe.test(data.shape())?);
    let out = train.out_shape();
    let len = out.iter().product::<usize>();
    // The originals as testing has them; where that is another shape, they are left out.
    let originals = test.out_shape() == out;
    let mut sheet = Sheet::new(out, args.variants as usize + usize::from(originals))?;
    let variants = (0..u64::from(args.variants)).map(|epoch| variant(args.seed, epoch, &samples, recipe, &train, data));
    let variants = variants.collect::<Result<Vec<_>>>()?;
    let (mut canvas, mut shown) = (Canvas::default(), vec![0.0; len]);
    for (i, &sample) in samples.iter().enumerate() {
        if originals {
            let key = Key { seed: args.seed, epoch: 0, sample: sample as u64 };
            test.apply(key, &original(data, sample)?, &mut shown, &mut canvas)?;
            sheet.push(&shown)?;
        }
        variants.iter().try_for_each(|batch| sheet.push(&batch[i * len..(i + 1) * len]))?;
    }
    Ok(sheet)
}

/// One variant of each sample; they are a batch where the recipe mixes.
fn variant(
    seed: u64,
    epoch: u64,
    samples: &[usize],
    recipe: &Recipe,
    train: &Pipeline,
    data: &dyn Dataset,
) -> Result<Vec<f32>> {
    let out = train.out_shape();
    let len = out.iter().product::<usize>();
    let (mut batch, mut canvas) = (vec![0.0; samples.len() * len], Canvas::default());
    for (&sample, to) in samples.iter().zip(batch.chunks_exact_mut(len)) {
        train.apply(Key { seed, epoch, sample: sample as u64 }, &original(data, sample)?, to, &mut canvas)?;
    }
    if recipe.mixing().mixes() {
        let label = |&sample: &usize| match data.target(sample) {
            Label::Class(class) => class,
            Label::Values(_) => 0,
        };
        let labels: Vec<u32> = samples.iter().map(label).collect();
        let mut soft = one_hot(&labels, data.task().outputs())?;
        recipe.mixing().apply(Key { seed, epoch, sample: 0 }, out, &mut batch, &mut soft, &mut Vec::new())?;
    }
    Ok(batch)
}

/// An image in parts of white.
fn original(data: &dyn Dataset, sample: usize) -> Result<Vec<f32>> {
    let mut scratch = Scratch::default();
    Ok(match data.read(sample, &mut scratch)? {
        Values::Bytes(bytes) => {
            let white = data.white().map_or(1.0, f32::from);
            bytes.iter().map(|&byte| f32::from(byte) / white).collect()
        }
        Values::Floats(values) => values.to_vec(),
    })
}
