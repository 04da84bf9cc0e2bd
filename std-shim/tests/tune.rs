//! Verdicts and searches through the library.
#![allow(missing_docs, reason = "a test")]

use std::sync::Arc;

use flatgrad::Result;
use flatgrad::data::{Dataset, Floats, Label, Scratch, Targets, Task, Values};
use flatgrad::model::Network;
use flatgrad::train::Settings;
use flatgrad::tune::{Code, Severity, Subject, check};
use flatgrad_core::init::uniform;
use flatgrad_core::net::Optimizer;
use flatgrad_core::rng::Stream;
use flatgrad_core::{Context, Isa};

/// Two clouds of four features, apart.
fn clouds(n: usize, stream: u32) -> (Vec<f32>, Vec<u32>) {
    let mut x = vec![0.0; 4 * n];
    uniform(Stream { seed: 9, stream, step: 0 }, 1.0, &mut x).unwrap();
    let labels: Vec<u32> = (0..n as u32).map(|i| i % 2).collect();
    for (row, &label) in x.chunks_mut(4).zip(&labels) {
        row[0] += 1.5 * label as f32;
        row[1] -= 1.5 * label as f32;
    }
    (x, labels)
}

fn part(x: Vec<f32>, labels: Vec<u32>) -> Arc<dyn Dataset> {
    let targets = Targets::classes(vec!["a".into(), "b".into()], labels).unwrap();
    Arc::new(Floats::new("clouds", [4, 1, 1], x, targets).unwrap())
}

fn subject(last: &str) -> Subject {
    let text = format!(
        "input = [4, 1, 1]\nlayers = [\"flatten\", {{ kind = \"dense\", outputs = 16 }}, \"relu\", {{ kind = \"dense\", outputs = 2 }}{last}]"
    );
    let (x, labels) = clouds(300, 0);
    let (test_x, test_labels) = clouds(100, 1);
    Subject {
        network: Network::parse("net.toml", &text).unwrap(),
        train: part(x, labels),
        validation: None,
        test: part(test_x, test_labels),
        settings: Settings { epochs: 20, ..Settings::new(Optimizer::adam(5e-3)) },
        augmentation: None,
    }
}

fn codes(subject: &Subject) -> Vec<Code> {
    let checked = check(Context::serial(Isa::detect()), subject, &mut ()).unwrap();
    let alarms = checked.diagnosis.verdicts().iter().filter(|verdict| verdict.severity != Severity::Note);
    alarms.map(|verdict| verdict.code).collect()
}

#[test]
fn a_usual_run_is_left_in_peace() {
    assert_eq!(codes(&subject("")), []);
}

#[test]
fn faults_are_named() {
    assert_eq!(codes(&subject(", \"softmax\""))[0], Code::DoubleSoftmax);
    let mut huge = subject("");
    huge.settings.optimizer = Optimizer::adam(5.0);
    assert!(codes(&huge).contains(&Code::LrTooHigh));
    let mut slow = subject("");
    slow.settings.optimizer = Optimizer::adam(1e-6);
    assert_eq!(codes(&slow)[0], Code::LrTooLow);
    let mut leaking = subject("");
    leaking.test = Arc::clone(&leaking.train);
    assert!(codes(&leaking).contains(&Code::Leakage));
    let mut shifted = subject("");
    let (mut x, labels) = clouds(100, 1);
    x.iter_mut().for_each(|value| *value *= 4.0);
    shifted.test = part(x, labels);
    assert_eq!(codes(&shifted), [Code::PartShift]);
}

/// Nothing is chosen by the test part: with other labels there, everything is as before.
#[test]
fn labels_of_the_test_part_are_not_looked_at() {
    let ctx = Context::serial(Isa::detect());
    let right = check(ctx, &subject(""), &mut ()).unwrap();
    let mut other = subject("");
    let (x, labels) = clouds(100, 1);
    other.test = part(x, labels.iter().map(|label| 1 - label).collect());
    let other = check(ctx, &other, &mut ()).unwrap();
    assert_eq!((right.diagnosis, right.rates), (other.diagnosis, other.rates));
}

/// A data set that gives what no reader would.
struct Broken(Arc<dyn Dataset>);

impl Dataset for Broken {
    fn name(&self) -> &str {
        "broken"
    }
    fn len(&self) -> usize {
        self.0.len()
    }
    fn shape(&self) -> [usize; 3] {
        self.0.shape()
    }
    fn task(&self) -> &Task {
        self.0.task()
    }
    fn white(&self) -> Option<u8> {
        None
    }
    fn target(&self, index: usize) -> Label<'_> {
        self.0.target(index)
    }
    fn read<'a>(&'a self, index: usize, scratch: &'a mut Scratch) -> Result<Values<'a>> {
        let Values::Floats(values) = self.0.read(index, scratch)? else { return Ok(Values::Floats(&[])) };
        let nan: &[f32] = &[0.0, 0.0, f32::NAN, 0.0];
        Ok(Values::Floats(if index == 77 { nan } else { values }))
    }
}

#[test]
fn a_value_that_is_no_number_is_named_by_sample_and_feature() {
    let mut broken = subject("");
    broken.train = Arc::new(Broken(broken.train));
    let checked = check(Context::serial(Isa::detect()), &broken, &mut ()).unwrap();
    let verdict = &checked.diagnosis.verdicts()[0];
    assert_eq!(verdict.code, Code::InputsNotFinite);
    assert_eq!(verdict.evidence, [("sample", 77.0), ("feature", 2.0)]);
}
