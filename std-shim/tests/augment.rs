//! What random parameters are like, and what is promised of chains of operations.
#![allow(missing_docs, reason = "a test")]

use flatgrad::augment::*;
use flatgrad::{Error, Result};

const N: u64 = 20_000;

fn draws(sample: u64) -> Draws {
    Key { seed: 1, epoch: 0, sample }.draws(0)
}

/// The mean of `f` over many samples.
fn mean(f: impl Fn(&mut Draws) -> f64) -> f64 {
    (0..N).map(|sample| f(&mut draws(sample))).sum::<f64>() / N as f64
}

#[track_caller]
fn near(got: f64, want: f64, tolerance: f64) {
    assert!((got - want).abs() < tolerance, "{got}, not {want}");
}

fn image(shape: [usize; 3]) -> Vec<f32> {
    let words = (0..shape.iter().product::<usize>() as u32).map(|i| i.wrapping_mul(2_654_435_761) >> 8);
    words.map(|word| word as f32 / (1 << 24) as f32).collect()
}

fn apply(operations: Vec<Box<dyn Transform>>, shape: [usize; 3], key: Key) -> Result<Vec<f32>> {
    let pipeline = Pipeline::new(operations, shape)?;
    let mut out = vec![f32::NAN; pipeline.out_shape().iter().product()];
    pipeline.apply(key, &image(shape), &mut out, &mut Canvas::default())?;
    Ok(out)
}

#[test]
fn chances_and_ranges_are_as_asked_for() {
    near(mean(|draws| f64::from(u8::from(draws.chance(0.3)))), 0.3, 0.015);
    assert_eq!(mean(|draws| f64::from(u8::from(draws.chance(1.0)))), 1.0);
    assert_eq!(mean(|draws| f64::from(u8::from(draws.chance(0.0)))), 0.0);
    // Uniform in [-30, 30]: deviation 30 / sqrt(3).
    let rotation = RandomRotation::new([-30.0, 30.0]);
    near(mean(|draws| rotation.params(draws)), 0.0, 0.5);
    near(mean(|draws| rotation.params(draws).powi(2)), 300.0, 6.0);
    assert!((0..N).all(|i| rotation.params(&mut draws(i)).abs() <= 30.0));
    near(mean(|draws| draws.normal()), 0.0, 0.03);
    near(mean(|draws| draws.normal().powi(2)), 1.0, 0.04);
    // Beta(a, a) has the mean 1/2 and the variance 1 / (4 (2 a + 1)).
    for a in [0.1, 1.0, 4.0] {
        near(mean(|draws| draws.beta(a)), 0.5, 0.015);
        near(mean(|draws| (draws.beta(a) - 0.5).powi(2)), 1.0 / (4.0 * (2.0 * a + 1.0)), 0.005);
    }
    assert!((0..N).all(|i| (0.0..=1.0).contains(&draws(i).beta(1e-3))));
}

#[test]
fn affine_parameters_fill_their_ranges() {
    let affine = RandomAffine {
        degrees: [-10.0, 20.0],
        translate: [0.25, 0.1],
        scale: [0.5, 2.0],
        shear: [[-5.0, 5.0], [1.0, 2.0]],
        ..RandomAffine::DEFAULT
    };
    let all: Vec<AffineParams> = (0..N).map(|i| affine.params(&mut draws(i), [1, 40, 20])).collect();
    let range = |of: fn(&AffineParams) -> f64| {
        let values = || all.iter().map(of);
        [values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max)]
    };
    let about = |[a, b]: [f64; 2], [lo, hi]: [f64; 2]| {
        assert!(lo <= a && b <= hi && a - lo < (hi - lo) / 1000.0 && hi - b < (hi - lo) / 1000.0, "{a} {b}");
    };
    about(range(|p| p.degrees), [-10.0, 20.0]);
    about(range(|p| p.scale), [0.5, 2.0]);
    about(range(|p| p.shear[0]), [-5.0, 5.0]);
    about(range(|p| p.shear[1]), [1.0, 2.0]);
    assert_eq!(range(|p| p.translate[0]), [-5.0, 5.0]);
    assert_eq!(range(|p| p.translate[1]), [-4.0, 4.0]);
    assert!(all.iter().all(|p| p.translate[0].fract() == 0.0));
}

#[test]
fn random_resized_crops_have_the_area_and_the_form() {
    let (crop, shape) = (RandomResizedCrop::DEFAULT, [3, 200, 300]);
    let regions: Vec<Region> = (0..N).map(|i| crop.params(&mut draws(i), shape)).collect();
    for Region { top, left, height, width } in regions.iter().copied() {
        assert!(top + height <= 200 && left + width <= 300);
        let (area, ratio) = ((height * width) as f64 / 60_000.0, width as f64 / height as f64);
        assert!((0.075..=1.0).contains(&area) && (0.73..1.36).contains(&ratio), "{area} {ratio}");
    }
    // Up to half of the area, every ratio fits, and nothing is drawn again.
    let half = RandomResizedCrop { scale: [0.1, 0.5], ..crop };
    let region = |draws: &mut Draws| half.params(draws, shape);
    let ratio = |Region { height, width, .. }: Region| width as f64 / height as f64;
    near(mean(|draws| ratio(region(draws)).ln()), 0.0, 0.005);
    near(mean(|draws| ratio(region(draws)).ln().powi(2)), (4.0f64 / 3.0).ln().powi(2) / 3.0, 0.001);
    let area = |Region { height, width, .. }: Region| (height * width) as f64 / 60_000.0;
    near(mean(|draws| area(region(draws))), 0.3, 0.003);
    // Nothing of 0.9 of the area and a ratio near 1 fits into a strip: the largest in the middle that has the ratio.
    let all = RandomResizedCrop { scale: [0.9, 1.0], ..crop };
    assert_eq!(all.params(&mut draws(0), [1, 10, 100]), Region { top: 0, left: 43, height: 10, width: 13 });
}

#[test]
fn erased_regions_have_the_area_and_the_form() {
    let shape = [1, 100, 80];
    let erasing = RandomErasing::DEFAULT;
    let regions: Vec<Region> = (0..N).filter_map(|i| erasing.params(&mut draws(i), shape)).collect();
    near(regions.len() as f64 / N as f64, 0.5, 0.02);
    for Region { top, left, height, width } in regions {
        let (area, ratio) = ((height * width) as f64 / 8000.0, height as f64 / width as f64);
        assert!(top + height <= 100 && left + width <= 80);
        assert!((0.017..0.34).contains(&area) && (0.25..3.9).contains(&ratio), "{area} {ratio}");
    }
    let cutout = Cutout::new(16);
    let regions: Vec<Region> = (0..N).filter_map(|i| cutout.params(&mut draws(i), [3, 32, 32])).collect();
    assert!(regions.iter().all(|r| (8..=16).contains(&r.height) && r.top + r.height <= 32 && r.left + r.width <= 32));
    assert!(regions.iter().any(|r| r.height == 16 && r.width == 16) && regions.iter().any(|r| r.height == 8));
}

#[test]
fn crops_are_everywhere_in_the_padded_image() {
    let crop = RandomCrop { size: Some([8, 8]), padding: [1, 2, 0, 1], ..RandomCrop::DEFAULT };
    let windows: Vec<Window> = (0..N).map(|i| crop.params(&mut draws(i), [1, 8, 9]).unwrap()).collect();
    let count = |f: &dyn Fn(&Window) -> bool| windows.iter().filter(|w| f(w)).count() as f64 / N as f64;
    for top in -2..=1 {
        near(count(&|w| w.top == top), 0.25, 0.02);
    }
    for left in -1..=1 {
        near(count(&|w| w.left == left), 1.0 / 3.0, 0.02);
    }
    let needed = RandomCrop { size: Some([10, 4]), pad_if_needed: true, ..RandomCrop::DEFAULT };
    assert!((0..N).all(|i| (-2..=0).contains(&needed.params(&mut draws(i), [1, 8, 4]).unwrap().top)));
}

#[test]
fn choices_and_orders_are_fair() {
    let flip = || -> Box<dyn Transform> { Box::new(RandomHorizontalFlip::DEFAULT) };
    let choice = RandomChoice { transforms: (0..3).map(|_| flip()).collect(), weights: vec![1.0, 0.0, 3.0] };
    let chosen = |which| mean(|draws| f64::from(u8::from(choice.choose(draws.unit()) == which)));
    near(chosen(0), 0.25, 0.015);
    assert_eq!(chosen(1), 0.0);
    let jitter = ColorJitter::new(0.4, 0.4, 0.4, 0.1);
    let first = mean(|draws| f64::from(u8::from(matches!(jitter.params(draws)[0], Some(ColorChange::Hue(_))))));
    near(first, 0.25, 0.015);
}

/// One of everything that keeps the shape.
fn everything() -> Vec<Box<dyn Transform>> {
    let maps = vec![Map::Rotate([-20.0, 20.0]), Map::Stretch { x: [0.8, 1.25], y: [0.8, 1.25] }];
    vec![
        Box::new(RandomHorizontalFlip::DEFAULT),
        Box::new(RandomCrop { padding: [3; 4], mode: Padding::Reflect, ..RandomCrop::DEFAULT }),
        Box::new(RandomWarp { maps, interpolation: Interpolation::Bilinear, fill: vec![0.5] }),
        Box::new(RandomOrder(vec![
            Box::new(ColorJitter::new(0.4, 0.4, 0.4, 0.1)),
            Box::new(RandomErasing { value: Erased::Normal, ..RandomErasing::DEFAULT }),
        ])),
        Box::new(RandomApply { p: 0.5, transforms: vec![Box::new(GaussianNoise::DEFAULT)] }),
        Box::new(RandomChoice {
            transforms: vec![Box::new(RandomVerticalFlip::DEFAULT), Box::new(Cutout::new(5))],
            weights: Vec::new(),
        }),
        Box::new(RandomResizedCrop::DEFAULT),
    ]
}

#[test]
fn the_same_key_gives_the_same_image_on_every_thread_and_in_every_order() {
    let shape = [3, 16, 20];
    let pipeline = Pipeline::new(everything(), shape).unwrap();
    let image = image(shape);
    let key = |sample| Key { seed: 3, epoch: 2, sample };
    let one = |sample, canvas: &mut Canvas| {
        let mut out = vec![0.0; image.len()];
        pipeline.apply(key(sample), &image, &mut out, canvas).unwrap();
        out
    };
    let mut canvas = Canvas::default();
    let forward: Vec<Vec<f32>> = (0..40).map(|sample| one(sample, &mut canvas)).collect();
    let backward: Vec<Vec<f32>> = (0..40).rev().map(|sample| one(sample, &mut canvas)).collect();
    assert!(forward.iter().eq(backward.iter().rev()), "used canvases leave no trace");
    let halves = std::thread::scope(|scope| {
        let half = |from: u64| (from..from + 20).map(|sample| one(sample, &mut Canvas::default())).collect::<Vec<_>>();
        let (a, b) = (scope.spawn(move || half(0)), scope.spawn(move || half(20)));
        [a.join().unwrap(), b.join().unwrap()].concat()
    });
    assert_eq!(halves, forward);
    let distinct = (1..40).filter(|&i| forward[i] != forward[i - 1]).count();
    assert_eq!(distinct, 39);
    let mut other = vec![0.0; image.len()];
    for key in [Key { seed: 4, ..key(0) }, Key { epoch: 3, ..key(0) }] {
        pipeline.apply(key, &image, &mut other, &mut canvas).unwrap();
        assert_ne!(other, forward[0]);
    }
}

#[test]
fn an_operation_draws_the_same_whatever_the_others_draw() {
    let shape = [1, 16, 16];
    let erasing = || RandomErasing { p: 1.0, ..RandomErasing::DEFAULT };
    let key = Key { seed: 3, epoch: 0, sample: 5 };
    let erased = |before: Box<dyn Transform>| {
        let out = apply(vec![before, Box::new(erasing())], shape, key).unwrap();
        out.iter().map(|x| *x == 0.0).collect::<Vec<_>>()
    };
    let noise =
        |p| RandomApply { p, transforms: vec![Box::new(GaussianNoise { sigma: 1e-4, ..GaussianNoise::DEFAULT })] };
    assert_eq!(erased(Box::new(noise(0.0))), erased(Box::new(noise(1.0))));
}

#[test]
fn parameters_that_change_nothing_give_the_same_bits() {
    let shape = [3, 9, 12];
    let maps = vec![Map::Rotate([360.0, 360.0]), Map::Scale([1.0, 1.0]), Map::Shear { x: [0.0; 2], y: [0.0; 2] }];
    let all = RandomResizedCrop { scale: [1.0; 2], ratio: [4.0 / 3.0; 2], ..RandomResizedCrop::DEFAULT };
    let operations: Vec<Box<dyn Transform>> = vec![
        Box::new(RandomHorizontalFlip { p: 0.0 }),
        Box::new(RandomCrop::DEFAULT),
        Box::new(RandomTranslation { max: [0.0; 2], ..RandomTranslation::DEFAULT }),
        Box::new(RandomAffine::DEFAULT),
        Box::new(RandomRotation::new([0.0; 2])),
        Box::new(RandomWarp { maps, interpolation: Interpolation::Bilinear, fill: vec![0.3] }),
        Box::new(all),
        Box::new(Resize::new(Size::Exact([9, 12]))),
        Box::new(CenterCrop { size: [9, 12] }),
        Box::new(RandomErasing { p: 0.0, ..RandomErasing::DEFAULT }),
        Box::new(ColorJitter::new(0.0, 0.0, 0.0, 0.0)),
        Box::new(ColorJitter {
            brightness: Some([1.0; 2]),
            contrast: Some([1.0; 2]),
            saturation: Some([1.0; 2]),
            hue: None,
        }),
        Box::new(GaussianNoise { sigma: 0.0, ..GaussianNoise::DEFAULT }),
        Box::new(Normalize { mean: vec![0.0], std: vec![1.0] }),
        Box::new(RandomApply { p: 0.0, transforms: everything() }),
    ];
    for sample in 0..20 {
        let bits = |x: Vec<f32>| x.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        for one in &operations {
            let mut canvas = Canvas::default();
            canvas.load(shape, &image(shape)).unwrap();
            one.apply(Place { key: Key { seed: 9, epoch: 0, sample }, position: 0 }, &mut canvas).unwrap();
            assert_eq!(bits(canvas.image().to_vec()), bits(image(shape)), "{one:?}");
        }
    }
    let mut mixed = image([4, 3, 5]);
    mix_up(1.0, 4, &mut mixed, &mut Vec::new()).unwrap();
    assert_eq!(mixed, image([4, 3, 5]));
}

#[test]
fn maps_go_where_they_should() {
    let key = Key { seed: 0, epoch: 0, sample: 0 };
    let shape = [1, 6, 6];
    let warped = |maps| {
        let warp = RandomWarp { maps, interpolation: Interpolation::Bilinear, fill: Vec::new() };
        apply(vec![Box::new(warp)], shape, key).unwrap()
    };
    let mut flipped = image(shape);
    horizontal_flip(shape, &mut flipped).unwrap();
    assert_eq!(warped(vec![Map::FlipHorizontal(1.0)]), flipped);
    vertical_flip(shape, &mut flipped).unwrap();
    assert_eq!(warped(vec![Map::FlipHorizontal(1.0), Map::FlipVertical(1.0)]), flipped);
    assert_eq!(warped(vec![Map::Rotate([180.0; 2])]), flipped);
    // Four quarters are a whole, without a trace of resampling in between.
    assert_eq!(warped(vec![Map::Rotate([90.0; 2]); 4]), image(shape));
}

#[test]
fn labels_are_kept_or_mixed_as_the_images_are() {
    let shape = [1, 4, 4];
    let mixing = Mixing { mix_up: Some(MixUp::DEFAULT), cut_mix: Some(CutMix::DEFAULT), p: 0.75 };
    let mut kinds = [0; 3];
    for sample in 0..400 {
        // Image i is i everywhere, and of class i: the label must say how much of each is in the image.
        let (mut images, mut labels) = (Vec::new(), one_hot(&[0, 1, 2], 3).unwrap());
        (0..3).for_each(|i| images.extend([i as f32; 16]));
        let key = Key { seed: 5, epoch: 1, sample };
        mixing.apply(key, shape, &mut images, &mut labels, &mut Vec::new()).unwrap();
        kinds[match mixing.params(key, shape) {
            MixParams::Nothing => 0,
            MixParams::MixUp(_) => 1,
            MixParams::CutMix(..) => 2,
        }] += 1;
        for (image, label) in images.chunks(16).zip(labels.chunks(3)) {
            let (mean, expected) = (image.iter().sum::<f32>() / 16.0, label[1] + 2.0 * label[2]);
            assert!((mean - expected).abs() < 1e-5 && (label.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        }
    }
    assert!(kinds.iter().zip([100, 150, 150]).all(|(&got, want): (&i32, i32)| (got - want).abs() < 40), "{kinds:?}");
    assert!(one_hot(&[3], 3).is_err());
}

#[test]
fn signals_keep_their_form() {
    let shape = [2, 1, 50];
    let key = Key { seed: 1, epoch: 0, sample: 3 };
    let shifted =
        apply(vec![Box::new(TimeShift { max: 0.5, mode: Padding::Wrap, fill: Vec::new() })], shape, key).unwrap();
    let (mut a, mut b) = (image(shape), shifted);
    assert_ne!(a, b);
    a.sort_by(f32::total_cmp);
    b.sort_by(f32::total_cmp);
    assert_eq!(a, b, "around a circle, nothing is lost");
    let scaled = apply(vec![Box::new(SignalScaling { sigma: 0.1 })], shape, key).unwrap();
    // Element 0 is 0.
    let factors: Vec<f32> = scaled.iter().zip(image(shape)).skip(1).map(|(scaled, x)| scaled / x).collect();
    let (first, second) = (factors[0], factors[60]);
    assert!(first != second && (first - 1.0).abs() < 0.5 && (second - 1.0).abs() < 0.5);
    assert!(factors[..49].iter().all(|f| (f - first).abs() < 1e-6));
    assert!(factors[49..].iter().all(|f| (f - second).abs() < 1e-6));
    assert_eq!(apply(vec![Box::new(SignalCrop { len: 20 })], shape, key).unwrap().len(), 40);
    assert_eq!(apply(vec![Box::new(SignalJitter { sigma: 0.0 })], shape, key).unwrap(), image(shape));
}

#[test]
fn what_is_out_of_range_is_refused_before_anything_is_written() {
    let nan = f32::NAN;
    let crop = |size, padding| RandomCrop { size: Some(size), padding, ..RandomCrop::DEFAULT };
    let operations: Vec<Box<dyn Transform>> = vec![
        Box::new(RandomHorizontalFlip { p: 1.01 }),
        Box::new(RandomVerticalFlip { p: nan }),
        Box::new(crop([9, 8], [0; 4])),
        Box::new(crop([0, 8], [0; 4])),
        Box::new(crop([8, 8], [usize::MAX; 4])),
        Box::new(crop([usize::MAX, 8], [0; 4])),
        Box::new(RandomCrop { fill: vec![0.0; 2], ..RandomCrop::DEFAULT }),
        Box::new(RandomTranslation { max: [0.1, -0.1], ..RandomTranslation::DEFAULT }),
        Box::new(RandomResizedCrop { scale: [0.5, 0.4], ..RandomResizedCrop::DEFAULT }),
        Box::new(RandomResizedCrop { ratio: [0.0, 1.0], ..RandomResizedCrop::DEFAULT }),
        Box::new(RandomResizedCrop::new([usize::MAX, usize::MAX])),
        Box::new(RandomAffine { scale: [0.0, 1.0], ..RandomAffine::DEFAULT }),
        Box::new(RandomAffine { shear: [[0.0, 90.0], [0.0; 2]], ..RandomAffine::DEFAULT }),
        Box::new(RandomRotation::new([f32::NEG_INFINITY, 0.0])),
        Box::new(RandomWarp {
            maps: vec![Map::Scale([-1.0, 1.0])],
            interpolation: Interpolation::Nearest,
            fill: vec![],
        }),
        Box::new(RandomErasing { scale: [0.02, 1.1], ..RandomErasing::DEFAULT }),
        Box::new(RandomErasing { value: Erased::Fill(vec![nan]), ..RandomErasing::DEFAULT }),
        Box::new(Cutout::new(0)),
        Box::new(Cutout::new(100)),
        Box::new(ColorJitter::new(0.0, 0.0, 0.0, 0.6)),
        Box::new(ColorJitter { contrast: Some([-0.1, 1.0]), ..ColorJitter::new(0.0, 0.0, 0.0, 0.0) }),
        Box::new(Grayscale { channels: 2 }),
        Box::new(RandomGrayscale { p: -0.1 }),
        Box::new(Normalize { mean: vec![0.5; 2], std: vec![1.0] }),
        Box::new(Normalize { mean: vec![0.5], std: vec![0.0] }),
        Box::new(GaussianNoise { sigma: -1.0, ..GaussianNoise::DEFAULT }),
        Box::new(Resize::new(Size::Exact([0, 8]))),
        Box::new(Resize::new(Size::Short(usize::MAX))),
        Box::new(CenterCrop { size: [0, 1] }),
        Box::new(RandomApply { p: 2.0, transforms: vec![] }),
        Box::new(RandomApply { p: 0.5, transforms: vec![Box::new(CenterCrop { size: [4, 4] })] }),
        Box::new(RandomChoice { transforms: vec![], weights: vec![] }),
        Box::new(RandomChoice { transforms: everything(), weights: vec![0.0; 7] }),
        Box::new(RandomOrder(vec![Box::new(CenterCrop { size: [4, 4] })])),
        Box::new(SignalJitter { sigma: nan }),
        Box::new(TimeShift::DEFAULT),
        Box::new(SignalCrop { len: 4 }),
    ];
    for one in operations {
        let text = format!("{one:?}");
        let refused = matches!(Pipeline::new(vec![one], [3, 8, 8]), Err(Error::Augment { .. }));
        assert!(refused, "{text}");
    }
    let mut to = [7.0; 4];
    let far = Window { top: isize::MIN, left: 0, height: 2, width: 2 };
    assert!(crop_refused(far, &mut to) && to == [7.0; 4]);
    let outside = Region { top: 1, left: 1, height: usize::MAX, width: 1 };
    assert!(erase([1, 2, 2], outside, &[], &mut to).is_err() && to == [7.0; 4]);
    let flat = Affine::scaling(0.0, 1.0);
    assert!(warp([1, 2, 2], flat, Interpolation::Nearest, &[], &[1.0; 4], &mut to).is_err() && to == [7.0; 4]);
    assert!(mix_up(1.1, 2, &mut to, &mut Vec::new()).is_err() && mix_up(0.5, 3, &mut to, &mut Vec::new()).is_err());
    assert!(adjust_hue([1, 2, 2], 0.6, &mut to).is_err() && adjust_brightness([2, 1, 2], 1.0, &mut to).is_err());
    assert!(five_crop([1, 2, 2], [3, 1], &[0.0; 4], &mut to).is_err() && average_crops(0, 2, &[], &mut to).is_err());
    assert_eq!(to, [7.0; 4]);
    let pipeline = Pipeline::new(Vec::new(), [1, 2, 2]).unwrap();
    let key = Key { seed: 0, epoch: 0, sample: 0 };
    assert!(pipeline.apply(key, &[0.0; 3], &mut to, &mut Canvas::default()).is_err() && to == [7.0; 4]);
    assert!(Pipeline::new(Vec::new(), [1, 0, 2]).is_err() && Pipeline::new(Vec::new(), [usize::MAX; 3]).is_err());
}

fn crop_refused(window: Window, to: &mut [f32]) -> bool {
    crop([1, 2, 2], window, Padding::Wrap, &[], &[0.0; 4], to).is_err()
}

#[test]
fn sheets_of_any_images_are_drawn_or_refused() {
    for shape in [[1, 28, 28], [2, 3, 5], [3, 100, 1], [2, 1, 50], [5, 1, 1]] {
        let mut sheet = Sheet::new(shape, 2).unwrap();
        assert!(sheet.png().is_err(), "no images");
        let mut image = image(shape);
        sheet.push(&image).unwrap();
        assert_eq!(sheet.range(), SheetRange { black: 0.0, white: 1.0 });
        image[0] = f32::NAN;
        sheet.push(&image).unwrap();
        image.fill(-2.0);
        sheet.push(&image).unwrap();
        assert_eq!(sheet.range().black, -2.0);
        assert!(sheet.png().unwrap().starts_with(b"\x89PNG"));
        assert!(sheet.push(&[]).is_err());
    }
    assert!(Sheet::new([1, 20_000, 20_000], 1).is_err() && Sheet::new([1, 8, 8], 0).is_err());
    assert!(Sheet::new([1, 0, 8], 1).is_err() && Sheet::new([1, 8, 8], usize::MAX).is_err());
}
