//! From nested layers to a row of them: the order in which they run, whose output each reads, and its shape.

use super::MAX_LAYERS;
use super::error::{NetError, Problem};
use super::infer::{infer, product};
use super::kind::Kind;
use super::layer::{Form, Layer, Options};
use super::slot::{EXTERNAL, Slot};

/// The layers in the order in which they run; a residual block is its body, its shortcut, and an addition.
#[derive(Clone, Copy)]
pub(super) struct Graph {
    pub(super) slots: [Slot; MAX_LAYERS],
    pub(super) count: usize,
}

/// Whose output: a layer's index or [`EXTERNAL`], the network's input. With its shape `[c, h, w]`.
#[derive(Clone, Copy)]
struct Value {
    from: usize,
    shape: [usize; 3],
}

impl Graph {
    /// Checks every layer on the way.
    pub(super) const fn new(input: [usize; 3], layers: &[Layer]) -> Result<Self, NetError> {
        if layers.is_empty() {
            return Err(NetError { layer: 0, kind: "network", problem: Problem::NoLayers });
        }
        let mut graph = Self { slots: [Slot::EMPTY; MAX_LAYERS], count: 0 };
        if input[0] == 0 || input[1] == 0 || input[2] == 0 {
            return Err(NetError { layer: 0, kind: "network", problem: Problem::Zero { what: "the input" } });
        }
        if let Err(problem) = product(&input) {
            return Err(NetError { layer: 0, kind: "network", problem });
        }
        match graph.chain(layers, Value { from: EXTERNAL, shape: input }, Options::DEFAULT) {
            Ok(_) => Ok(graph),
            Err(e) => Err(e),
        }
    }

    /// Adds layers one after the other and gives the last one's output.
    const fn chain(&mut self, layers: &[Layer], input: Value, outer: Options) -> Result<Value, NetError> {
        let (mut value, mut i) = (input, 0);
        while i < layers.len() {
            value = match self.layer(&layers[i], value, outer) {
                Ok(value) => value,
                Err(e) => return Err(e),
            };
            i += 1;
        }
        Ok(value)
    }

    const fn layer(&mut self, layer: &Layer, input: Value, outer: Options) -> Result<Value, NetError> {
        let own = layer.options;
        let options = Options {
            frozen: outer.frozen || own.frozen,
            lr: outer.lr * own.lr,
            decay: outer.decay * own.decay,
            ..own
        };
        if let Some(option) = layer.misuse {
            return Err(self.fault(layer.kind(), Problem::NoSuchOption { option }));
        }
        // Written so that a NaN is refused, too.
        if !(options.lr >= 0.0 && options.lr < f32::INFINITY && options.decay >= 0.0 && options.decay < f32::INFINITY) {
            let what = "factors of learning rate and weight decay must be finite and not negative";
            return Err(self.fault(layer.kind(), Problem::Parameter { what }));
        }
        if options.max_norm.is_nan() || options.max_norm <= 0.0 {
            return Err(self.fault(layer.kind(), Problem::Parameter { what: "max_norm must be above 0" }));
        }
        if options.init.check().is_err() {
            let what = "a parameter of the initialization is outside its range";
            return Err(self.fault(layer.kind(), Problem::Parameter { what }));
        }
        match layer.form {
            Form::Single(kind) => self.push(kind, input, EXTERNAL, options),
            Form::Residual { body, shortcut } => self.residual(body, shortcut, input, options),
        }
    }

    const fn residual(
        &mut self,
        body: &[Layer],
        shortcut: &[Layer],
        input: Value,
        options: Options,
    ) -> Result<Value, NetError> {
        let (body, shortcut) = match (self.chain(body, input, options), shortcut) {
            (Ok(body), shortcut) => (body, self.chain(shortcut, input, options)),
            (Err(e), _) => return Err(e),
        };
        let shortcut = match shortcut {
            Ok(shortcut) => shortcut,
            Err(e) => return Err(e),
        };
        if self.value(body.from) == self.value(shortcut.from) {
            return Err(self.fault(Kind::Add, Problem::EmptyBlock));
        }
        let ([a, b, c], [d, e, f]) = (body.shape, shortcut.shape);
        if a != d || b != e || c != f {
            return Err(self.fault(Kind::Add, Problem::Shapes { body: body.shape, shortcut: shortcut.shape }));
        }
        self.push(Kind::Add, body, shortcut.from, options)
    }

    /// Adds one layer.
    const fn push(&mut self, kind: Kind, input: Value, other: usize, options: Options) -> Result<Value, NetError> {
        let index = self.count;
        if index == MAX_LAYERS {
            let problem = Problem::TooManyLayers { max: MAX_LAYERS };
            return Err(NetError { layer: index, kind: "network", problem });
        }
        let inferred = match infer(&kind, input.shape) {
            Ok(inferred) => inferred,
            Err(problem) => return Err(self.fault(kind, problem)),
        };
        if let Err(problem) = product(&inferred.output) {
            return Err(self.fault(kind, problem));
        }
        let slot = &mut self.slots[index];
        (slot.kind, slot.options, slot.from, slot.other) = (kind, options, input.from, other);
        (slot.input, slot.output) = (input.shape, inferred.output);
        (slot.weight_len, slot.bias_len) = (inferred.weight, inferred.bias);
        self.count += 1;
        Ok(Value { from: index, shape: inferred.output })
    }

    /// The problem of a layer that has been added.
    pub(super) const fn blame(&self, layer: usize, problem: Problem) -> NetError {
        NetError { layer, kind: self.slots[layer].kind.name(), problem }
    }

    /// The problem of a layer that is about to be.
    const fn fault(&self, kind: Kind, problem: Problem) -> NetError {
        NetError { layer: self.count, kind: kind.name(), problem }
    }

    /// The layer that made what layer `from` gives: flatten layers give what they get.
    pub(super) const fn value(&self, mut from: usize) -> usize {
        while from != EXTERNAL && matches!(self.slots[from].kind, Kind::Flatten) {
            from = self.slots[from].from;
        }
        from
    }

    /// How often layer `i` (no flatten) reads the output of `value`.
    pub(super) const fn reads(&self, i: usize, value: usize) -> usize {
        let slot = &self.slots[i];
        if matches!(slot.kind, Kind::Flatten) {
            return 0;
        }
        let twice = matches!(slot.kind, Kind::Add) && self.value(slot.other) == value;
        (self.value(slot.from) == value) as usize + twice as usize
    }

    /// How often layers after `i` read the output of `value`.
    pub(super) const fn readers_after(&self, i: usize, value: usize) -> usize {
        let (mut count, mut j) = (0, i + 1);
        while j < self.count {
            count += self.reads(j, value);
            j += 1;
        }
        count
    }
}
