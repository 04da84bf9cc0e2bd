//! `flatgrad export` and `flatgrad import`.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use flatgrad::model::{
    Firmware, Network, StateDict, check_weights, dropout_notes, flat_weights, fold, invert_dropout, named_weights,
    raw_sha256,
};
use flatgrad::report::grouped;
use flatgrad::{Error, Result, atomic_write};
use flatgrad_core::net::Plan;

use super::fold::{say, without_norm_biases};
use super::net::NetArgs;
use super::output::Printer;
use super::weights_file::{of_file, with_plan};

#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The trained weights: `weights.safetensors` of a run, or any safetensors file with PyTorch's names
    #[arg(long, value_name = "FILE")]
    pub weights: PathBuf,
    /// rust: a static array of f32; c: a header with an array of float; raw: the bytes of that array, little-endian,
    /// and nothing else; safetensors: PyTorch's names and layouts
    #[arg(long, value_enum)]
    pub format: Format,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Fold batch norms into the convolutions and dense layers before them, and what dropout multiplies by at test time
    /// into the weights after it: fewer layers that infer the same
    #[arg(long)]
    pub fold: bool,
    #[command(flatten)]
    pub net: NetArgs,
}

#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The bytes of `Trainer::weights()`: 32-bit floats, little-endian, nothing else
    #[arg(long, value_name = "FILE")]
    pub raw: PathBuf,
    /// The safetensors file to write
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    #[command(flatten)]
    pub net: NetArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    Rust,
    C,
    Raw,
    Safetensors,
}

/// Weights under names to weights for a device.
pub fn export(args: &ExportArgs) -> Result {
    let (network, dict) = trained(args)?;
    let folded = if args.fold {
        Some(fold(&network, &dict).map_err(of_file(&args.weights))?)
    } else if matches!(args.format, Format::Safetensors) {
        Some(invert_dropout(&network, &dict).map_err(of_file(&args.weights))?)
    } else {
        None
    };
    let report_of_fold = folded.as_ref().map(|folded| folded.report.clone());
    let (network, dict) = folded.map_or((network, dict), |folded| (folded.network, folded.weights));
    with_plan(&network, 1, |plan| {
        if matches!(args.format, Format::Safetensors) {
            check_dropout(plan)?;
        }
        let weights = flat_weights(plan, &dict).map_err(of_file(&args.weights))?;
        check_weights(plan, &weights).map_err(of_file(&args.weights))?;
        let named = named_weights(plan, &weights, batches(&dict))?;
        let sha256 = named.sha256();
        let (scaling, targets) = (network.scaling(), network.targets());
        let firmware = Firmware { plan, weights: &weights, sha256: &sha256, scaling, targets };
        let content = match args.format {
            Format::Rust => firmware.rust().into_bytes(),
            Format::C => firmware.c(&args.out).into_bytes(),
            Format::Raw => weights.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Format::Safetensors => named.to_safetensors_with(&network)?,
        };
        atomic_write(&args.out, &content)?;
        report(&weights, &sha256, &args.out);
        let printer = Printer { to_stderr: false };
        if let Some(report) = report_of_fold.filter(|report| args.fold || !report.dropouts.is_empty()) {
            say(printer, &report);
        }
        let way_out = if args.fold { "" } else { ", or export with --fold" };
        for note in dropout_notes(plan) {
            printer.line(format_args!("dropout         {note}: the plan must have the layer{way_out}"));
        }
        Ok(())
    })
}

/// The weights to export, and their network.
fn trained(args: &ExportArgs) -> Result<(Network, StateDict)> {
    let origin = args.weights.display().to_string();
    let bytes = std::fs::read(&args.weights).map_err(Error::io(&args.weights))?;
    let dict = StateDict::from_safetensors(&bytes).map_err(of_file(&args.weights))?;
    let described = match &args.net.net {
        Some(_) => None,
        None => StateDict::network_in(&origin, &bytes)?,
    };
    Ok(match described {
        Some(network) => (args.net.of(network, &args.weights)?, dict),
        None => {
            let network = args.net.network(&format!("{origin} does not say its network"))?;
            let dict = without_norm_biases(&network, dict)?;
            (network, dict)
        }
    })
}

/// PyTorch's dropout is inverted: another form that is left would be lost there in silence.
fn check_dropout(plan: &Plan) -> Result {
    match dropout_notes(plan).first() {
        Some(note) => {
            let fault = format!(
                "PyTorch has inverted dropout only, and {note}, which no weights after it can take: export it as rust, c \
                 or raw, or train with form = \"inverted\""
            );
            Err(Error::setting("format", fault))
        }
        None => Ok(()),
    }
}

/// What a device dumped to weights under names.
pub fn import(args: &ImportArgs) -> Result {
    let network = args.net.network("a raw file does not say its network")?;
    // A network by name had biases before batch norm once: a device may still have them.
    let with_biases = network.clone().with_bias_before_norm();
    let bytes = std::fs::metadata(&args.raw).map_or(0, |file| file.len());
    let len = |network: &Network| with_plan(network, 1, |plan| Ok(size_of::<f32>() as u64 * plan.weights_len() as u64));
    let has_biases = bytes != len(&network)? && len(&with_biases).is_ok_and(|len| len == bytes);
    let dumped = with_plan(if has_biases { &with_biases } else { &network }, 1, |plan| {
        let weights = read_raw(&args.raw, plan.weights_len())?;
        check_weights(plan, &weights).map_err(of_file(&args.raw))?;
        named_weights(plan, &weights, 0)
    })?;
    let dict = without_norm_biases(&network, dumped)?;
    with_plan(&network, 1, |plan| {
        let weights = flat_weights(plan, &dict)?;
        let named = named_weights(plan, &weights, 0)?;
        atomic_write(&args.out, &named.to_safetensors_with(&network)?)?;
        report(&weights, &named.sha256(), &args.out);
        Ok(())
    })
}

/// Exactly `len` numbers.
fn read_raw(path: &Path, len: usize) -> Result<Vec<f32>> {
    let fault = |text: String| Error::Weights { origin: path.display().to_string(), fault: text };
    let expected = len as u64 * size_of::<f32>() as u64;
    let file = std::fs::File::open(path).map_err(Error::io(path))?;
    let found = file.metadata().map_err(Error::io(path))?.len();
    let mut bytes = Vec::new();
    // One byte more shows that there is more; whatever it is, it need not fit in memory.
    file.take(expected + 1).read_to_end(&mut bytes).map_err(Error::io(path))?;
    let found = found.max(bytes.len() as u64);
    if bytes.len() as u64 != expected {
        let more = if found > expected { "; of a whole arena, the weights are the beginning" } else { "" };
        let (found, expected, len) = (grouped(found), grouped(expected), grouped(len as u64));
        return Err(fault(format!("{found} bytes, but the network's {len} weights take {expected}{more}")));
    }
    Ok(bytes.chunks_exact(4).map(|b| f32::from_le_bytes(std::array::from_fn(|i| b[i]))).collect())
}

/// How many batches the first batch norm has counted; a file from elsewhere may not say.
fn batches(dict: &StateDict) -> i64 {
    let count = dict.iter().find_map(|(_, tensor)| match tensor {
        flatgrad::model::Tensor::I64(count) => Some(*count),
        flatgrad::model::Tensor::F32 { .. } => None,
    });
    count.unwrap_or(0)
}

/// The first hash is the one that training prints; the second one a device can take of its memory.
fn report(weights: &[f32], sha256: &str, out: &Path) {
    let printer = Printer { to_stderr: false };
    let (count, bytes) = (grouped(weights.len() as u64), grouped(size_of_val(weights) as u64));
    printer.line(format_args!("{count} weights, {bytes} bytes, in {}", out.display()));
    printer.line(format_args!("weights sha256  {sha256}"));
    printer.line(format_args!("raw sha256      {}", raw_sha256(weights)));
}
