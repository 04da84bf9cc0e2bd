//! `flatgrad check` and `flatgrad tune`.
#![allow(missing_docs, reason = "a test")]

mod common;

use std::path::Path;
use std::process::Output;

use common::program::{flatgrad, refused};
use serde_json::Value;

const SMALL: [&str; 9] = ["--net", "net.toml", "--train-samples", "400", "--epochs", "25", "--lr", "0.005", "--quiet"];

/// With a network that is trained in no time.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let layers = r#"["flatten", { kind = "dense", outputs = 32 }, "relu", { kind = "dense", outputs = 10 }]"#;
    std::fs::write(folder.path().join("net.toml"), format!("input = [1, 8, 8]\nlayers = {layers}\n")).unwrap();
    folder
}

fn json(folder: &Path, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap()
}

fn codes(report: &Value) -> Vec<String> {
    let verdicts = report["verdicts"].as_array().unwrap();
    verdicts.iter().map(|verdict| verdict["code"].as_str().unwrap().to_string()).collect()
}

fn run<S: AsRef<str>>(folder: &Path, words: impl IntoIterator<Item = S>) -> Output {
    let words: Vec<S> = words.into_iter().collect();
    flatgrad(folder, &words.iter().map(AsRef::as_ref).collect::<Vec<&str>>())
}

#[test]
fn a_usual_run_is_healthy_and_a_wild_one_is_not() {
    let folder = folder();
    let out = folder.path().join("healthy");
    let done = run(folder.path(), ["check", "--out", out.to_str().unwrap()].iter().chain(&SMALL));
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let report = json(&out, "check.json");
    assert_eq!(codes(&report)[0], "healthy");
    assert_eq!(report["complete"], true);

    let out = folder.path().join("wild");
    let words = ["check", "--out", out.to_str().unwrap(), "--net", "net.toml", "--train-samples", "400", "--lr", "50"];
    let done = run(folder.path(), words);
    assert_eq!(done.status.code(), Some(3), "{done:?}");
    let report = json(&out, "check.json");
    assert!(codes(&report).iter().take(2).any(|code| code == "lr_too_high"), "{report}");
    let verdict = &report["verdicts"][0];
    for key in ["code", "step", "severity", "evidence", "advice", "text"] {
        assert!(!verdict[key].is_null(), "{key}: {verdict}");
    }
    // Advice names options, not fields.
    assert!(!report.to_string().contains('`'), "{report}");
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(said.contains("lr_too_high") && said.contains("--lr"), "{said}");
    page_stands_alone(&std::fs::read_to_string(out.join("check.html")).unwrap());
}

/// Nothing is loaded from anywhere, and curves are drawn.
fn page_stands_alone(html: &str) {
    assert!(html.contains("<svg") && html.contains("</html>"));
    for outside in ["src=", "href=", "@import", "url(", "<script"] {
        assert!(!html.contains(outside), "{outside}");
    }
    let links = html.matches("http").count();
    assert_eq!(links, html.matches("http://www.w3.org/2000/svg").count());
    assert!(html.contains("prefers-color-scheme: dark"));
}

/// As `train` refuses it, with the place.
#[test]
fn bad_input_is_refused_as_in_training() {
    let folder = folder();
    let rows: String = (0..60).map(|i| format!("{i},{},{}\n", if i == 41 { "nan" } else { "1.5" }, i % 2)).collect();
    std::fs::write(folder.path().join("rows.csv"), format!("a,b,label\n{rows}")).unwrap();
    for command in ["train", "check", "tune"] {
        let error = refused(folder.path(), &[command, "--data", "rows.csv"]);
        assert!(error.contains("line 43, column 2"), "{error}");
    }
    for command in ["check", "tune"] {
        let error = refused(folder.path(), &[command, "--batch", "5000", "--quiet"]);
        assert!(error.contains("--batch: must be from 1 to the 1437 training samples"), "{error}");
    }
}

#[test]
fn what_trains_nothing_refuses_what_only_training_has() {
    let folder = folder();
    for words in [
        &["check", "--resume", "somewhere"][..],
        &["check", "--tensorboard", "logs"],
        &["tune", "--checkpoint-steps", "5"],
        &["tune", "--max-steps", "5"],
        &["tune", "--budget", "never"],
        &["check", "--data", "nowhere"],
    ] {
        refused(folder.path(), words);
    }
    let help = String::from_utf8(flatgrad(folder.path(), &["tune", "--help"]).stdout).unwrap();
    assert!(help.contains("--budget") && help.contains("--weight-decay"));
}

/// The choice is the same for any number of threads, trials are taken over, and the command line can be typed.
#[test]
fn a_search_chooses_and_goes_on() {
    let folder = folder();
    let words = |out: &str, threads: &str| {
        let first = ["tune", "--budget", "40s", "--out", out, "--net", "net.toml", "--train-samples", "300"];
        let rest = ["--epochs", "3", "--val", "0.2", "--threads", threads, "--quiet"];
        first.iter().chain(&rest).map(|word| (*word).to_string()).collect::<Vec<_>>()
    };
    let done = run(folder.path(), words("one", "1"));
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let report = json(&folder.path().join("one"), "tune.json");
    assert_eq!(report["cut_by_the_clock"], false, "{report}");
    let score = report["choice"]["validation_score"].as_f64().unwrap();
    assert!(score >= report["choice"]["own_validation_score"].as_f64().unwrap() && score > 0.5, "{report}");
    assert!(report["trials"].as_array().unwrap().len() > 8);

    run(folder.path(), words("two", "2"));
    let other = json(&folder.path().join("two"), "tune.json");
    assert_eq!((&report["choice"], &report["trials"]), (&other["choice"], &other["trials"]));

    // A search that was interrupted has some trials; the same command goes on with them.
    let path = folder.path().join("one/trials.json");
    let mut kept = json(&folder.path().join("one"), "trials.json");
    let all = kept["trials"].as_array().unwrap().len();
    kept["trials"].as_array_mut().unwrap().truncate(all / 2);
    std::fs::write(&path, kept.to_string()).unwrap();
    let again = run(folder.path(), words("one", "1"));
    assert_eq!(again.status.code(), Some(0), "{again:?}");
    assert_eq!(json(&folder.path().join("one"), "tune.json")["choice"], report["choice"]);
    assert_eq!(json(&folder.path().join("one"), "trials.json")["trials"].as_array().unwrap().len(), all);

    let line = report["command"].as_str().unwrap();
    assert!(line.starts_with("flatgrad train ") && !line.contains("--budget"), "{line}");
    let trained = run(folder.path(), line.split(' ').skip(1).map(String::from).chain(["--quiet".into()]));
    assert_eq!(trained.status.code(), Some(0), "{line}: {trained:?}");
    page_stands_alone(&std::fs::read_to_string(folder.path().join("one/tune.html")).unwrap());
}
