//! Fully connected.

use super::shapes::product;
use super::{About, Backward, Cost, Drawn, Forward, Needs, Pass, Shapes, Slot, Step};
use crate::dense::{Dense, Product, dense_backward_bias_planned, dense_planned, dense_scratch_len};
use crate::error::{Problem, Result};
use crate::gemm::{Bias, Epilogue, Tiles};
use crate::init::Fans;
use crate::keys::{Keys, Value};
use crate::net::describe::{Kind, Layer};
use crate::net::linked::{Linked, Parts};
use crate::optim::Neurons;
use crate::update::Update;

impl Layer<'_> {
    /// Fully connected, with a bias.
    pub const fn dense(outputs: usize) -> Self {
        Self::of(Kind::Dense { outputs, bias: true })
    }
}

impl Parts {
    /// How large a dense layer is, other bits tell.
    pub(super) const DENSE_LAYER: Self = Self::layer(1);
    /// Dense layers.
    pub const DENSE: Self = Self::DENSE_LAYER.and(Self::TILES);
}

pub(super) const ABOUT: About =
    About { stem: Some("fc"), needs: Needs::Input, can_fuse: true, draws: true, ..About::new("dense") };

const fn shape_of(slot: &Slot, n: usize) -> Dense {
    Dense { n, inputs: slot.input[0], outputs: slot.output[0] }
}

pub(super) const fn shapes(outputs: usize, bias: bool, input: [usize; 3]) -> Result<Shapes, Problem> {
    let [inputs, h, w] = input;
    if outputs == 0 {
        return Err(Problem::Zero { what: "the number of outputs" });
    }
    if h != 1 || w != 1 {
        return Err(Problem::NotFlat { input });
    }
    match product(&[inputs, outputs]) {
        Ok(weight) => Ok(Shapes { output: [outputs, 1, 1], weight, bias: if bias { outputs } else { 0 } }),
        Err(e) => Err(e),
    }
}

pub(super) const fn cost(slot: &Slot, n: usize) -> Cost {
    let len = dense_scratch_len(&shape_of(slot, n));
    Cost { forward: len, backward: len, ..Cost::NONE }
}

pub(super) const fn needs_code(slot: &Slot, batch: usize) -> Parts {
    Parts::DENSE_LAYER.and(Parts::of_tiles(Tiles::of_dense(batch, slot.input[0], slot.output[0])))
}

pub(super) const fn keys(outputs: usize, bias: bool) -> Keys {
    Keys::NONE.and("outputs", Value::Size(outputs)).and("bias", Value::Flag(bias))
}

pub(super) const fn with(values: &[Value]) -> Option<Kind> {
    match *values {
        [Value::Size(outputs), Value::Flag(bias)] => Some(Kind::Dense { outputs, bias }),
        _ => None,
    }
}

/// The weight is `[inputs, outputs]`.
pub(super) fn drawn(slot: &Slot) -> Drawn {
    let (inputs, outputs) = (slot.input[0], slot.output[0]);
    let (dims, fans) = ([inputs, outputs, 1, 1], Fans::dense(inputs, outputs));
    Drawn { dims, rank: 2, fans, neurons: Neurons::Columns, matrix: [inputs, outputs] }
}

pub(super) fn forward<L: Linked>(pass: &Pass, t: Forward) {
    let (shape, operands, update) = (shape_of(pass.slot, pass.n), [t.x, pass.weight()], Update::Overwrite);
    let epilogue = Epilogue { bias: pass.bias().map_or(Bias::None, Bias::PerCol), activation: pass.fused() };
    dense_planned::<L>(pass.ctx, &shape, Product::Forward, operands, update, epilogue, t.y, t.scratch);
}

pub(super) fn backward<L: Linked>(pass: &Pass, step: Step, t: Backward) {
    let (ctx, slot) = (pass.ctx, pass.slot);
    let mut product = |product, operands, update, c: &mut [f32]| {
        let shape = shape_of(slot, pass.n);
        dense_planned::<L>(ctx, &shape, product, operands, update, Epilogue::NONE, c, t.scratch);
    };
    if slot.learns() {
        product(Product::Weight, [t.x, &*t.dy], step.update, t.dw);
    }
    if slot.learns() && slot.bias_len > 0 {
        dense_backward_bias_planned(ctx, t.dy, step.update, t.db);
    }
    if slot.wants_dx() {
        product(Product::Input, [&*t.dy, pass.weight()], Update::Overwrite, t.dx);
    }
}
