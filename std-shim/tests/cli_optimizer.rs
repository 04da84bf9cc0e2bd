//! The options of optimizers: each has an effect, the same as in the library, and those of others are refused.
#![allow(missing_docs, reason = "a test")]

mod common;

use std::collections::BTreeSet;

use common::program::*;
use flatgrad::data;
use flatgrad::model::{Architecture, LayerStore, Network};
use flatgrad::train::{Settings, train};
use flatgrad_core::net::Optimizer;
use flatgrad_core::optim::{Adagrad, Adam, RmsProp, Sgd};
use flatgrad_core::{Context, Isa};

const RUN: [&str; 5] = ["train", "--net", "tiny", "--max-steps", "5"];

/// What the library gives for the run.
fn expected(optimizer: Optimizer) -> String {
    let store = LayerStore::default();
    let digits = data::digits().unwrap();
    let net = Network::new(Architecture::Tiny, [1, 8, 8], 10).net(&store).unwrap();
    let settings = Settings { max_steps: Some(5), ..Settings::new(optimizer) };
    train(Context::serial(Isa::detect()), net, &digits, &settings, &mut []).unwrap().weights.sha256()
}

#[test]
fn every_option_has_its_effect() {
    let folder = tempfile::tempdir().unwrap();
    let (sgd, lr) = (Sgd { lr: 0.01, momentum: 0.9, ..Sgd::DEFAULT }, 1e-3);
    let (adam, adamw) = (Adam::DEFAULT, Adam::ADAMW);
    let rms = RmsProp { lr, ..RmsProp::DEFAULT };
    let all = [
        ("sgd", "", Optimizer::Sgd(sgd)),
        ("sgd", "--momentum 0", Optimizer::Sgd(Sgd { momentum: 0.0, ..sgd })),
        ("sgd", "--nesterov", Optimizer::Sgd(Sgd { nesterov: true, ..sgd })),
        ("sgd", "--nesterov --momentum 0.8", Optimizer::Sgd(Sgd { nesterov: true, momentum: 0.8, ..sgd })),
        ("sgd", "--dampening 0.5", Optimizer::Sgd(Sgd { dampening: 0.5, ..sgd })),
        ("sgd", "--dampening -0.5", Optimizer::Sgd(Sgd { dampening: -0.5, ..sgd })),
        ("sgd", "--weight-decay 0.1", Optimizer::Sgd(Sgd { weight_decay: 0.1, ..sgd })),
        ("adam", "", Optimizer::Adam(adam)),
        ("adam", "--betas 0.8,0.99", Optimizer::Adam(Adam { betas: [0.8, 0.99], ..adam })),
        ("adam", "--betas 0.9,0.9999", Optimizer::Adam(Adam { betas: [0.9, 0.9999], ..adam })),
        ("adam", "--eps 0.1", Optimizer::Adam(Adam { eps: 0.1, ..adam })),
        ("adam", "--amsgrad --betas 0.5,0.5", Optimizer::Adam(Adam { amsgrad: true, betas: [0.5; 2], ..adam })),
        ("adam", "--betas=0.5,0.5", Optimizer::Adam(Adam { betas: [0.5; 2], ..adam })),
        ("adam", "--no-bias-correction", Optimizer::Adam(Adam { bias_correction: false, ..adam })),
        ("adamw", "", Optimizer::Adam(adamw)),
        ("adamw", "--no-bias-correction", Optimizer::Adam(Adam { bias_correction: false, ..adamw })),
        ("adamw", "--betas 0.8,0.99", Optimizer::Adam(Adam { betas: [0.8, 0.99], ..adamw })),
        ("adamw", "--eps 0.1 --weight-decay 0.2", Optimizer::Adam(Adam { eps: 0.1, weight_decay: 0.2, ..adamw })),
        ("rmsprop", "", Optimizer::RmsProp(rms)),
        ("rmsprop", "--alpha 0.9", Optimizer::RmsProp(RmsProp { alpha: 0.9, ..rms })),
        ("rmsprop", "--eps 0.1", Optimizer::RmsProp(RmsProp { eps: 0.1, ..rms })),
        ("rmsprop", "--centered", Optimizer::RmsProp(RmsProp { centered: true, ..rms })),
        ("rmsprop", "--momentum 0.9", Optimizer::RmsProp(RmsProp { momentum: 0.9, ..rms })),
        ("adagrad", "", Optimizer::Adagrad(Adagrad::DEFAULT)),
        ("adagrad", "--eps 0.1", Optimizer::Adagrad(Adagrad { eps: 0.1, ..Adagrad::DEFAULT })),
    ];
    let mut hashes = BTreeSet::new();
    for (name, options, optimizer) in all {
        let options: Vec<&str> = options.split_whitespace().collect();
        let found = json(folder.path(), &[&RUN[..], &["--optimizer", name], &options].concat());
        assert_eq!(found["weights_sha256"], expected(optimizer), "{name} {options:?}");
        assert!(hashes.insert(expected(optimizer)), "{name} {options:?} changes nothing");
    }
}

#[test]
fn defaults_are_pytorchs() {
    let folder = tempfile::tempdir().unwrap();
    let hash = |options: &[&str]| json(folder.path(), &[&RUN[..], options].concat())["weights_sha256"].clone();
    for (name, options) in [
        ("sgd", &["--momentum", "0.9", "--dampening", "0"][..]),
        ("adam", &["--betas", "0.9,0.999", "--eps", "1e-8"]),
        ("rmsprop", &["--alpha", "0.99", "--eps", "1e-8", "--momentum", "0"]),
        ("adagrad", &["--eps", "1e-10"]),
    ] {
        assert_eq!(hash(&["--optimizer", name]), hash(&[&["--optimizer", name], options].concat()), "{name}");
    }
}

#[test]
fn options_of_other_optimizers_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (options, names, owners) in [
        (&["--nesterov"][..], &["adam", "adamw", "rmsprop", "adagrad"][..], "sgd"),
        (&["--dampening", "0.1"], &["adam", "adamw", "rmsprop", "adagrad"], "sgd"),
        (&["--momentum", "0.1"], &["adam", "adamw", "adagrad"], "sgd, rmsprop"),
        (&["--betas", "0.9,0.99"], &["sgd", "rmsprop", "adagrad"], "adam, adamw, lion"),
        (&["--amsgrad"], &["sgd", "rmsprop", "adagrad"], "adam, adamw"),
        (&["--no-bias-correction"], &["sgd", "rmsprop", "adagrad", "lion"], "adam, adamw"),
        (&["--alpha", "0.9"], &["sgd", "adam", "adamw", "adagrad"], "rmsprop"),
        (&["--centered"], &["sgd", "adam", "adamw", "adagrad"], "rmsprop"),
        (&["--eps", "1e-4"], &["sgd", "lion"], "adam, adamw, rmsprop, adagrad"),
    ] {
        for name in names {
            let error = refused(folder.path(), &[&RUN[..], &["--optimizer", name], options].concat());
            let expected = format!("{}: {name} does not have it; it is for {owners}\n", options[0]);
            assert!(error.ends_with(&expected), "{error}");
        }
    }
}

#[test]
fn numbers_outside_their_range_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (name, options, text) in [
        ("sgd", &["--nesterov", "--momentum", "0"][..], "momentum: must be positive for nesterov, got 0"),
        ("sgd", &["--nesterov", "--dampening", "0.1"], "dampening: must be 0 for nesterov, got 0.1"),
        ("sgd", &["--dampening", "NaN"], "dampening: must be finite"),
        ("adam", &["--betas", "0.9,1"], "betas[1]: must be at least 0 and below 1, got 1"),
        ("adam", &["--betas=-0.1,0.9"], "betas[0]: must be at least 0 and below 1, got -0.1"),
        ("adam", &["--betas", "0.9"], "must be two numbers, such as 0.9,0.999"),
        ("adam", &["--betas", "0.9,0.99,0.999"], "must be two numbers"),
        ("adam", &["--betas", "0.9,high"], "must be two numbers"),
        ("adam", &["--betas", "NaN,0.9"], "betas[0]: must be at least 0 and below 1"),
        ("adam", &["--eps", "-0.5"], "eps: must be finite and not negative"),
        ("adagrad", &["--eps", "inf"], "eps: must be finite and not negative"),
        ("rmsprop", &["--alpha", "1"], "alpha: must be at least 0 and below 1, got 1"),
    ] {
        let error = refused(folder.path(), &[&RUN[..], &["--optimizer", name], options].concat());
        assert!(error.contains(text), "{options:?}: {error}");
    }
}

#[test]
fn a_resumed_run_keeps_them() {
    let folder = tempfile::tempdir().unwrap();
    let run = ["train", "--net", "tiny", "--epochs", "1", "--optimizer", "sgd", "--nesterov", "--momentum", "0.8"];
    let whole = json(folder.path(), &[&run[..], &["--out", "whole"]].concat());
    json(folder.path(), &[&run[..], &["--out", "half", "--max-steps", "7"]].concat());
    let error = refused(folder.path(), &["train", "--resume", "half", "--momentum", "0.7"]);
    assert!(error.contains("--resume: optimizer was sgd") && error.contains("nesterov true"), "{error}");
    let error = refused(folder.path(), &["train", "--resume", "half", "--dampening", "0.1"]);
    assert!(error.contains("dampening: must be 0 for nesterov"), "{error}");
    let error = refused(folder.path(), &["train", "--resume", "half", "--betas", "0.9,0.9"]);
    assert!(error.contains("--betas: sgd does not have it"), "{error}");
    let rest = json(folder.path(), &["train", "--resume", "half", "--nesterov"]);
    assert_eq!(rest["weights_sha256"], whole["weights_sha256"]);

    let run = ["train", "--net", "tiny", "--epochs", "1", "--betas", "0.8,0.99", "--eps=1e-4", "--amsgrad"];
    let whole = json(folder.path(), &[&run[..], &["--out", "whole"]].concat());
    json(folder.path(), &[&run[..], &["--out", "half", "--max-steps", "7"]].concat());
    for options in [&["--betas", "0.9,0.99"][..], &["--eps", "1e-5"], &["--no-bias-correction"]] {
        let error = refused(folder.path(), &[&["train", "--resume", "half"], options].concat());
        assert!(error.contains("--resume: optimizer was adam"), "{error}");
    }
    assert_eq!(json(folder.path(), &["train", "--resume", "half"])["weights_sha256"], whole["weights_sha256"]);
}

#[test]
fn help_names_every_option() {
    let folder = tempfile::tempdir().unwrap();
    let (help, _) = succeeds(folder.path(), &["train", "--help"]);
    for option in [
        "momentum",
        "nesterov",
        "dampening",
        "betas",
        "alpha",
        "eps",
        "amsgrad",
        "no-bias-correction",
        "centered",
        "weight-decay",
    ] {
        assert!(help.contains(&format!("--{option}")), "{option}");
    }
}
