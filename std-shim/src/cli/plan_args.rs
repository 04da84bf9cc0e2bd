//! What can be asked of `flatgrad plan`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
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
    #[arg(long, value_enum, default_value_t = OptimizerState::Adam)]
    pub optimizer: OptimizerState,
    /// Only this layer and those after it are trained; the table has the numbers
    #[arg(long, value_name = "LAYER", default_value_t = 0, allow_negative_numbers = true)]
    pub train_from: usize,
    /// Say whether training fits in so many bytes, such as 65536, 64K or 1M, and if not, what would
    #[arg(long, value_name = "BYTES", value_parser = bytes, allow_negative_numbers = true)]
    pub ram: Option<usize>,
    /// Write the memory map as a picture
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Print one line of JSON with all numbers and blocks, and nothing else
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum OptimizerState {
    Sgd,
    Momentum,
    Nesterov,
    Adagrad,
    Rmsprop,
    Adam,
    Adamw,
    Amsgrad,
}

impl OptimizerState {
    /// The optimizer; its learning rate does not matter to a plan.
    pub fn optimizer(self) -> Optimizer {
        let lr = 1e-3;
        match self {
            Self::Sgd => Optimizer::sgd(lr),
            Self::Momentum => Optimizer::momentum(lr, 0.9),
            Self::Nesterov => Optimizer::Sgd(Sgd { lr, momentum: 0.9, nesterov: true, ..Sgd::DEFAULT }),
            Self::Adagrad => Optimizer::adagrad(lr),
            Self::Rmsprop => Optimizer::rmsprop(lr),
            Self::Adam => Optimizer::adam(lr),
            Self::Adamw => Optimizer::adamw(lr),
            Self::Amsgrad => Optimizer::Adam(Adam { lr, amsgrad: true, ..Adam::DEFAULT }),
        }
    }

    /// The name of the option that gives `optimizer`.
    pub fn name(optimizer: Optimizer) -> String {
        let found = Self::value_variants().iter().find(|one| one.optimizer() == optimizer);
        found.and_then(ValueEnum::to_possible_value).map_or(String::new(), |value| value.get_name().to_string())
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
        for one in OptimizerState::value_variants() {
            let name = one.to_possible_value().unwrap();
            assert_eq!(OptimizerState::name(one.optimizer()), name.get_name());
        }
    }
}
