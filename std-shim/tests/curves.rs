//! The pictures of a run, of usual histories and of odd ones.
#![allow(missing_docs, reason = "a test")]

use flatgrad::report::{RunFiles, RunFolder, StatsFiles, curves_png, curves_svg};
use flatgrad::train::{EpochRecord, History};

/// Numbers from 0 to 1 without a pattern.
fn noise(i: usize) -> f32 {
    ((i as u32 ^ 0x9e37).wrapping_mul(2_654_435_761) >> 8) as f32 / (1 << 24) as f32
}

fn record(epoch: usize, loss: f32) -> EpochRecord {
    EpochRecord {
        epoch,
        train_loss: loss,
        train_accuracy: Some(1.0 - f64::from(loss) / 6.0),
        test_loss: loss,
        test_accuracy: Some(1.0 - f64::from(loss) / 5.0),
        test_mae: None,
        validation_loss: Some(1.1 * loss),
        validation_accuracy: Some(1.0 - f64::from(loss) / 4.0),
        validation_mae: None,
        train_part_loss: None,
        train_part_accuracy: None,
        train_part_mae: None,
        seconds: 1.0,
        samples_per_second: 1.0,
        lr: 0.1,
    }
}

/// A loss that falls from `2.3` towards `low` in `steps` steps of `epochs` epochs.
fn usual(steps: usize, epochs: usize, low: f32) -> History {
    let loss = |i: usize| low + (2.3 - low) * (-6.0 * i as f32 / steps as f32).exp();
    let rate = |i: usize| 0.05 * (1.0 + (std::f32::consts::PI * i as f32 / steps as f32).cos());
    let ends: Vec<usize> = (1..=epochs).map(|e| e * steps / epochs).collect();
    History {
        step_losses: (0..steps).map(|i| loss(i) * (0.6 + 0.8 * noise(i))).collect(),
        step_rates: (0..steps).map(|i| rate(i) * (i as f32 / (0.1 * steps as f32)).min(1.0)).collect(),
        epochs: ends.iter().enumerate().map(|(i, &end)| record(i + 1, 1.2 * loss(end))).collect(),
        epoch_ends: ends,
        stats: Vec::new(),
    }
}

/// Both pictures, which must be sound.
fn drawn(title: &str, history: &History) -> (String, image::RgbImage) {
    let (svg, png) = (curves_svg(title, history).unwrap(), curves_png(title, history).unwrap());
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    let image = image::load_from_memory_with_format(&png, image::ImageFormat::Png).unwrap().to_rgb8();
    let size = format!(r#"width="{}" height="{}""#, image.width() / 2, image.height() / 2);
    assert!(svg.starts_with("<svg") && svg.contains(&size), "{size}: {svg}");
    // To look at them: CURVES=/tmp cargo test -p flatgrad --test curves
    if let Ok(folder) = std::env::var("CURVES") {
        let name: String = title.chars().take(40).map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        std::fs::write(format!("{folder}/{name}.svg"), &svg).unwrap();
        std::fs::write(format!("{folder}/{name}.png"), &png).unwrap();
    }
    (svg, image)
}

/// How many pixels are of a colour, nearly.
fn count(image: &image::RgbImage, color: [u8; 3]) -> usize {
    image.pixels().filter(|pixel| pixel.0.iter().zip(color).all(|(a, b)| a.abs_diff(b) < 8)).count()
}

const BLUE: [u8; 3] = [31, 90, 180];
const ORANGE: [u8; 3] = [226, 121, 21];
const RED: [u8; 3] = [196, 46, 52];
const GREY: [u8; 3] = [70, 76, 86];

#[test]
fn everything_is_drawn_in_both_formats() {
    let (svg, image) = drawn("cnn on <digits> & é", &usual(900, 20, 0.05));
    let names = ["training", "moving average", "validation", "test", "loss", "accuracy (%)", "learning rate", "step"];
    for text in names.into_iter().chain(["cnn on &lt;digits&gt; &amp; é", ">900<", ">0.5<", ">100<"]) {
        assert!(svg.contains(text), "{text}");
    }
    for color in [BLUE, ORANGE, RED, GREY] {
        assert!(count(&image, color) > 1000, "{color:?}");
    }
    // Nothing touches the edge: nothing is cut off.
    let (width, height) = image.dimensions();
    let edge = image.enumerate_pixels().filter(|(x, y, _)| [0, width - 1].contains(x) || [0, height - 1].contains(y));
    assert!(edge.into_iter().all(|(_, _, pixel)| pixel.0 == [255; 3]));
    // The picture is a function of the history.
    assert_eq!(drawn("cnn on <digits> & é", &usual(900, 20, 0.05)), (svg, image));
}

#[test]
fn a_long_run_is_no_large_file() {
    let long = usual(300_000, 100, 0.4);
    let (svg, image) = drawn("a long run", &long);
    assert!(svg.len() < 100_000, "{}", svg.len());
    assert!(svg.contains("300,000") && count(&image, BLUE) > 1000);
    assert!(curves_png("a long run", &long).unwrap().len() < 500_000);
}

#[test]
fn a_loss_that_falls_far_is_on_a_logarithmic_axis() {
    let (svg, _) = drawn("far down", &usual(5000, 40, 1e-4));
    assert!(svg.contains("loss (logarithmic)") && svg.contains(">0.01<"));
    assert!(!drawn("not far", &usual(5000, 40, 0.1)).0.contains("logarithmic"));
}

#[test]
fn values_have_their_error_and_no_accuracy() {
    let mut history = usual(200, 4, 0.1);
    for (epoch, error) in history.epochs.iter_mut().zip([8.0, 4.0, 2.0, 1.5]) {
        (epoch.test_accuracy, epoch.validation_accuracy, epoch.validation_loss) = (None, None, None);
        (epoch.test_mae, epoch.train_accuracy) = (Some(error), None);
    }
    let (svg, image) = drawn("values", &history);
    assert!(svg.contains("mean absolute error") && !svg.contains("accuracy") && !svg.contains("validation"));
    assert_eq!(count(&image, ORANGE), 0);
    history.epochs.iter_mut().for_each(|epoch| epoch.test_mae = None);
    assert!(!drawn("loss only", &history).0.contains("mean absolute error"));
}

#[test]
fn short_runs_are_drawn() {
    for (title, steps, epochs) in [("one step", 1, 1), ("two steps", 2, 1), ("one epoch", 45, 1), ("few", 3, 3)] {
        let (_, image) = drawn(title, &usual(steps, epochs, 0.5));
        for color in [BLUE, RED, ORANGE] {
            assert!(count(&image, color) > 20, "{title}: {color:?}");
        }
    }
    // Without the end of an epoch, and without rates.
    let history = History { step_losses: vec![1.0, 2.0], ..History::default() };
    assert!(!drawn("begun", &history).0.contains("learning rate"));
    // A title longer than the picture is wide.
    assert!(drawn(&"net ".repeat(100), &history).0.contains("..."));
}

#[test]
fn numbers_that_are_not_finite_are_gaps() {
    let mut history = usual(300, 3, 0.5);
    history.step_losses[70..110].fill(f32::NAN);
    history.step_losses[150] = f32::INFINITY;
    history.step_losses[0] = f32::NEG_INFINITY;
    history.step_rates[..100].fill(f32::NAN);
    (history.epochs[1].test_loss, history.epochs[2].test_accuracy) = (f32::NAN, Some(f64::NAN));
    history.epochs[0].validation_loss = Some(f32::INFINITY);
    drawn("gaps", &history);
    history.step_losses.fill(f32::NAN);
    drawn("evaluated only", &history);
    for large in [f32::MAX, 1e-45, 0.0, -1.0] {
        history.step_losses.fill(large);
        history.epochs.iter_mut().for_each(|epoch| epoch.test_loss = large);
        drawn("extreme", &history);
    }
}

#[test]
fn nothing_to_draw_is_no_picture() {
    let mut history = usual(30, 3, 0.5);
    history.step_losses.fill(f32::NAN);
    for epoch in &mut history.epochs {
        (epoch.test_loss, epoch.validation_loss) = (f32::INFINITY, None);
    }
    for history in [history, History::default()] {
        assert_eq!(curves_svg("nothing", &history), None);
        assert_eq!(curves_png("nothing", &history), None);
    }
}

#[test]
fn a_run_without_pictures_takes_those_of_an_earlier_run_away() {
    let folder = tempfile::tempdir().unwrap();
    let files = |svg, png| RunFiles {
        weights: b"weights",
        history: "history",
        curves_svg: svg,
        curves_png: png,
        stats: StatsFiles { lines: svg, svg, png },
        run: serde_json::json!({}),
    };
    let write = |files| RunFolder::prepare(folder.path()).unwrap().write(files).unwrap();
    let names = ["curves.svg", "curves.png", "stats.jsonl", "stats.svg", "stats.png", "run.json"];
    let exist = || names.map(|name| folder.path().join(name).exists());
    write(files(Some("<svg"), Some(b"png")));
    assert_eq!(exist(), [true; 6]);
    write(files(Some("<svg"), None));
    assert_eq!(exist(), [true, false, true, true, false, true]);
    write(files(None, None));
    assert_eq!(exist(), [false, false, false, false, false, true]);
}
