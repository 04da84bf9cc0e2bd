//! From nested layers to a row of them: the order in which they run, whose output each reads, and its shape.

use crate::error::{NetError, Problem};
use crate::net::describe::{Form, Kind, Layer, Options};
use crate::net::layers::{EXTERNAL, Slot, product};

/// The most layers a network may have, those inside blocks counted one by one, and one more for each block's addition.
pub const MAX_LAYERS: usize = 96;

/// The layers in the order in which they run; a residual block is its body, its shortcut, and an addition.
pub(super) struct Graph<'a> {
    /// The caller's memory; nothing if the layers are only to be checked.
    pub(super) slots: &'a mut [Slot],
    /// The most layers there may be.
    max: usize,
    pub(super) count: usize,
    /// Learnt ones.
    pub(super) parameters: usize,
    /// The last layer's shape, `[c, h, w]`.
    pub(super) output: [usize; 3],
}

/// Whose output: a layer's index or [`EXTERNAL`], the network's input. With its shape `[c, h, w]`.
#[derive(Clone, Copy)]
struct Value {
    from: usize,
    /// Who made it: flatten layers give what they get.
    made_by: usize,
    shape: [usize; 3],
}

impl<'a> Graph<'a> {
    /// Checks every layer, and keeps nothing.
    pub(super) const fn check(input: [usize; 3], layers: &[Layer]) -> Result<Self, NetError> {
        Self::build(input, layers, &mut [], MAX_LAYERS)
    }

    /// The layers, checked, in `slots`.
    pub(super) const fn new(input: [usize; 3], layers: &[Layer], slots: &'a mut [Slot]) -> Result<Self, NetError> {
        let max = if slots.len() < MAX_LAYERS { slots.len() } else { MAX_LAYERS };
        Self::build(input, layers, slots, max)
    }

    const fn build(input: [usize; 3], layers: &[Layer], slots: &'a mut [Slot], max: usize) -> Result<Self, NetError> {
        if layers.is_empty() {
            return Err(NetError { layer: 0, kind: "network", problem: Problem::NoLayers });
        }
        let mut graph = Self { slots, max, count: 0, parameters: 0, output: input };
        if input[0] == 0 || input[1] == 0 || input[2] == 0 {
            return Err(NetError { layer: 0, kind: "network", problem: Problem::Zero { what: "the input" } });
        }
        if let Err(problem) = product(&input) {
            return Err(NetError { layer: 0, kind: "network", problem });
        }
        match graph.chain(layers, Value { from: EXTERNAL, made_by: EXTERNAL, shape: input }, Options::DEFAULT) {
            Ok(last) => graph.output = last.shape,
            Err(e) => return Err(e),
        }
        Ok(graph)
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
        if body.made_by == shortcut.made_by {
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
        if index >= self.max {
            let problem = Problem::TooManyLayers { max: self.max };
            return Err(NetError { layer: index, kind: "network", problem });
        }
        let shapes = match kind.shapes(input.shape) {
            Ok(shapes) => shapes,
            Err(problem) => return Err(self.fault(kind, problem)),
        };
        let (shape, weight_len, bias_len) = (shapes.output, shapes.weight, shapes.bias);
        if let Err(problem) = product(&shape) {
            return Err(self.fault(kind, problem));
        }
        let from = input.from;
        if let Some(slot) = self.at_mut(index) {
            let (input, output) = (input.shape, shape);
            *slot = Slot { kind, options, from, other, input, output, weight_len, bias_len, ..Slot::EMPTY };
        }
        self.parameters = self.parameters.saturating_add(weight_len).saturating_add(bias_len);
        self.count += 1;
        let made_by = if kind.about().is_flatten { input.made_by } else { index };
        Ok(Value { from: index, made_by, shape })
    }

    /// Layer `i`. So that the compiler sees that nothing can panic, there is one even beyond the last.
    pub(super) const fn at(&self, i: usize) -> &Slot {
        if i < self.slots.len() { &self.slots[i] } else { &Slot::EMPTY }
    }

    /// Layer `i`, to change it.
    pub(super) const fn at_mut(&mut self, i: usize) -> Option<&mut Slot> {
        if i < self.slots.len() { Some(&mut self.slots[i]) } else { None }
    }

    /// The problem of a layer that has been added.
    pub(super) const fn blame(&self, layer: usize, problem: Problem) -> NetError {
        NetError { layer, kind: self.at(layer).kind.name(), problem }
    }

    /// The problem of a layer that is about to be.
    const fn fault(&self, kind: Kind, problem: Problem) -> NetError {
        NetError { layer: self.count, kind: kind.name(), problem }
    }

    /// The layer that made what layer `from` gives: flatten layers give what they get.
    pub(super) const fn value(&self, mut from: usize) -> usize {
        while from != EXTERNAL && self.at(from).kind.about().is_flatten {
            from = self.at(from).from;
        }
        from
    }

    /// How often layer `i` (no flatten) reads the output of `value`.
    pub(super) const fn reads(&self, i: usize, value: usize) -> usize {
        let slot = self.at(i);
        if slot.kind.about().is_flatten {
            return 0;
        }
        let twice = slot.kind.is_add() && self.value(slot.other) == value;
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
