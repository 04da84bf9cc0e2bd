//! Which optimizer trains a network.

use crate::error::{Error, Result};
use crate::keys::{Keys, Value};
use crate::machine::Context;
use crate::net::linked::{Linked, Parts};
use crate::optim::{
    Adagrad, Adam, Lion, RmsProp, Sgd, adagrad_step, adam_planned, lion_step, rmsprop_step, sgd_planned,
};

/// An optimizer with its hyper-parameters; they may change from step to step, the amount of state may not.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Optimizer {
    /// [`Sgd`]: no state, or one momentum buffer.
    Sgd(Sgd),
    /// [`Adagrad`]: the sum of squares.
    Adagrad(Adagrad),
    /// [`RmsProp`]: the mean square; the mean if centered, a buffer with momentum.
    RmsProp(RmsProp),
    /// [`Adam`] and AdamW: two moments; a third with AMSGrad.
    Adam(Adam),
    /// [`Lion`]: one average.
    Lion(Lion),
}

/// One thing each, for programs whose plans are not known when they are built.
impl Parts {
    const SGD_RULE: Self = Self::rule(0);
    const ADAGRAD_RULE: Self = Self::rule(1);
    const RMSPROP_RULE: Self = Self::rule(2);
    const LION_RULE: Self = Self::rule(8);
    /// Gradient descent, with momentum or without.
    pub const SGD: Self = Self::SGD_RULE.and(Self::RATES);
    /// Adagrad.
    pub const ADAGRAD: Self = Self::ADAGRAD_RULE.and(Self::RATES);
    /// RMSprop.
    pub const RMSPROP: Self = Self::RMSPROP_RULE.and(Self::RATES);
    /// Lion.
    pub const LION: Self = Self::LION_RULE.and(Self::RATES);
    /// Adam without what `VARIANTS` are.
    const MOMENTS: Self = Self::rule(3);
    /// Adam and AdamW.
    pub const ADAM: Self = Self::MOMENTS.and(Self::VARIANTS).and(Self::RATES);
}

/// What is said of optimizers that are not linked.
const NOT_LINKED: Error = Error::NotLinked { what: "the optimizer" };

impl Optimizer {
    /// Plain gradient descent.
    pub const fn sgd(lr: f32) -> Self {
        Self::Sgd(Sgd { lr, ..Sgd::DEFAULT })
    }

    /// Gradient descent with momentum.
    pub const fn momentum(lr: f32, momentum: f32) -> Self {
        Self::Sgd(Sgd { lr, momentum, ..Sgd::DEFAULT })
    }

    /// Adagrad with PyTorch's defaults.
    pub const fn adagrad(lr: f32) -> Self {
        Self::Adagrad(Adagrad { lr, ..Adagrad::DEFAULT })
    }

    /// RMSprop with PyTorch's defaults.
    pub const fn rmsprop(lr: f32) -> Self {
        Self::RmsProp(RmsProp { lr, ..RmsProp::DEFAULT })
    }

    /// AdamW with PyTorch's defaults: a decoupled weight decay of 0.01.
    pub const fn adamw(lr: f32) -> Self {
        Self::Adam(Adam { lr, ..Adam::ADAMW })
    }

    /// Lion with the paper's betas.
    pub const fn lion(lr: f32) -> Self {
        Self::Lion(Lion { lr, ..Lion::DEFAULT })
    }

    /// Adam with PyTorch's betas and eps.
    pub const fn adam(lr: f32) -> Self {
        Self::Adam(Adam { lr, ..Adam::DEFAULT })
    }

    /// The names of [`Optimizer::named`].
    pub const NAMES: [&'static str; 6] = ["sgd", "adam", "adamw", "rmsprop", "adagrad", "lion"];

    /// The optimizer of this name, with PyTorch's hyper-parameters and a usual learning rate.
    ///
    /// ```
    /// use flatgrad_core::net::Optimizer;
    /// assert_eq!(Optimizer::named("adam"), Some(Optimizer::adam(1e-3)));
    /// assert!(Optimizer::NAMES.iter().all(|name| Optimizer::named(name).is_some()));
    /// ```
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "sgd" => Self::sgd(0.01),
            "adam" => Self::adam(1e-3),
            "adamw" => Self::adamw(1e-3),
            "rmsprop" => Self::rmsprop(1e-3),
            "adagrad" => Self::adagrad(0.01),
            "lion" => Self::lion(1e-4),
            _ => return None,
        })
    }

    /// Its name; AdamW is Adam with a decoupled weight decay.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Sgd(_) => "sgd",
            Self::Adagrad(_) => "adagrad",
            Self::RmsProp(_) => "rmsprop",
            Self::Adam(_) => "adam",
            Self::Lion(_) => "lion",
        }
    }

    /// The hyper-parameters by the names that PyTorch gives them.
    pub const fn keys(&self) -> Keys {
        match self {
            Self::Sgd(sgd) => sgd.keys(),
            Self::Adagrad(adagrad) => adagrad.keys(),
            Self::RmsProp(rmsprop) => rmsprop.keys(),
            Self::Adam(adam) => adam.keys(),
            Self::Lion(lion) => lion.keys(),
        }
    }

    /// The same with other hyper-parameters, in the order of [`Optimizer::keys`]; `None` if they are not those of its
    /// keys.
    ///
    /// ```
    /// use flatgrad_core::net::{Optimizer, Value};
    /// let keys = Optimizer::adam(1e-3).keys();
    /// let faster = |(key, value)| if key == "lr" { Value::Number(0.5) } else { value };
    /// let values: Vec<Value> = keys.iter().map(faster).collect();
    /// assert_eq!(Optimizer::adam(1e-3).with(&values), Some(Optimizer::adam(0.5)));
    /// ```
    pub fn with(&self, values: &[Value]) -> Option<Self> {
        match self {
            Self::Sgd(_) => Sgd::with(values).map(Self::Sgd),
            Self::Adagrad(_) => Adagrad::with(values).map(Self::Adagrad),
            Self::RmsProp(_) => RmsProp::with(values).map(Self::RmsProp),
            Self::Adam(_) => Adam::with(values).map(Self::Adam),
            Self::Lion(_) => Lion::with(values).map(Self::Lion),
        }
    }

    /// Elements of state per parameter.
    pub const fn slots(&self) -> usize {
        match self {
            Self::Sgd(sgd) => sgd.state_slots(),
            Self::Adagrad(adagrad) => adagrad.state_slots(),
            Self::RmsProp(rmsprop) => rmsprop.state_slots(),
            Self::Adam(adam) => adam.state_slots(),
            Self::Lion(lion) => lion.state_slots(),
        }
    }

    /// The learning rate.
    pub const fn lr(&self) -> f32 {
        match self {
            Self::Sgd(sgd) => sgd.lr,
            Self::Adagrad(adagrad) => adagrad.lr,
            Self::RmsProp(rmsprop) => rmsprop.lr,
            Self::Adam(adam) => adam.lr,
            Self::Lion(lion) => lion.lr,
        }
    }

    /// Whether the root of a state is nearly all that a step divides by: at the 2^-100 where state is flushed it is
    /// 9e-16.
    pub(in crate::net) const fn divides_by_state(&self) -> bool {
        let eps = match self {
            Self::Sgd(_) | Self::Lion(_) => return false,
            Self::Adagrad(adagrad) => adagrad.eps,
            Self::RmsProp(rmsprop) => rmsprop.eps,
            Self::Adam(adam) => adam.eps,
        };
        eps < 1e-14
    }

    /// The same with this learning rate: what a schedule sets before each step.
    pub const fn with_lr(mut self, lr: f32) -> Self {
        match &mut self {
            Self::Sgd(sgd) => sgd.lr = lr,
            Self::Adagrad(adagrad) => adagrad.lr = lr,
            Self::RmsProp(rmsprop) => rmsprop.lr = lr,
            Self::Adam(adam) => adam.lr = lr,
            Self::Lion(lion) => lion.lr = lr,
        }
        self
    }

    /// Refuses hyper-parameters outside their range.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`](crate::Error::Parameter) with the name of the first that is wrong.
    pub const fn check(&self) -> Result {
        match self {
            Self::Sgd(sgd) => sgd.check(),
            Self::Adagrad(adagrad) => adagrad.check(),
            Self::RmsProp(rmsprop) => rmsprop.check(),
            Self::Adam(adam) => adam.check(),
            Self::Lion(lion) => lion.check(),
        }
    }

    /// What a program needs for its rule; with rates of layers, [`Parts::RATES`] too.
    pub(in crate::net) const fn needs_code(&self) -> Parts {
        match self {
            Self::Sgd(_) => Parts::SGD_RULE,
            Self::Adagrad(_) => Parts::ADAGRAD_RULE,
            Self::RmsProp(_) => Parts::RMSPROP_RULE,
            Self::Adam(adam) if adam.is_variant() => Parts::MOMENTS.and(Parts::VARIANTS),
            Self::Adam(_) => Parts::MOMENTS,
            Self::Lion(_) => Parts::LION_RULE,
        }
    }

    /// [`Optimizer::check`] of what is linked.
    pub(in crate::net) fn check_linked<L: Linked>(&self) -> Result {
        match self {
            Self::Sgd(sgd) if L::PARTS.has(Parts::SGD_RULE) => sgd.check(),
            Self::Adagrad(adagrad) if L::PARTS.has(Parts::ADAGRAD_RULE) => adagrad.check(),
            Self::RmsProp(rmsprop) if L::PARTS.has(Parts::RMSPROP_RULE) => rmsprop.check(),
            Self::Lion(lion) if L::PARTS.has(Parts::LION_RULE) => lion.check(),
            Self::Adam(adam)
                if L::PARTS.has(Parts::MOMENTS) && (L::PARTS.has(Parts::VARIANTS) || !adam.is_variant()) =>
            {
                adam.check()
            }
            Self::Sgd(_) | Self::Adagrad(_) | Self::RmsProp(_) | Self::Adam(_) | Self::Lion(_) => Err(NOT_LINKED),
        }
    }

    /// Learning rate and weight decay multiplied by these factors; a factor of 1 changes no bit.
    pub(in crate::net) fn scaled(self, lr: f32, decay: f32) -> Self {
        let mut scaled = self.with_lr(self.lr() * lr);
        let weight_decay = match &mut scaled {
            Self::Sgd(sgd) => &mut sgd.weight_decay,
            Self::Adagrad(adagrad) => &mut adagrad.weight_decay,
            Self::RmsProp(rmsprop) => &mut rmsprop.weight_decay,
            Self::Adam(adam) => &mut adam.weight_decay,
            Self::Lion(lion) => &mut lion.weight_decay,
        };
        *weight_decay *= decay;
        scaled
    }

    /// The state before the first step.
    pub(in crate::net) fn start(&self, state: &mut [f32]) {
        state.fill(match self {
            Self::Adagrad(adagrad) => adagrad.initial_accumulator,
            Self::Sgd(_) | Self::RmsProp(_) | Self::Adam(_) | Self::Lion(_) => 0.0,
        });
    }

    /// One step on some of the parameters: `first` is the place of the first of them among all `total`, and `state`
    /// holds `total` elements for each kind of state.
    pub(in crate::net) fn step<L: Linked>(
        &self,
        ctx: Context,
        step: u32,
        grads: &[f32],
        params: &mut [f32],
        state: &mut [f32],
        total: usize,
        first: usize,
    ) -> Result {
        let mut kinds = Kinds { state, total, first, len: params.len() };
        match self {
            Self::Sgd(sgd) if L::PARTS.has(Parts::SGD_RULE) => {
                let buffer = kinds.next_if(sgd.momentum != 0.0);
                sgd_planned(ctx, sgd, step, grads, params, buffer);
                Ok(())
            }
            Self::Adagrad(adagrad) if L::PARTS.has(Parts::ADAGRAD_RULE) => {
                adagrad_step(ctx, adagrad, step, grads, params, kinds.next_if(true))
            }
            Self::Lion(lion) if L::PARTS.has(Parts::LION_RULE) => {
                lion_step(ctx, lion, step, grads, params, kinds.next_if(true))
            }
            Self::RmsProp(rmsprop) if L::PARTS.has(Parts::RMSPROP_RULE) => {
                let square_avg = kinds.next_if(true);
                let grad_avg = kinds.next_if(rmsprop.centered);
                let buffer = kinds.next_if(rmsprop.momentum != 0.0);
                rmsprop_step(ctx, rmsprop, step, grads, params, square_avg, grad_avg, buffer)
            }
            Self::Adam(adam) if L::PARTS.has(Parts::MOMENTS) => {
                let (exp_avg, exp_avg_sq) = (kinds.next_if(true), kinds.next_if(true));
                let largest = kinds.next_if(L::PARTS.has(Parts::VARIANTS) && adam.amsgrad);
                adam_planned::<L>(ctx, adam, step, grads, params, [exp_avg, exp_avg_sq, largest]);
                Ok(())
            }
            Self::Sgd(_) | Self::Adagrad(_) | Self::RmsProp(_) | Self::Adam(_) | Self::Lion(_) => Err(NOT_LINKED),
        }
    }
}

/// The kinds of state, one after the other: `total` elements each, of which `len` from `first` are meant.
struct Kinds<'a> {
    state: &'a mut [f32],
    total: usize,
    first: usize,
    len: usize,
}

impl<'a> Kinds<'a> {
    /// The next kind, or nothing where the optimizer does not keep it.
    fn next_if(&mut self, kept: bool) -> &'a mut [f32] {
        if !kept {
            return &mut [];
        }
        let (kind, rest) = core::mem::take(&mut self.state).split_at_mut_checked(self.total).unwrap_or_default();
        self.state = rest;
        kind.get_mut(self.first..self.first + self.len).unwrap_or_default()
    }
}
