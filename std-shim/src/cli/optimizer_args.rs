//! What the optimizer is, with PyTorch's names, defaults and checks.

use clap::Args;
use flatgrad::{Error, Result};
use flatgrad_core::net::{Optimizer, Value};

#[derive(Clone, Debug, Args)]
pub struct OptimizerArgs {
    /// The momentum of sgd and rmsprop [default: 0.9 for sgd, 0 for rmsprop]
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub momentum: Option<f32>,
    /// Nesterov's momentum, for sgd: needs a momentum, and no dampening
    #[arg(long)]
    pub nesterov: bool,
    /// What the momentum of sgd takes off each gradient after the first [default: 0]
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub dampening: Option<f32>,
    /// The weights of the old averages of gradients and of their squares, for adam, adamw and lion
    /// [default: 0.9,0.999; 0.9,0.99 for lion]
    #[arg(long, value_name = "B1,B2", value_parser = pair, allow_negative_numbers = true)]
    pub betas: Option<[f64; 2]>,
    /// The weight of the old average of the squares, for rmsprop; elsewhere called rho [default: 0.99]
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub alpha: Option<f64>,
    /// What adam, adamw, rmsprop and adagrad add to the root they divide by [default: 1e-8, 1e-10 for adagrad]
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub eps: Option<f32>,
    /// Divide by the largest average so far, for adam and adamw
    #[arg(long)]
    pub amsgrad: bool,
    /// Take the averages of adam and adamw as they are (Adam's simple form): without the correction for their start at
    /// zero, the first steps are longer with the usual betas
    #[arg(long)]
    pub no_bias_correction: bool,
    /// Divide by the deviation of the gradients and not by their root mean square, for rmsprop
    #[arg(long)]
    pub centered: bool,
    /// The weight decay: with adamw and lion decoupled from the gradient, else a part of it [default: 0.01 for adamw,
    /// else 0]
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub weight_decay: Option<f32>,
}

impl OptimizerArgs {
    /// The optimizer of this name; sgd has a momentum unless told otherwise.
    pub fn optimizer(&self, name: &str, lr: Option<f32>) -> Result<Optimizer> {
        let usual = usual(name)?;
        let given = self.given(name, lr);
        if let Some((option, _)) = given.iter().find(|(option, _)| !has(&usual, option)) {
            let owners =
                Optimizer::NAMES.iter().filter(|other| Optimizer::named(other).is_some_and(|o| has(&o, option)));
            let owners = owners.copied().collect::<Vec<_>>().join(", ");
            return Err(Error::setting(option, format!("{name} does not have it; it is for {owners}")));
        }
        let value = |(key, usual)| given.iter().find(|(option, _)| *option == key).map_or(usual, |(_, value)| *value);
        let values: Vec<Value> = usual.keys().iter().map(value).collect();
        let optimizer = usual.with(&values).unwrap_or(usual);
        optimizer.check()?;
        Ok(optimizer)
    }

    /// What is not left at its default.
    fn given(&self, name: &str, lr: Option<f32>) -> Vec<(&'static str, Value)> {
        let number = |key, x: Option<f32>| x.map(|x| (key, Value::Number(x)));
        let flag = |key, on: bool| on.then_some((key, Value::Flag(true)));
        let momentum = self.momentum.or((name == "sgd").then_some(0.9));
        let given = [
            number("lr", lr),
            number("momentum", momentum),
            flag("nesterov", self.nesterov),
            number("dampening", self.dampening),
            self.betas.map(|betas| ("betas", Value::Doubles(betas))),
            self.alpha.map(|alpha| ("alpha", Value::Double(alpha))),
            number("eps", self.eps),
            flag("amsgrad", self.amsgrad),
            self.no_bias_correction.then_some(("bias_correction", Value::Flag(false))),
            flag("centered", self.centered),
            number("weight_decay", self.weight_decay),
        ];
        given.into_iter().flatten().collect()
    }
}

/// The optimizer of this name, with the usual hyper-parameters.
pub fn usual(name: &str) -> Result<Optimizer> {
    Optimizer::named(name).ok_or_else(|| Error::setting("optimizer", format!("{name} is not known")))
}

fn has(optimizer: &Optimizer, option: &str) -> bool {
    optimizer.keys().iter().any(|(key, _)| key == option)
}

/// Two numbers.
fn pair(text: &str) -> std::result::Result<[f64; 2], String> {
    let numbers: Option<Vec<f64>> = text.split(',').map(|number| number.trim().parse().ok()).collect();
    let pair = numbers.and_then(|numbers| <[f64; 2]>::try_from(numbers).ok());
    pair.ok_or_else(|| "must be two numbers, such as 0.9,0.999".to_string())
}
