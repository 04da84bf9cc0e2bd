//! Random networks of nested blocks: a plan in which everything has a place of its own is the oracle for the one that
//! reuses memory.

use super::*;
use crate::init::Init;
use crate::machine::Context;
use crate::machine::Isa;
use crate::net::layers::{EXTERNAL, range};
use crate::net::{Everything, Layer, Linked, Loss, Optimizer, Trainer};

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
            slot.dy = if slot.needs_grad { fresh(len) } else { EXTERNAL };
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
fn run<L: Linked>(plan: &Plan, x: &[f32], labels: &[u32]) -> Vec<f32> {
    let mut arena = vec![f32::NAN; plan.train_len()];
    let mut trainer = Trainer::<L>::linked(Context::serial(Isa::detect()), plan, &mut arena, 5).unwrap();
    let optimizer = plan.head.config.optimizer;
    let mut all = vec![];
    for _ in 0..3 {
        all.push(trainer.step(&optimizer, x, labels).unwrap().loss_sum);
        all.extend_from_slice(trainer.gradients());
    }
    all.extend_from_slice(trainer.weights());
    all.extend_from_slice(trainer.infer(x).unwrap());
    all.push(trainer.evaluate(x, labels).unwrap().loss_sum);
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
        let (want, got) = (run::<Everything>(&spread(&plan), &x, &labels), run::<Everything>(&plan, &x, &labels));
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

const fn plan(layers: &[Layer], config: Config) -> Plan {
    Plan::new(&Net::new([4, 4, 4], layers), config)
}

const LINEAR: [Layer; 2] = [Layer::flatten(), Layer::dense(3)];
const DIGITS: [Layer; 5] =
    [Layer::conv2d(5, 3).padding(1), Layer::relu(), Layer::max_pool(2), Layer::flatten(), Layer::dense(3)];
const BODY: [Layer; 2] = [Layer::conv2d(4, 3).padding(1).groups(2), Layer::relu()];
const MIXED: [Layer; 7] = [
    Layer::relu(),
    Layer::residual(&BODY),
    Layer::batch_norm(),
    Layer::conv2d(6, 2).stride(2).init(Init::KaimingNormal { gain: 1.0 }),
    Layer::max_pool(2).stride(1),
    Layer::flatten(),
    Layer::dense(3).lr(0.5),
];
const SMOOTH: Loss = Loss::CrossEntropy { label_smoothing: 0.1 };
static PLANS: [Plan; 5] = [
    plan(&LINEAR, Config::new(3, Optimizer::adam(0.01))),
    plan(&DIGITS, Config::new(3, Optimizer::momentum(0.01, 0.9))),
    plan(&DIGITS, Config::new(3, Optimizer::adamw(0.01)).train_from(4)),
    plan(&MIXED, Config::new(3, Optimizer::adam(0.01)).loss(SMOOTH)),
    plan(&MIXED, Config::new(3, Optimizer::rmsprop(0.01)).decay(Decay::Weights)),
];

/// A program for one of the plans.
struct Only<const I: usize>;

impl<const I: usize> Linked for Only<I> {
    const PARTS: Parts = PLANS[I].parts();
}

fn pruned<const I: usize>() {
    let x = Dice(99).numbers(3 * 64);
    let [want, got] = [run::<Everything>, run::<Only<I>>].map(|run| run(&PLANS[I], &x, &[0, 2, 1]));
    assert!(want.iter().zip(&got).all(|(a, b)| a.to_bits() == b.to_bits()), "plan {I}");
    assert!(want.len() == got.len() && got.iter().all(|x| x.is_finite()), "plan {I}");
}

#[test]
fn what_a_plan_does_not_use_can_be_left_out() {
    for check in [pruned::<0>, pruned::<1>, pruned::<2>, pruned::<3>, pruned::<4>] {
        check();
    }
}

#[test]
fn what_was_left_out_is_refused() {
    let (ctx, mut arena) = (Context::serial(Isa::detect()), vec![0.0; 10_000]);
    for plan in &PLANS[1..] {
        assert!(matches!(Trainer::<Only<0>>::linked(ctx, plan, &mut arena, 1), Err(crate::Error::NotLinked { .. })));
    }
    let mut trainer = Trainer::<Only<0>>::linked(ctx, &PLANS[0], &mut arena, 1).unwrap();
    let (x, labels) = ([0.5; 64], [1]);
    let probabilities = crate::loss::Target::Values(&[0.0, 1.0, 0.0]);
    assert!(trainer.step(&Optimizer::adam(0.1), &x, probabilities).is_err());
    assert!(trainer.step(&Optimizer::adamw(0.1), &x, &labels).is_err());
    assert!(trainer.step(&Optimizer::sgd(0.1), &x, &labels).is_err());
    assert!(trainer.step(&Optimizer::adam(f32::NAN), &x, &labels).is_err());
    assert!(trainer.step(&Optimizer::adam(0.2), &x, &labels).is_ok());
}
