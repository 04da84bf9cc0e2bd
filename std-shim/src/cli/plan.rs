//! `flatgrad plan`.

use std::process::ExitCode;

use flatgrad::memory::{
    Alternative, MemoryMap, Usage, alternatives, least_bytes, memory_svg, memory_table, memory_text,
};
use flatgrad::model::{Architecture, LayerStore, Network};
use flatgrad::report::grouped;
use flatgrad::{Error, Result, atomic_write};
use flatgrad_core::net::{Config, Kind, Net, Plan};
use serde::Serialize;
use serde_json::Value;

use super::fold;
use super::net::NetChoice;
use super::output::Printer;
use super::plan_args::PlanArgs;

/// Plans, prints and draws; 1 if there is a limit and training is above it.
pub fn run(args: &PlanArgs) -> Result<ExitCode> {
    let mut network = args.net.network_or(NetChoice::Architecture(Architecture::Cnn))?;
    let mut folded = None;
    if args.fold {
        let (without, report) = network.folded();
        (network, folded) = (without, Some(report));
    }
    let store = LayerStore::default();
    let net = network.net(&store)?;
    let config = Config::new(args.batch.get(), args.optimizer()).train_from(args.train_from);
    let plan = Plan::try_new(&net, config).map_err(|error| network.explain(error))?;
    check_train_from(args.train_from, &plan)?;
    let map = MemoryMap::new(&plan);
    let limit = args.ram.map(|bytes| Limit::new(bytes, &map, &net, config));
    if let Some(path) = &args.svg {
        let title = format!("{}, batch {}, {}", network.name(), config.batch, PlanArgs::name(config.optimizer));
        let svg = memory_svg(&title, &map).unwrap_or_default();
        atomic_write(path, svg.as_bytes())?;
    }
    let printer = Printer { to_stderr: false };
    if args.json {
        let fold = folded.as_ref().map(fold::json);
        let json = serde_json::to_string(&Report { fold, ..Report::new(&network, config, &map, limit.as_ref()) });
        let json = json.unwrap_or_default();
        printer.line(format_args!("{json}"));
    } else {
        if let Some(report) = &folded {
            fold::say(printer, report);
        }
        print(printer, &network, config, &map);
        if let Some(limit) = &limit {
            limit.print(printer, config, &plan);
        }
        if let Some(path) = &args.svg {
            printer.line(format_args!("\nthe picture is in {}", path.display()));
        }
    }
    Ok(if limit.is_some_and(|limit| !limit.fits) { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn check_train_from(first: usize, plan: &Plan) -> Result {
    if first > 0 && plan.trained_parameters() == 0 {
        let last = plan.layers().enumerate().filter(|(_, layer)| layer.parameters > 0).last();
        let last = last.map_or(String::new(), |(i, _)| format!("; the last layer with parameters is {i}"));
        let fault = format!("nothing would be trained from layer {first} on{last}");
        return Err(Error::setting("train-from", fault));
    }
    Ok(())
}

fn print(printer: Printer, network: &Network, config: Config, map: &MemoryMap) {
    let ([c, h, w], optimizer) = (network.input(), PlanArgs::name(config.optimizer));
    let name = network.name();
    printer
        .line(format_args!("{name} on {c} x {h} x {w}, batches of {}, {optimizer}; bytes in training\n", config.batch));
    printer.line(format_args!("{}", memory_table(map)));
    for (phase, usage) in [("training", &map.training), ("inference", &map.inference)] {
        let Usage { bytes, weights, gradients, optimizer_state, work, peak_layer, peak_work, .. } = *usage;
        let kept = [("weights", weights), ("gradients", gradients), ("optimizer", optimizer_state), ("work", work)];
        let kept = kept.into_iter().filter(|(_, bytes)| *bytes > 0);
        let kept: Vec<String> = kept.map(|(what, bytes)| format!("{what} {}", grouped(bytes as u64))).collect();
        printer.line(format_args!("{phase}: {} bytes ({})", grouped(bytes as u64), kept.join(", ")));
        let (layer, most) = (&map.layers[peak_layer].layer, grouped(peak_work as u64));
        printer.line(format_args!("  layer {peak_layer} ({layer}) sets the peak: {most} bytes of work in use\n"));
        printer.line(format_args!("{}", memory_text(usage)));
    }
    printer.line(format_args!(
        "  W weights  G their gradients  S optimizer state  o outputs  g their gradients  n statistics  s scratch"
    ));
    let samples = grouped(map.samples as u64);
    printer
        .line(format_args!("  not counted: the samples of a batch, {samples} bytes, stay where the caller has them"));
    printer.line(format_args!("  across: the layers forward, the end, in training the layers backward"));
}

/// `--ram`, and what follows from it.
struct Limit {
    bytes: usize,
    fits: bool,
    alternatives: Vec<Alternative>,
    least: Option<usize>,
}

impl Limit {
    fn new(bytes: usize, map: &MemoryMap, net: &Net, config: Config) -> Self {
        let fits = map.training.bytes <= bytes;
        let alternatives = if fits { Vec::new() } else { alternatives(net, config, bytes) };
        Self { bytes, fits, alternatives, least: least_bytes(net, config) }
    }

    fn print(&self, printer: Printer, config: Config, plan: &Plan) {
        let (limit, needed) = (self.bytes, size_of::<f32>() * plan.train_len());
        let (text, spare) = (grouped(limit as u64), grouped(limit.abs_diff(needed) as u64));
        if self.fits {
            return printer.line(format_args!("\ntraining fits in {text} bytes; {spare} are left"));
        }
        printer.line(format_args!("\ntraining does not fit in {text} bytes: {spare} are missing"));
        for one in &self.alternatives {
            printer.line(format_args!("  {}", describe(one, config)));
        }
        match (self.alternatives.is_empty(), self.least) {
            (true, Some(least)) => printer.line(format_args!(
                "  nothing fits: the last layer alone, the smallest batch and sgd take {} bytes",
                grouped(least as u64)
            )),
            (true, None) => printer.line(format_args!("  nothing fits")),
            (false, _) if self.alternatives.iter().any(|one| one.batch < config.batch) => {
                let normalizes = plan.layers().any(|l| matches!(l.kind, Kind::BatchNorm { .. }) && !l.options.frozen);
                printer.line(format_args!("  {}", if normalizes { SMALLER_NORM } else { SMALLER }));
            }
            (false, _) => {}
        }
    }
}

const SMALLER: &str =
    "gradients accumulated over smaller batches (Trainer::accumulate) give the bits of the whole batch";
const SMALLER_NORM: &str =
    "gradients can be accumulated over smaller batches (Trainer::accumulate), but batch norm sees these alone";

fn describe(one: &Alternative, config: Config) -> String {
    let mut parts = Vec::new();
    if one.batch < config.batch {
        parts.push(format!("--batch {}", one.batch));
    }
    if one.train_from != config.train_from {
        parts.push(format!("--train-from {}", one.train_from));
    }
    if one.optimizer != config.optimizer {
        parts.push(format!("--optimizer {}", PlanArgs::name(one.optimizer)));
    }
    format!("{:<50} {:>13} bytes", parts.join(" "), grouped(one.bytes as u64))
}

/// The line of `--json`.
#[derive(Serialize)]
struct Report<'a> {
    net: &'a str,
    input: [usize; 3],
    batch: usize,
    optimizer: &'static str,
    train_from: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    fold: Option<Value>,
    ram: Option<usize>,
    fits: Option<bool>,
    alternatives: Vec<AlternativeReport>,
    #[serde(flatten)]
    map: &'a MemoryMap,
}

#[derive(Serialize)]
struct AlternativeReport {
    batch: usize,
    train_from: usize,
    optimizer: &'static str,
    bytes: usize,
}

impl<'a> Report<'a> {
    fn new(network: &'a Network, config: Config, map: &'a MemoryMap, limit: Option<&Limit>) -> Self {
        let named = |&Alternative { batch, train_from, optimizer, bytes }| {
            let optimizer = PlanArgs::name(optimizer);
            AlternativeReport { batch, train_from, optimizer, bytes }
        };
        Self {
            net: network.name(),
            input: network.input(),
            batch: config.batch,
            optimizer: PlanArgs::name(config.optimizer),
            train_from: config.train_from,
            fold: None,
            ram: limit.map(|limit| limit.bytes),
            fits: limit.map(|limit| limit.fits),
            alternatives: limit.map_or(Vec::new(), |limit| limit.alternatives.iter().map(named).collect()),
            map,
        }
    }
}
