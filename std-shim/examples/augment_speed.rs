//! How long recipes take for an image, on one thread.
//!
//!     cargo run --release -p flatgrad --example augment_speed

use std::time::Instant;

use flatgrad::Result;
use flatgrad::augment::{Canvas, Key, Recipe};

const RECIPES: [(&str, [usize; 3], &str); 7] = [
    (
        "flip, crop, erasing",
        [1, 28, 28],
        "train = ['random_horizontal_flip', { kind = 'random_crop', padding = 4 }, { kind = 'random_erasing', p = 1 }]",
    ),
    ("digits", [1, 28, 28], ""),
    ("cifar", [3, 32, 32], ""),
    (
        "color jitter",
        [3, 32, 32],
        "train = [{ kind = 'color_jitter', brightness = 0.4, contrast = 0.4, saturation = 0.4, hue = 0.1 }]",
    ),
    ("noise", [1, 28, 28], "train = ['gaussian_noise']"),
    ("imagenet", [3, 375, 500], ""),
    ("signal", [3, 1, 128], ""),
];

fn main() -> Result {
    for (name, shape, text) in RECIPES {
        let recipe = if text.is_empty() { Recipe::named(name)? } else { Recipe::parse(name, text)? };
        let pipeline = recipe.train(shape)?;
        let image: Vec<f32> = (0..shape.iter().product::<usize>()).map(|i| (i % 97) as f32 / 96.0).collect();
        let mut out = vec![0.0; pipeline.out_shape().iter().product()];
        let mut canvas = Canvas::default();
        // The best of many rounds: long enough for the clock, short enough to run undisturbed.
        let images = (20_000 / image.len() as u64).max(1);
        let mut best = f64::INFINITY;
        for epoch in 0..100 {
            let start = Instant::now();
            for sample in 0..images {
                pipeline.apply(Key { seed: 1, epoch, sample }, &image, &mut out, &mut canvas)?;
            }
            best = best.min(start.elapsed().as_secs_f64() / images as f64);
        }
        println!("{name:<20} {shape:?} -> {:?}: {:.2} us", pipeline.out_shape(), best * 1e6);
    }
    Ok(())
}
