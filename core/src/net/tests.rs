//! Random networks of nested blocks: a plan in which everything has a place of its own is the oracle for the one that
//! reuses memory.

use super::slot::EXTERNAL;
use super::work::range;
use super::*;
use crate::context::Context;
use crate::isa::Isa;

extern crate std;
use std::vec;
use std::vec::Vec;

/// A xorshift generator.
struct Dice(u32);

impl Dice {
    fn roll(&mut self, n: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        (self.0 >> 8) % n
    }
    fn numbers(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| self.roll(1 << 16) as f32 / 32_768.0 - 1.0).collect()
    }
}

/// Layers that keep the shape `[4, 4, 4]`; blocks are leaked, there are few.
fn layers(dice: &mut Dice, depth: u32, count: u32) -> Vec<Layer<'static>> {
    (0..count).map(|_| layer(dice, depth)).collect()
}

fn layer(dice: &mut Dice, depth: u32) -> Layer<'static> {
    let layer = match dice.roll(if depth > 0 { 21 } else { 15 }) {
        0 | 1 => Layer::conv2d(4, 3).padding(1),
        2 => Layer::conv2d(4, 1).no_bias().groups(2),
        3 | 4 => Layer::relu(),
        5 => Layer::batch_norm(),
        6 => Layer::dropout(0.25),
        7 => Layer::max_pool(3).stride(1).padding(1),
        8 => Layer::group_norm(2),
        9 => Layer::layer_norm(),
        10 => Layer::tanh(),
        11 => Layer::silu(),
        12 => Layer::avg_pool(3).stride(1).padding(1),
        13 => Layer::leaky_relu(0.1),
        14 => Layer::rms_norm(),
        15..=17 => {
            let count = dice.roll(4) + 1;
            Layer::residual(layers(dice, depth - 1, count).leak())
        }
        _ => {
            let (body, shortcut) = (dice.roll(4) + 1, dice.roll(3) + 1);
            let body = layers(dice, depth - 1, body).leak();
            Layer::residual_with(body, layers(dice, depth - 1, shortcut).leak())
        }
    };
    if dice.roll(5) == 0 { layer.frozen() } else { layer }
}

/// The same plan, but nothing shares memory with anything, nothing works in place and nothing is fused.
fn spread(plan: &Plan) -> Plan {
    let mut plan = *plan;
    let (batch, mut end) = (plan.head.config.batch, 0);
    let mut fresh = |len: usize| {
        end += len;
        end - len
    };
    for i in 0..plan.head.layers {
        let before = (plan.slots[i].from != EXTERNAL).then(|| plan.slots[plan.slots[i].from]);
        let slot = &mut plan.slots[i];
        slot.fused = false;
        slot.in_place = slot.kind == Kind::Flatten;
        if !slot.in_place {
            let len = batch * slot.output_len();
            (slot.y, slot.y_infer) = (fresh(len), fresh(len));
            slot.dy = if slot.wanted { fresh(len) } else { EXTERNAL };
        } else if let Some(before) = before {
            (slot.y, slot.y_infer, slot.dy) = (before.y, before.y_infer, before.dy);
        }
        slot.dx_part = fresh(batch * slot.input_len());
        (slot.saved, slot.saved_infer) = (fresh(slot.saved_len(batch)), fresh(slot.saved_len(batch)));
        slot.scratch_forward = fresh(slot.scratch_forward_len);
        slot.scratch_backward = fresh(slot.scratch_backward_len);
        slot.scratch_infer = fresh(slot.scratch_forward_len);
    }
    (plan.head.train_work, plan.head.infer_work) = (end, end);
    plan
}

/// Losses, gradients and weights of three steps and the outputs afterwards.
fn run(plan: &Plan, x: &[f32], labels: &[u32]) -> Vec<f32> {
    let mut arena = vec![f32::NAN; plan.train_len()];
    let mut trainer = Trainer::new(Context::serial(Isa::detect()), plan, &mut arena, 5).unwrap();
    let optimizer = plan.head.config.optimizer;
    let mut all = vec![];
    for _ in 0..3 {
        all.push(trainer.step(&optimizer, x, labels).unwrap().loss_sum);
        all.extend_from_slice(trainer.gradients());
    }
    all.extend_from_slice(trainer.weights());
    all.extend_from_slice(trainer.infer(x).unwrap());
    all
}

#[test]
fn reusing_memory_changes_nothing() {
    let mut blocks = 0;
    for seed in 1..400 {
        let mut dice = Dice(seed * 7919);
        let count = dice.roll(5) + 1;
        let mut layers = layers(&mut dice, 2, count);
        layers.extend([Layer::flatten(), Layer::dense(3)]);
        let net = match Net::try_new([4, 4, 4], &layers) {
            Ok(net) => net,
            Err(e) => {
                assert!(matches!(e.problem, Problem::EmptyBlock | Problem::TooManyLayers { .. }), "{e}");
                continue;
            }
        };
        let config = Config::new(3, Optimizer::momentum(0.05, 0.9)).train_from(dice.roll(3) as usize);
        let plan = Plan::try_new(&net, config).unwrap();
        blocks += plan.view().slots.iter().filter(|s| s.kind == Kind::Add).count();
        let (x, labels) = (dice.numbers(3 * 64), [0, 2, 1]);
        let (want, got) = (run(&spread(&plan), &x, &labels), run(&plan, &x, &labels));
        let same = |(a, b): (&f32, &f32)| a.to_bits() == b.to_bits();
        assert!(want.len() == got.len() && want.iter().zip(&got).all(same), "{seed}: {layers:#?}");
        assert!(got.iter().all(|x| x.is_finite()), "{layers:#?}");
        assert!(plan.head.train_work <= spread(&plan).head.train_work);
    }
    assert!(blocks > 200, "only {blocks} blocks were tried");
}

#[test]
fn in_place_layers_are_those_that_may_be() {
    let body = [Layer::conv2d(4, 3).padding(1), Layer::relu(), Layer::conv2d(4, 3).padding(1)];
    let layers = [Layer::conv2d(4, 1), Layer::relu(), Layer::residual(&body), Layer::relu(), Layer::dropout(0.5)];
    let net = Net::try_new([4, 4, 4], &layers).unwrap();
    let plan = Plan::try_new(&net, Config::new(1, Optimizer::sgd(0.1))).unwrap();
    // conv, relu, (conv, relu, conv, add), relu, dropout
    let in_place: Vec<bool> = plan.view().slots.iter().map(|s| s.in_place).collect();
    assert_eq!(in_place, [false, true, false, true, false, true, true, true]);
    // A relu that two layers read must not be overwritten by the first of them.
    let body = [Layer::dropout(0.5), Layer::relu()];
    let layers = [Layer::conv2d(4, 1), Layer::relu(), Layer::residual(&body)];
    let net = Net::try_new([4, 4, 4], &layers).unwrap();
    let plan = Plan::try_new(&net, Config::new(1, Optimizer::sgd(0.1))).unwrap();
    let in_place: Vec<bool> = plan.view().slots.iter().map(|s| s.in_place).collect();
    // The addition may not overwrite the relu inside the block, whose gradient needs its output.
    assert_eq!(in_place, [false, true, false, true, false], "{layers:?}");
    assert_eq!(range((EXTERNAL, 5)), 0..0);
}
