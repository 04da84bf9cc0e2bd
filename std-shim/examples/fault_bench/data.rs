//! Data that is made, and a data set into which faults can be planted.

use std::f32::consts::{PI, TAU};

use flatgrad::Result;
use flatgrad::data::{Dataset, Label, Scratch, Task, Values, digits};

/// A data set that takes anything, also what readers refuse.
#[derive(Clone)]
pub struct Made {
    pub shape: [usize; 3],
    pub task: Task,
    /// `[n, c, h, w]`
    pub x: Vec<f32>,
    pub labels: Vec<u32>,
    /// `[n, outputs]`, of values.
    pub values: Vec<f32>,
}

impl Dataset for Made {
    fn name(&self) -> &'static str {
        "made"
    }
    fn len(&self) -> usize {
        self.x.len() / self.pixels()
    }
    fn shape(&self) -> [usize; 3] {
        self.shape
    }
    fn task(&self) -> &Task {
        &self.task
    }
    fn white(&self) -> Option<u8> {
        None
    }
    fn target(&self, index: usize) -> Label<'_> {
        if self.task.is_classes() {
            return Label::Class(self.labels.get(index).copied().unwrap_or(0));
        }
        let outputs = self.task.outputs();
        Label::Values(self.values.get(index * outputs..(index + 1) * outputs).unwrap_or_default())
    }
    fn read<'a>(&'a self, index: usize, _: &'a mut Scratch) -> Result<Values<'a>> {
        Ok(Values::Floats(self.x.chunks_exact(self.pixels()).nth(index).unwrap_or_default()))
    }
}

impl Made {
    /// Some of the samples, in this order.
    pub fn select(&self, indices: &[usize]) -> Self {
        let (pixels, outputs) = (self.pixels(), self.task.outputs());
        let mut made = Self { x: Vec::new(), labels: Vec::new(), values: Vec::new(), ..self.clone() };
        for &i in indices {
            made.x.extend_from_slice(&self.x[i * pixels..(i + 1) * pixels]);
            if self.task.is_classes() {
                made.labels.push(self.labels[i]);
            } else {
                made.values.extend_from_slice(&self.values[i * outputs..(i + 1) * outputs]);
            }
        }
        made
    }

    /// The first `n`, and the rest.
    pub fn cut(&self, n: usize) -> [Self; 2] {
        let all: Vec<usize> = (0..self.len()).collect();
        [self.select(&all[..n]), self.select(&all[n..])]
    }
}

/// Repeatable random numbers: xorshift64*.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for _ in 0..8 {
            random.next();
        }
        random
    }
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
    /// From 0 to 1.
    pub fn uniform(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u32 << 24) as f32
    }
    pub fn below(&mut self, n: usize) -> usize {
        ((self.next() >> 33) as usize) % n.max(1)
    }
    pub fn normal(&mut self) -> f32 {
        (-2.0 * self.uniform().max(1e-7).ln()).sqrt() * (TAU * self.uniform()).cos()
    }
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

/// The digits that come with the library, in random order.
pub fn handwritten(seed: u64) -> Result<Made> {
    let split = digits()?;
    let (mut x, mut labels) = (Vec::new(), Vec::new());
    for part in [&split.train, &split.test] {
        x.extend(part.images().iter().map(|&dots| f32::from(dots)));
        labels.extend_from_slice(part.labels());
    }
    let made = Made { shape: [1, 8, 8], task: Task::numbered(10), x, labels, values: Vec::new() };
    let mut order: Vec<usize> = (0..made.len()).collect();
    Random::new(seed).shuffle(&mut order);
    Ok(made.select(&order))
}

/// Rows of a table, a class for each.
fn classes(n: usize, features: usize, names: usize, mut row: impl FnMut(&mut [f32]) -> u32) -> Made {
    let (mut x, mut labels) = (vec![0.0; n * features], Vec::new());
    for row_x in x.chunks_exact_mut(features) {
        labels.push(row(row_x));
    }
    Made { shape: [features, 1, 1], task: Task::numbered(names), x, labels, values: Vec::new() }
}

fn numbers(n: usize, features: usize, mut row: impl FnMut(&mut [f32]) -> f32) -> Made {
    let (mut x, mut values) = (vec![0.0; n * features], Vec::new());
    for row_x in x.chunks_exact_mut(features) {
        values.push(row(row_x));
    }
    // As the program does it: mean 0, deviation 1.
    let mean = values.iter().sum::<f32>() / n as f32;
    let std = (values.iter().map(|y| (y - mean).powi(2)).sum::<f32>() / n as f32).sqrt();
    values.iter_mut().for_each(|y| *y = (*y - mean) / std);
    Made { shape: [features, 1, 1], task: Task::Values { outputs: 1 }, x, labels: Vec::new(), values }
}

/// Three classes: two clouds each, in twelve features of different sizes.
pub fn clouds(seed: u64) -> Made {
    let mut random = Random::new(seed);
    let centers: Vec<f32> = (0..6 * 12).map(|_| 1.6 * random.normal()).collect();
    classes(1100, 12, 3, |row| {
        let cloud = random.below(6);
        for (k, value) in row.iter_mut().enumerate() {
            let size = [1.0, 20.0, 0.05, 300.0][k % 4];
            *value = size * (5.0 * (k as f32 + 1.0) + centers[12 * cloud + k] + random.normal());
        }
        cloud as u32 % 3
    })
}

/// Two classes: whether two of eight features have the same sign.
pub fn same_sign(seed: u64) -> Made {
    let mut random = Random::new(seed);
    classes(1500, 8, 2, |row| {
        row.iter_mut().for_each(|value| *value = 2.0 * random.uniform() - 1.0);
        u32::from(row[0] * row[1] > 0.0)
    })
}

/// Friedman's first function of ten features.
pub fn friedman(seed: u64) -> Made {
    let mut random = Random::new(seed);
    numbers(900, 10, |row| {
        row.iter_mut().for_each(|value| *value = random.uniform());
        let [a, b, c, d, e] = [row[0], row[1], row[2], row[3], row[4]];
        10.0 * (PI * a * b).sin() + 20.0 * (c - 0.5).powi(2) + 10.0 * d + 5.0 * e + random.normal()
    })
}

/// Waves over four features.
pub fn waves(seed: u64) -> Made {
    let mut random = Random::new(seed);
    numbers(800, 4, |row| {
        row.iter_mut().for_each(|value| *value = 3.0 * random.normal() + 10.0);
        let [a, b, c, d] = [row[0] - 10.0, row[1] - 10.0, row[2] - 10.0, row[3] - 10.0];
        (a / 2.0).sin() * 2.0 + b * c / 9.0 + 0.5 * d + 0.3 * random.normal()
    })
}

/// Signals of three channels: four forms of waves at random phases, in noise.
pub fn forms(seed: u64) -> Made {
    let (mut random, len) = (Random::new(seed), 64);
    let mut made = classes(800, 3 * len, 4, |row| {
        let class = random.below(4);
        let (phase, size) = (random.uniform(), 0.7 + 0.6 * random.uniform());
        let steps = 5.0 + 2.0 * random.uniform();
        for channel in 0..3 {
            for t in 0..len {
                let turn = (t as f32 / len as f32 * steps + phase + 0.2 * channel as f32).fract();
                let wave = match class {
                    0 => (TAU * turn).sin(),
                    1 => 2.0 * turn - 1.0,
                    2 => {
                        if turn < 0.5 {
                            1.0
                        } else {
                            -1.0
                        }
                    }
                    _ => (2.0 * TAU * turn).sin() * (TAU * turn).cos(),
                };
                row[channel * len + t] = size * wave + 0.25 * random.normal();
            }
        }
        class as u32
    });
    made.shape = [3, 1, len];
    made
}

/// Signals of six channels such as a watch gives: five movements, by rhythm and by which channels go together.
pub fn movements(seed: u64) -> Made {
    let (mut random, len) = (Random::new(seed), 100);
    let mut made = classes(900, 6 * len, 5, |row| {
        let class = random.below(5);
        let (rhythm, phase) = (2.0 + 1.3 * class as f32 + 0.4 * random.normal(), random.uniform());
        let tilt = [0.3 * random.normal(), 0.3 * random.normal()];
        for channel in 0..6 {
            let share = (1.0 + (channel * (class + 1)) as f32).sin();
            for t in 0..len {
                let turn = t as f32 / len as f32 * rhythm + phase;
                let wave = share * (TAU * turn).sin() + 0.4 * (2.0 * TAU * turn).cos();
                row[channel * len + t] = 9.81 * (wave + tilt[channel % 2]) + 2.0 * random.normal();
            }
        }
        class as u32
    });
    made.shape = [6, 1, len];
    made
}

/// Images of 16 x 16: a disc, a square, a cross or a ring, anywhere, in noise.
pub fn figures(seed: u64) -> Made {
    let (mut random, side) = (Random::new(seed), 16);
    let mut made = classes(900, side * side, 4, |row| {
        let class = random.below(4);
        let (cy, cx, r) = (5.0 + 6.0 * random.uniform(), 5.0 + 6.0 * random.uniform(), 3.0 + 1.5 * random.uniform());
        let ink = 0.5 + 0.5 * random.uniform();
        for y in 0..side {
            for x in 0..side {
                let (dy, dx) = ((y as f32 - cy).abs(), (x as f32 - cx).abs());
                let far = dy.hypot(dx);
                let inside = match class {
                    0 => far < r,
                    1 => dy.max(dx) < 0.85 * r,
                    2 => dy.min(dx) < 0.9 && dy.max(dx) < r,
                    _ => far < r && far > r - 1.5,
                };
                row[y * side + x] = if inside { ink } else { 0.0 } + 0.12 * random.normal();
            }
        }
        class as u32
    });
    made.shape = [1, side, side];
    made
}

/// Three arms of a spiral, beside four features of noise.
pub fn spirals(seed: u64) -> Made {
    let mut random = Random::new(seed);
    classes(1500, 6, 3, |row| {
        let class = random.below(3);
        let far = 0.15 + 0.85 * random.uniform();
        let turn = TAU * (class as f32 / 3.0 + 0.45 * far) + 0.12 * random.normal();
        row[0] = 40.0 * far * turn.cos();
        row[1] = 40.0 * far * turn.sin();
        row[2..].iter_mut().for_each(|value| *value = 40.0 * (random.uniform() - 0.5));
        class as u32
    })
}

/// Prices of houses, in the way of such tables: size, age, rooms, distance, and what has little to do with it.
pub fn houses(seed: u64) -> Made {
    let mut random = Random::new(seed);
    numbers(1200, 8, |row| {
        let size = 40.0 + 160.0 * random.uniform();
        let (age, distance) = (80.0 * random.uniform(), 30.0 * random.uniform());
        let rooms = (size / 28.0 + random.normal()).round().max(1.0);
        let (garden, north) = (f32::from(random.uniform() < 0.4), f32::from(random.uniform() < 0.3));
        row.copy_from_slice(&[size, age, rooms, distance, garden, north, random.normal(), 100.0 * random.uniform()]);
        let price = size * (6.0 - 0.1 * distance) * (1.0 - age / 250.0) + 60.0 * garden * size / 100.0 - 40.0 * north;
        price * (1.0 + 0.04 * random.normal()) + 8.0 * rooms
    })
}

/// Pictures of sounds, 20 x 16: rising, falling, steady and beating tones, clicks, noise in a band.
pub fn sounds(seed: u64) -> Made {
    let (mut random, rows, columns) = (Random::new(seed), 20, 16);
    let mut made = classes(1200, rows * columns, 6, |row| {
        let class = random.below(6);
        let (start, strength) = (4.0 + 12.0 * random.uniform(), 0.6 + 0.6 * random.uniform());
        let (speed, beat) = (0.35 + 0.4 * random.uniform(), 2 + random.below(3));
        for t in 0..columns {
            let pitch = match class {
                0 => start + speed * (t as f32 - 8.0),
                1 => start - speed * (t as f32 - 8.0),
                _ => start,
            };
            for f in 0..rows {
                let near = (-(f as f32 - pitch).powi(2) / 1.5).exp();
                let tone = match class {
                    3 => {
                        if (t / beat) % 2 == 0 {
                            near
                        } else {
                            0.0
                        }
                    }
                    4 => {
                        if t % (beat + 2) == 0 {
                            0.8
                        } else {
                            0.0
                        }
                    }
                    5 => {
                        if (f as f32 - pitch).abs() < 4.0 {
                            0.9 * random.uniform()
                        } else {
                            0.0
                        }
                    }
                    _ => near,
                };
                row[f * columns + t] = (strength * tone + 0.15 * random.normal().abs() + 0.05).ln();
            }
        }
        class as u32
    });
    made.shape = [1, rows, columns];
    made
}

/// Clothes of Fashion-MNIST, in random order, where Debian's package has put its files; elsewhere figures.
pub fn clothes_or_figures(seed: u64) -> Result<Made> {
    Ok(clothes(seed).unwrap_or_else(|| figures(seed)))
}

fn clothes(seed: u64) -> Option<Made> {
    let folder = std::path::Path::new("/usr/share/datasets/fashion-mnist");
    let all = flatgrad::data::idx::read_folder(folder, 10).ok()?.train;
    let mut order: Vec<usize> = (0..all.len()).collect();
    Random::new(seed).shuffle(&mut order);
    order.truncate(2400);
    let x = order.iter().flat_map(|&i| all.image(i)).map(|&ink| f32::from(ink)).collect();
    let labels = order.iter().map(|&i| all.labels()[i]).collect();
    Some(Made { shape: [1, 28, 28], task: Task::numbered(10), x, labels, values: Vec::new() })
}
