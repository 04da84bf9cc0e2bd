//! Each experiment on the digits, in its short form: what it claims holds, and its picture and figures are whole.
#![allow(missing_docs, reason = "a test")]

use flatgrad::data::{OpenOptions, open_digits};
use flatgrad::reproduce::{Experiment, Finding, Setup};

fn setup() -> Setup {
    let data = open_digits(&OpenOptions::default()).unwrap();
    Setup { seeds: 2, quick: true, hidden: true, ..Setup::new(data) }
}

/// The finding, with all claims held.
fn held(name: &str) -> Finding {
    let finding = Experiment::named(name).unwrap().run(&setup()).unwrap();
    let text = finding.to_text();
    assert!(finding.held() && !finding.claims.is_empty(), "{text}");
    assert!(text.starts_with(name) && text.contains("digits: 1437 samples, 360 to test; 2 seeds, quick"), "{text}");
    let (svg, png) = (finding.picture.to_svg(), finding.picture.to_png().unwrap());
    assert!(svg.starts_with("<svg") && !svg.contains("NaN") && png.len() > 10_000, "{name}");
    let json = finding.to_json();
    assert_eq!(
        (&json["program"], &json["experiment"], &json["held"]),
        (&"flatgrad".into(), &name.into(), &true.into())
    );
    assert_eq!(json["table"].as_array().unwrap().len(), finding.table.rows.len());
    finding
}

#[test]
fn optimizers() {
    let finding = held("optimizers");
    assert_eq!(finding.table.rows.len(), 6);
    assert_eq!(finding.claims.len(), 4);
}

#[test]
fn adagrad() {
    held("adagrad");
}

#[test]
fn early_stopping() {
    assert_eq!(held("early-stopping").table.rows.len(), 2);
}

#[test]
fn dropout() {
    let finding = held("dropout");
    assert_eq!(finding.compared.len(), 3);
    assert!(finding.compared[0].published.starts_with("160 "));
}

#[test]
fn augmentation() {
    assert_eq!(held("augmentation").table.rows.len(), 4);
}

#[test]
fn covariate_shift() {
    held("covariate-shift");
}

#[test]
fn batch_norm_rates() {
    assert_eq!(held("batch-norm-rates").compared.len(), 3);
}

#[test]
fn learning_rate() {
    assert_eq!(held("learning-rate").table.rows.len(), 5);
}

#[test]
fn normalizations() {
    assert_eq!(held("normalizations").table.rows.len(), 5);
}

#[test]
fn neither_threads_nor_repetition_change_a_figure() {
    let of = |threads| {
        let setup = Setup { threads, seeds: 1, ..setup() };
        Experiment::named("adagrad").unwrap().run(&setup).unwrap().to_json()
    };
    assert_eq!(of(1), of(2));
}

#[test]
fn what_cannot_be_is_refused() {
    let refused = |setup: &Setup| Experiment::named("adagrad").unwrap().run(setup).unwrap_err().to_string();
    assert_eq!(refused(&Setup { seeds: 0, ..setup() }), "seeds: must be at least 1");
    let rows = tempfile::NamedTempFile::with_suffix(".csv").unwrap();
    std::fs::write(rows.path(), "a,b,class\n".to_string() + &"0,0,no\n1,1,yes\n".repeat(20)).unwrap();
    let table = flatgrad::data::open(rows.path(), &OpenOptions::default()).unwrap();
    assert!(refused(&Setup::new(table)).contains("is not images of classes"));
    assert!(Experiment::named("perpetual-motion").is_none());
}
