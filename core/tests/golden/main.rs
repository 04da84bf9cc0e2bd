//! What PyTorch computes (`scripts/golden` writes it), within the tolerances of one table.

#[path = "../common/mod.rs"]
mod common;
mod tolerance;

mod activation;
mod loss;
mod norm;
mod optim;
mod pool;
mod products;
mod train10;

use flatgrad_core::{Context, Isa};
use std::collections::HashMap;
use tolerance::{Tolerance, tolerance};

struct Golden {
    tensors: HashMap<String, (Vec<usize>, Vec<f32>)>,
    numbers: HashMap<String, Vec<f64>>,
}

impl Golden {
    /// One of the files of `data`.
    fn read(family: &str) -> Self {
        let dir = format!("{}/tests/golden/data/{family}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(format!("{dir}.txt")).unwrap();
        let bytes = std::fs::read(format!("{dir}.f32")).unwrap();
        let mut floats = bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b));
        let mut golden = Self { tensors: HashMap::new(), numbers: HashMap::new() };
        for line in text.lines().filter(|l| !l.starts_with('#')) {
            let words: Vec<&str> = line.split(' ').collect();
            let name = words[0].to_string();
            if words[1] == "tensor" {
                let shape: Vec<usize> = words[2..].iter().map(|w| w.parse().unwrap()).collect();
                let data = floats.by_ref().take(shape.iter().product()).collect();
                golden.tensors.insert(name, (shape, data));
            } else {
                golden.numbers.insert(name, words[2..].iter().map(|w| w.parse().unwrap()).collect());
            }
        }
        assert_eq!(floats.next(), None, "the list and the data disagree");
        golden
    }
    #[track_caller]
    fn get(&self, name: &str) -> &[f32] {
        &self.tensors[name].1
    }
    #[track_caller]
    fn shape<const N: usize>(&self, name: &str) -> [usize; N] {
        self.tensors[name].0.clone().try_into().unwrap()
    }
    #[track_caller]
    fn numbers<const N: usize>(&self, name: &str) -> [f64; N] {
        self.numbers[name].clone().try_into().unwrap()
    }
    /// The names `kind/0`, `kind/1`, ... that are there, at least one.
    fn cases(&self, kind: &str) -> Vec<String> {
        let there = |name: &String| self.tensors.keys().chain(self.numbers.keys()).any(|k| k.starts_with(name));
        let cases: Vec<_> = (0..).map(|i| format!("{kind}/{i}/")).take_while(there).collect();
        assert!(!cases.is_empty(), "no case of {kind}");
        cases
    }
    #[track_caller]
    fn check(&self, tolerance_of: &str, name: &str, got: &[f32]) {
        let Tolerance { relative, floor } = tolerance(tolerance_of);
        let want = self.get(name);
        let largest = want.iter().fold(0.0f32, |m, w| m.max(w.abs()));
        if std::env::var_os("GOLDEN_DIFFERENCES").is_some() {
            let scaled = got.iter().zip(want).map(|(g, w)| (g - w).abs() / w.abs().max(floor * largest).max(1e-30));
            println!("{tolerance_of}: {name}: {:.1e}", scaled.fold(0.0, f32::max));
        }
        common::assert_close(name, got, want, relative, floor * largest);
    }
}

fn ctx() -> Context<'static> {
    Context::serial(Isa::detect())
}

fn zeros(len: usize) -> Vec<f32> {
    vec![0.0; len]
}

fn garbage(len: usize) -> Vec<f32> {
    vec![f32::NAN; len]
}

/// `[rows, cols]` to `[cols, rows]`: PyTorch's linear weight is ours transposed.
fn transposed(x: &[f32], rows: usize, cols: usize) -> Vec<f32> {
    (0..rows * cols).map(|i| x[i % rows * cols + i / rows]).collect()
}

fn labels(x: &[f32]) -> Vec<u32> {
    x.iter().map(|&l| l as u32).collect()
}
