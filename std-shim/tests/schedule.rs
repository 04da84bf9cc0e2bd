//! Learning rates, step by step, against PyTorch's (scripts/make_schedules.py).
#![allow(missing_docs, reason = "a test")]

use flatgrad::train::{OneCycle, Plateau, PlateauState, Schedule, Shape};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/schedules.json")).unwrap()
}

fn numbers(golden: &Value, name: &str) -> Vec<f64> {
    golden[name].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

#[test]
fn every_schedule_is_pytorchs() {
    let golden = golden();
    let losses = numbers(&golden, "losses");
    let steps = losses.len() as u64;
    let cycle = OneCycle { pct_start: 0.1, div_factor: 10.0, final_div_factor: 100.0, ..OneCycle::new(steps + 1) };
    let plateau = Plateau { factor: 0.5, patience: 2, threshold: 1e-3, cooldown: 3, min_lr: 0.03, ..Plateau::DEFAULT };
    let warm = |shape, steps, start| Schedule { warmup_start: start, ..Schedule::new(shape).warmup(steps) };
    let cases = [
        ("step", Schedule::new(Shape::Step { every: 9, gamma: 0.1 })),
        ("step 0.5", Schedule::new(Shape::Step { every: 4, gamma: 0.5 })),
        ("exponential", Schedule::new(Shape::Exponential { gamma: 0.9 })),
        ("cosine", Schedule::new(Shape::Cosine { steps, min: 0.0 })),
        ("cosine min", Schedule::new(Shape::Cosine { steps, min: 0.01 })),
        ("one cycle", Schedule::new(Shape::OneCycle(OneCycle::new(steps + 1)))),
        ("one cycle 0.1", Schedule::new(Shape::OneCycle(cycle))),
        ("warm constant", Schedule::CONSTANT.warmup(5)),
        ("warm cosine", warm(Shape::Cosine { steps: steps - 7, min: 0.0 }, 7, 1.0 / 3.0)),
        ("warm step", warm(Shape::Step { every: 9, gamma: 0.1 }, 7, 0.01)),
        ("plateau", Schedule::new(Shape::Plateau(Plateau::DEFAULT))),
        ("plateau 2", Schedule::new(Shape::Plateau(plateau))),
    ];
    assert_eq!(golden.as_object().unwrap().len(), cases.len() + 2, "a case without a test");
    for (name, schedule) in cases {
        schedule.check().unwrap();
        let mut state = PlateauState::default();
        for (step, (want, loss)) in numbers(&golden, name).into_iter().zip(&losses).enumerate() {
            let got = schedule.lr(0.25, step as u64, &state);
            assert!((got - want).abs() <= 1e-12 * want.max(1e-3), "{name}, step {step}: {got}, PyTorch has {want}");
            schedule.observe(0.25, *loss, &mut state);
        }
    }
}

#[test]
fn nothing_strange_at_the_ends() {
    let shapes = [
        Shape::Constant,
        Shape::Step { every: 1, gamma: 0.5 },
        Shape::Exponential { gamma: 0.99 },
        Shape::Cosine { steps: 1, min: 0.0 },
        Shape::OneCycle(OneCycle::new(1)),
        Shape::OneCycle(OneCycle { pct_start: 0.0, ..OneCycle::new(10) }),
        Shape::OneCycle(OneCycle { pct_start: 1.0, ..OneCycle::new(10) }),
        Shape::OneCycle(OneCycle { pct_start: 0.1, ..OneCycle::new(10) }),
        Shape::Plateau(Plateau::DEFAULT),
    ];
    for shape in shapes {
        for warmup in [0, 1, 3] {
            let schedule = Schedule::new(shape).warmup(warmup);
            for step in (0..20).chain([1 << 40, u64::MAX]) {
                let lr = schedule.lr(0.1, step, &PlateauState::default());
                assert!((0.0..=0.1).contains(&lr), "{schedule:?}, step {step}: {lr}");
            }
        }
    }
    // A loss that is not a number is no better than any.
    let schedule = Schedule::new(Shape::Plateau(Plateau { patience: 0, ..Plateau::DEFAULT }));
    let mut state = PlateauState::default();
    schedule.observe(1.0, f64::NAN, &mut state);
    assert_eq!(schedule.lr(1.0, 5, &state), 0.1);
}

#[test]
fn numbers_outside_their_range_are_refused() {
    let wrong = [
        Shape::Step { every: 0, gamma: 0.1 },
        Shape::Step { every: 1, gamma: f64::NAN },
        Shape::Exponential { gamma: 0.0 },
        Shape::Cosine { steps: 0, min: 0.0 },
        Shape::Cosine { steps: 5, min: -1.0 },
        Shape::OneCycle(OneCycle::new(0)),
        Shape::OneCycle(OneCycle { pct_start: 2.0, ..OneCycle::new(3) }),
        Shape::OneCycle(OneCycle { div_factor: 0.0, ..OneCycle::new(3) }),
        Shape::Plateau(Plateau { factor: 1.0, ..Plateau::DEFAULT }),
        Shape::Plateau(Plateau { threshold: -0.1, ..Plateau::DEFAULT }),
    ];
    for shape in wrong {
        assert!(Schedule::new(shape).check().is_err(), "{shape:?}");
    }
    assert!(Schedule { warmup_start: 0.0, ..Schedule::CONSTANT }.check().is_err());
}
