//! What the optimizer is, with PyTorch's names, defaults and checks.

use clap::{Args, ValueEnum};
use flatgrad::{Error, Result};
use flatgrad_core::net::Optimizer;
use flatgrad_core::optim::{Adagrad, Adam, RmsProp, Sgd};

use OptimizerName::{Adagrad as AdagradName, Adam as AdamName, Adamw, Rmsprop, Sgd as SgdName};

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
    /// The weights of the old averages of gradients and of their squares, for adam and adamw [default: 0.9,0.999]
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
    /// Divide by the deviation of the gradients and not by their root mean square, for rmsprop
    #[arg(long)]
    pub centered: bool,
    /// The weight decay: with adamw decoupled from the gradient, else a part of it [default: 0.01 for adamw, else 0]
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub weight_decay: Option<f32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OptimizerName {
    Sgd,
    Adam,
    Adamw,
    Rmsprop,
    Adagrad,
}

impl OptimizerName {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sgd => "sgd",
            Self::Adam => "adam",
            Self::Adamw => "adamw",
            Self::Rmsprop => "rmsprop",
            Self::Adagrad => "adagrad",
        }
    }

    pub const fn default_lr(self) -> f32 {
        match self {
            Self::Sgd | Self::Adagrad => 0.01,
            Self::Adam | Self::Adamw | Self::Rmsprop => 0.001,
        }
    }
}

impl OptimizerArgs {
    pub fn optimizer(&self, name: OptimizerName, lr: f32) -> Result<Optimizer> {
        self.check_names(name)?;
        let optimizer = match name {
            SgdName => Optimizer::Sgd(self.sgd(lr)),
            AdamName => Optimizer::Adam(self.adam(Adam { lr, ..Adam::DEFAULT })),
            Adamw => Optimizer::Adam(self.adam(Adam { lr, ..Adam::ADAMW })),
            Rmsprop => Optimizer::RmsProp(self.rms_prop(lr)),
            AdagradName => Optimizer::Adagrad(Adagrad {
                lr,
                eps: self.eps.unwrap_or(Adagrad::DEFAULT.eps),
                weight_decay: self.weight_decay.unwrap_or(Adagrad::DEFAULT.weight_decay),
                ..Adagrad::DEFAULT
            }),
        };
        optimizer.check()?;
        Ok(optimizer)
    }

    /// Refuses what the optimizer does not have.
    fn check_names(&self, name: OptimizerName) -> Result {
        let given = [
            ("momentum", self.momentum.is_some(), &[SgdName, Rmsprop][..]),
            ("nesterov", self.nesterov, &[SgdName]),
            ("dampening", self.dampening.is_some(), &[SgdName]),
            ("betas", self.betas.is_some(), &[AdamName, Adamw]),
            ("alpha", self.alpha.is_some(), &[Rmsprop]),
            ("eps", self.eps.is_some(), &[AdamName, Adamw, Rmsprop, AdagradName]),
            ("amsgrad", self.amsgrad, &[AdamName, Adamw]),
            ("centered", self.centered, &[Rmsprop]),
        ];
        match given.into_iter().find(|(_, is_given, owners)| *is_given && !owners.contains(&name)) {
            None => Ok(()),
            Some((option, _, owners)) => {
                let owners = owners.iter().map(|owner| owner.name()).collect::<Vec<_>>().join(", ");
                Err(Error::setting(option, format!("{} does not have it; it is for {owners}", name.name())))
            }
        }
    }

    fn sgd(&self, lr: f32) -> Sgd {
        Sgd {
            lr,
            momentum: self.momentum.unwrap_or(0.9),
            dampening: self.dampening.unwrap_or(Sgd::DEFAULT.dampening),
            nesterov: self.nesterov,
            weight_decay: self.weight_decay.unwrap_or(Sgd::DEFAULT.weight_decay),
            ..Sgd::DEFAULT
        }
    }

    fn adam(&self, usual: Adam) -> Adam {
        Adam {
            betas: self.betas.unwrap_or(usual.betas),
            eps: self.eps.unwrap_or(usual.eps),
            amsgrad: self.amsgrad,
            weight_decay: self.weight_decay.unwrap_or(usual.weight_decay),
            ..usual
        }
    }

    fn rms_prop(&self, lr: f32) -> RmsProp {
        let usual = RmsProp::DEFAULT;
        RmsProp {
            lr,
            alpha: self.alpha.unwrap_or(usual.alpha),
            eps: self.eps.unwrap_or(usual.eps),
            weight_decay: self.weight_decay.unwrap_or(usual.weight_decay),
            momentum: self.momentum.unwrap_or(usual.momentum),
            centered: self.centered,
        }
    }
}

/// Two numbers.
fn pair(text: &str) -> std::result::Result<[f64; 2], String> {
    let numbers: Option<Vec<f64>> = text.split(',').map(|number| number.trim().parse().ok()).collect();
    let pair = numbers.and_then(|numbers| <[f64; 2]>::try_from(numbers).ok());
    pair.ok_or_else(|| "must be two numbers, such as 0.9,0.999".to_string())
}
