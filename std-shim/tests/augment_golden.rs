//! Pixels against torchvision's; `scripts/golden_augment` writes what it computes.
#![allow(missing_docs, reason = "a test")]

use std::collections::HashMap;

use flatgrad::Result;
use flatgrad::augment::*;

/// The largest difference allowed where torchvision computes in f32 what is f64 here; everything else must be equal.
const CLOSE: f32 = 3e-6;

struct Golden {
    tensors: HashMap<String, (Vec<usize>, Vec<f32>)>,
    numbers: HashMap<String, Vec<f64>>,
}

struct Case<'a> {
    golden: &'a Golden,
    name: String,
    shape: [usize; 3],
    x: &'a [f32],
    y: &'a [f32],
    numbers: &'a [f64],
}

impl Golden {
    fn read() -> Self {
        let dir = format!("{}/tests/golden/augment", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(format!("{dir}.txt")).unwrap();
        let bytes = std::fs::read(format!("{dir}.f32")).unwrap();
        let mut floats = bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b));
        let mut golden = Self { tensors: HashMap::new(), numbers: HashMap::new() };
        for line in text.lines().filter(|l| !l.starts_with('#')) {
            let words: Vec<&str> = line.split(' ').collect();
            if words[1] == "tensor" {
                let shape: Vec<usize> = words[2..].iter().map(|w| w.parse().unwrap()).collect();
                let data = floats.by_ref().take(shape.iter().product()).collect();
                golden.tensors.insert(words[0].to_string(), (shape, data));
            } else {
                golden.numbers.insert(words[0].to_string(), words[2..].iter().map(|w| w.parse().unwrap()).collect());
            }
        }
        assert_eq!(floats.next(), None, "the list and the data disagree");
        golden
    }

    fn cases(&self, kind: &str, expected: usize) -> impl Iterator<Item = Case<'_>> {
        let there = |name: &String| self.numbers.contains_key(&format!("{name}/parameters"));
        let names: Vec<String> = (0..).map(|i| format!("{kind}/{i}")).take_while(there).collect();
        assert_eq!(names.len(), expected, "cases of {kind}");
        names.into_iter().map(|name| {
            let (dims, x) = &self.tensors[&format!("{name}/x")];
            let shape = dims[dims.len() - 3..].try_into().unwrap();
            let y = &self.tensors[&format!("{name}/y")].1;
            let numbers = &self.numbers[&format!("{name}/parameters")];
            Case { golden: self, name, shape, x, y, numbers }
        })
    }
}

impl Case<'_> {
    fn sizes<const N: usize>(&self) -> [usize; N] {
        std::array::from_fn(|i| self.numbers[i] as usize)
    }

    #[track_caller]
    fn check(&self, tolerance: f32, draw: impl FnOnce(&[f32], &mut [f32]) -> Result) {
        let mut got = vec![f32::NAN; self.y.len()];
        draw(self.x, &mut got).unwrap();
        self.compare(tolerance, &got, self.y);
    }

    #[track_caller]
    fn check_in_place(&self, tolerance: f32, change: impl FnOnce(&mut [f32]) -> Result) {
        self.check(tolerance, |x, y| {
            y.copy_from_slice(x);
            change(y)
        });
    }

    #[track_caller]
    fn compare(&self, tolerance: f32, got: &[f32], want: &[f32]) {
        for (i, (got, want)) in got.iter().zip(want).enumerate() {
            let close = (got - want).abs() <= tolerance;
            assert!(close, "{} {:?}: value {i} is {got}, not {want}", self.name, self.numbers);
        }
    }
}

#[test]
fn affine_maps() {
    let golden = Golden::read();
    for case in golden.cases("affine", 22) {
        let [bilinear, degrees, tx, ty, scale, shear_x, shear_y, fill] = case.numbers.try_into().unwrap();
        let map = AffineParams { degrees, translate: [tx, ty], scale, shear: [shear_x, shear_y] }.map();
        let (mode, tolerance) =
            if bilinear == 1.0 { (Interpolation::Bilinear, CLOSE) } else { (Interpolation::Nearest, 1e-7) };
        case.check(tolerance, |x, y| warp(case.shape, map, mode, &[fill as f32], x, y));
    }
    for case in golden.cases("rotate", 4) {
        let map = Affine::rotation(-case.numbers[0]);
        case.check(0.0, |x, y| warp(case.shape, map, Interpolation::Nearest, &[], x, y));
    }
}

#[test]
fn sizes() {
    let golden = Golden::read();
    let all = |[_, height, width]: [usize; 3]| Region { top: 0, left: 0, height, width };
    for case in golden.cases("resize", 24) {
        let [height, width, antialias] = case.sizes();
        case.check(CLOSE, |x, y| {
            resize(case.shape, all(case.shape), [height, width], antialias == 1, x, y, &mut Axes::default())
        });
    }
    for case in golden.cases("resized_crop", 6) {
        let [top, left, height, width, h, w, antialias] = case.sizes();
        let region = Region { top, left, height, width };
        case.check(CLOSE, |x, y| resize(case.shape, region, [h, w], antialias == 1, x, y, &mut Axes::default()));
    }
    for case in golden.cases("resize_short", 3) {
        let [size] = case.sizes();
        case.check(CLOSE, |x, y| run(Box::new(Resize::new(Size::Short(size))), case.shape, x, y));
    }
}

#[test]
fn crops() {
    let golden = Golden::read();
    for case in golden.cases("center_crop", 4) {
        case.check(0.0, |x, y| run(Box::new(CenterCrop { size: case.sizes() }), case.shape, x, y));
    }
    for case in golden.cases("five_crop", 1) {
        case.check(0.0, |x, y| five_crop([1, 12, 15], case.sizes(), x, y));
    }
    for case in golden.cases("ten_crop", 2) {
        let [height, width, vertical] = case.sizes();
        case.check(0.0, |x, y| ten_crop([1, 12, 15], [height, width], vertical == 1, x, y));
    }
    for case in golden.cases("pad", 8) {
        let [mode, left, top, right, bottom] = case.sizes();
        let mode = [Padding::Constant, Padding::Edge, Padding::Reflect, Padding::Symmetric][mode];
        let [_, height, width] = case.shape;
        let (top, left, height, width) =
            (-(top as isize), -(left as isize), height + top + bottom, width + left + right);
        let window = Window { top, left, height, width };
        case.check(0.0, |x, y| crop(case.shape, window, mode, &[0.5], x, y));
    }
    for case in golden.cases("horizontal_flip", 1) {
        case.check_in_place(0.0, |x| horizontal_flip(case.shape, x));
    }
    for case in golden.cases("vertical_flip", 1) {
        case.check_in_place(0.0, |x| vertical_flip(case.shape, x));
    }
    for case in golden.cases("erase", 1) {
        let [top, left, height, width] = case.sizes();
        case.check_in_place(0.0, |x| erase(case.shape, Region { top, left, height, width }, &[0.1, 0.2, 0.3], x));
    }
}

#[test]
fn colors() {
    let golden = Golden::read();
    let factor = |case: &Case| case.numbers[0] as f32;
    for case in golden.cases("brightness", 8) {
        case.check_in_place(0.0, |x| adjust_brightness(case.shape, factor(&case), x));
    }
    for case in golden.cases("contrast", 8) {
        case.check_in_place(2e-7, |x| adjust_contrast(case.shape, factor(&case), x));
    }
    for case in golden.cases("saturation", 8) {
        // Python's factor is an f64, and so is 1 minus it.
        case.check_in_place(1.2e-7, |x| adjust_saturation(case.shape, factor(&case), x));
    }
    for case in golden.cases("hue", 10) {
        case.check_in_place(0.0, |x| adjust_hue(case.shape, factor(&case), x));
    }
    for case in golden.cases("grayscale", 4) {
        let [channels] = case.sizes();
        case.check(0.0, |x, y| rgb_to_grayscale(case.shape, channels, x, y));
    }
    for case in golden.cases("normalize", 1) {
        let (mean, std) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
        case.check_in_place(0.0, |x| normalize(case.shape, &mean, &std, x));
    }
}

#[test]
fn mixtures() {
    let golden = Golden::read();
    let soft = |case: &Case, lambda: f32| {
        let mut labels = one_hot(&[2, 0, 1, 1], 3).unwrap();
        mix_up(lambda, 4, &mut labels, &mut Vec::new()).unwrap();
        case.compare(0.0, &labels, &case.golden.tensors[&format!("{}/labels", case.name)].1);
    };
    for case in golden.cases("mixup", 2) {
        let lambda = case.numbers[0] as f32;
        // torchvision's 1 - 0.3 is that of f64.
        case.check_in_place(6e-8, |x| mix_up(lambda, 4, x, &mut Vec::new()));
        soft(&case, lambda);
    }
    for case in golden.cases("cutmix", 1) {
        let [top, left, height, width] = case.sizes();
        let region = Region { top, left, height, width };
        case.check_in_place(0.0, |x| cut_mix(case.shape, region, x, &mut Vec::new()));
        soft(&case, case.numbers[4] as f32);
    }
}

fn run(operation: Box<dyn Transform>, shape: [usize; 3], x: &[f32], y: &mut [f32]) -> Result {
    let key = Key { seed: 0, epoch: 0, sample: 0 };
    Pipeline::new(vec![operation], shape)?.apply(key, x, y, &mut Canvas::default())
}
