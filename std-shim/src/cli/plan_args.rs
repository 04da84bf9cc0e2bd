//! What can be asked of `flatgrad plan`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;
use flatgrad_core::net::Optimizer;
use flatgrad_core::optim::{Adam, Sgd};

use super::args::positive;
use super::net::NetArgs;

#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub net: NetArgs,
    /// Samples per step
    #[arg(long, value_name = "N", default_value = "32",
          value_parser = positive::<NonZeroUsize>, allow_negative_numbers = true)]
    pub batch: NonZeroUsize,
    /// The optimizer: sgd keeps no state, momentum, nesterov, adagrad and rmsprop one number per parameter, adam and
    /// adamw two, amsgrad three (`flatgrad train --optimizer sgd` is momentum here)
    #[arg(long, value_name = "OPTIMIZER", default_value = "adam",
          value_parser = PossibleValuesParser::new(states().map(|(name, _)| name)))]
    pub optimizer: String,
    /// Only this layer and those after it are trained; the table has the numbers
    #[arg(long, value_name = "LAYER", default_value_t = 0, allow_negative_numbers = true)]
    pub train_from: usize,
    /// Say whether training fits in so many bytes, such as 65536, 64K or 1M, and if not, what would
    #[arg(long, value_name = "BYTES", value_parser = bytes, allow_negative_numbers = true)]
    pub ram: Option<usize>,
    /// Plan the network with batch norms folded into the layers before them, as `flatgrad export --fold` writes it
    #[arg(long)]
    pub fold: bool,
    /// Write the memory map as a picture
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Print one line of JSON with all numbers and blocks, and nothing else
    #[arg(long)]
    pub json: bool,
}

/// Kinds of optimizers by what state they keep.
fn states() -> impl Iterator<Item = (&'static str, Optimizer)> {
    // The learning rate does not matter to a plan.
    let lr = 1e-3;
    let plain = Optimizer::NAMES.into_iter().filter_map(|name| Some((name, Optimizer::named(name)?)));
    let others = [
        ("momentum", Optimizer::momentum(lr, 0.9)),
        ("nesterov", Optimizer::Sgd(Sgd { momentum: 0.9, nesterov: true, ..Sgd::DEFAULT })),
        ("amsgrad", Optimizer::Adam(Adam { amsgrad: true, ..Adam::DEFAULT })),
    ];
    plain.chain(others).map(move |(name, optimizer)| (name, optimizer.with_lr(lr)))
}

impl PlanArgs {
    /// Other names the parser refuses.
    pub fn optimizer(&self) -> Optimizer {
        let found = states().find(|(name, _)| *name == self.optimizer);
        found.map_or(Optimizer::adam(1e-3), |(_, optimizer)| optimizer)
    }

    /// The name of the option that gives `optimizer`.
    pub fn name(optimizer: Optimizer) -> &'static str {
        states().find(|(_, one)| *one == optimizer).map_or("", |(name, _)| name)
    }
}

/// A number of bytes; K, M and G are powers of 1024, as data sheets of microcontrollers have it.
fn bytes(text: &str) -> Result<usize, String> {
    let text = text.trim().to_ascii_uppercase();
    let text = text.strip_suffix("IB").or(text.strip_suffix('B')).unwrap_or(&text);
    let (number, unit) = match text.char_indices().last() {
        Some((at, 'K')) => (&text[..at], 1 << 10),
        Some((at, 'M')) => (&text[..at], 1 << 20),
        Some((at, 'G')) => (&text[..at], 1 << 30),
        _ => (text, 1usize),
    };
    let number = number.trim().parse::<usize>().ok().filter(|&n| n > 0);
    let bytes = number.and_then(|number| number.checked_mul(unit));
    bytes.ok_or_else(|| "must be a number of bytes such as 65536, 64K or 1M".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_units() {
        for (text, expected) in [("1", 1), ("40K", 40_960), ("40 kB", 40_960), ("1MiB", 1 << 20), ("2g", 2 << 30)] {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
        for text in ["", "0", "K", "-1", "1.5K", "1T", "99999999999999999999", "18446744073709551615K", "é"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_optimizer_has_its_name_back() {
        for (name, optimizer) in states() {
            assert_eq!(PlanArgs::name(optimizer), name);
        }
    }
}
