//! Dropout.

use super::{About, Backward, Forward, Mode, Pass, Shapes, Step, Training};
use crate::dropout::{Dropout, Form, dropout, dropout_in_place, dropout_infer, dropout_infer_in_place};
use crate::error::{Problem, Result};
use crate::keys::{Keys, Value};
use crate::net::describe::{self, Kind, Layer};
use crate::net::linked::Parts;

impl Layer<'_> {
    /// Inverted dropout with probability `p` to drop: what is kept is scaled by `1 / (1 - p)` in training, and nothing
    /// happens at test time. [`Layer::form`] says otherwise.
    pub const fn dropout(p: f32) -> Self {
        Self::of(Kind::Dropout { p, form: Form::Inverted })
    }

    /// The same by the probability to keep, as the original papers and some platforms define the rate: `dropout(1 -
    /// keep)`, where the difference is rounded to `f32`; from a half on it is exact.
    ///
    /// ```
    /// use flatgrad_core::net::Layer;
    /// assert_eq!(Layer::dropout_keep(0.75), Layer::dropout(0.25));
    /// ```
    pub const fn dropout_keep(keep: f32) -> Self {
        Self::dropout(1.0 - keep)
    }

    /// How dropout keeps the expectation; dropout only.
    ///
    /// A network always holds the weights of training. [`ScaleWeights`](Form::ScaleWeights) multiplies the next
    /// layer's weights at test time, and `(keep * W) x = W (keep * x)`: at test time a network computes the right side,
    /// as [`ScaleActivations`](Form::ScaleActivations) does. Weights that are to run without the layer are multiplied
    /// by [`scale_weights`](crate::dropout::scale_weights).
    pub const fn form(mut self, by: Form) -> Self {
        match &mut self.form {
            describe::Form::Single(Kind::Dropout { form, .. }) => *form = by,
            _ => self.misuse = Some("form"),
        }
        self
    }
}

impl Parts {
    /// Dropout.
    pub const DROPOUT: Self = Self::layer(15);
}

/// It keeps the sign of what it keeps, and what it drops has no gradient.
pub(super) const ABOUT: About = About { in_place: true, keeps_signs: true, ..About::new("dropout") };

pub(super) const fn shapes(p: f32, input: [usize; 3]) -> Result<Shapes, Problem> {
    if !(p >= 0.0 && p <= 1.0) {
        return Err(Problem::Parameter { what: "the probability to drop must be from 0 to 1" });
    }
    Ok(Shapes::same(input))
}

const fn name_of(form: Form) -> &'static str {
    match form {
        Form::Inverted => "inverted",
        Form::ScaleActivations => "scale_activations",
        Form::ScaleWeights => "scale_weights",
    }
}

pub(super) const fn keys(p: f32, form: Form) -> Keys {
    Keys::NONE.and("p", Value::Number(p)).and("form", Value::Word(name_of(form)))
}

pub(super) fn with(values: &[Value]) -> Option<Kind> {
    let [Value::Number(p), Value::Word(word)] = *values else { return None };
    let forms = [Form::Inverted, Form::ScaleActivations, Form::ScaleWeights];
    let form = forms.into_iter().find(|form| name_of(*form) == word)?;
    Some(Kind::Dropout { p, form })
}

pub(super) fn forward(pass: &Pass, p: f32, form: Form, t: Forward, mode: &Mode) -> Result {
    let (ctx, slot, drop) = (pass.ctx, pass.slot, Dropout::drop(p)?.form(form));
    match mode {
        Mode::Infer { .. } | Mode::Train(Training { noise: None, .. }) => {
            // The weights are those of training: their factor is one of the activations.
            let drop = if matches!(form, Form::ScaleWeights) { drop.form(Form::ScaleActivations) } else { drop };
            if slot.in_place { dropout_infer_in_place(ctx, drop, t.y) } else { dropout_infer(ctx, drop, t.x, t.y) }
        }
        Mode::Train(Training { noise: Some(noise), .. }) => {
            let mask = noise.mask(pass.i, slot.output_len());
            if slot.in_place { dropout_in_place(ctx, drop, mask, t.y) } else { dropout(ctx, drop, mask, t.x, t.y) }
        }
    }
}

pub(super) fn backward(pass: &Pass, p: f32, form: Form, step: Step, t: Backward) -> Result {
    let (ctx, slot, drop) = (pass.ctx, pass.slot, Dropout::drop(p)?.form(form));
    let mask = step.noise.mask(pass.i, slot.output_len());
    if slot.in_place { dropout_in_place(ctx, drop, mask, t.dy) } else { dropout(ctx, drop, mask, t.dy, t.dx) }
}
