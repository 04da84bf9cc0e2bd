//! What PyTorch computes (`scripts/golden.py` writes it), within the tolerances of one table.

mod common;

use flatgrad_core::conv::{self, Conv2d};
use flatgrad_core::dense::{self, Dense};
use flatgrad_core::norm::{self, BatchNorm};
use flatgrad_core::optim::{Adam, Sgd, adam_step, sgd_step};
use flatgrad_core::pool::{self, MaxPool2d};
use flatgrad_core::{Activation, Context, Isa, Update, activation, loss};
use std::collections::HashMap;

/// `|got - want| <= relative * max(|want|, floor * the tensor's largest |want|)`.
struct Tolerance {
    relative: f32,
    floor: f32,
}

/// All tolerances, and why: some three times the measured difference (`GOLDEN_DIFFERENCES=1 cargo test --test
/// golden_kernels -- --nocapture` prints it). They can be tight, since our bits are the same on every machine.
fn tolerance(what: &str) -> Tolerance {
    let (relative, floor) = match what {
        // Chains of up to 45 roundings against f64; terms cancel, so relative to the largest element. Measured 4.6e-7.
        "product" => (1.5e-6, 1.0),
        // Two sums, a root and a division; dx subtracts nearly equal terms. Measured 1.3e-7.
        "batch_norm" => (4e-7, 1.0),
        // An ULP of the mean, 6e-5, is what every deviation from it may be wrong by. Measured 6.2e-5.
        "batch_norm, large mean" => (2e-4, 1.0),
        // Comparisons, and additions of few terms in another order. Measured 1.1e-7.
        "max_pool2d" => (4e-7, 1.0),
        // One exp of 2 ULP, a sum of ten, a logarithm. Measured 2.7e-7.
        "cross_entropy" => (1e-6, 1e-3),
        // Fifty steps in which PyTorch fuses multiply and add. Measured 6.7e-7 and 3.8e-6 (an average that cancels).
        "sgd" => (2e-6, 1e-2),
        "adam" => (1.2e-5, 1e-2),
        // Ten steps: sums in other orders, then divided by small second moments. Measured 1.1e-7 and 1.0e-7.
        "train10 loss" => (1e-6, 0.0),
        "train10 weights" => (4e-7, 1.0),
        _ => panic!("no tolerance for {what}"),
    };
    Tolerance { relative, floor }
}

struct Golden {
    tensors: HashMap<String, (Vec<usize>, Vec<f32>)>,
    numbers: HashMap<String, Vec<f64>>,
}

impl Golden {
    fn read() -> Self {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/golden");
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

#[test]
fn sgd() {
    let golden = Golden::read();
    let [steps, n] = golden.shape("optim/grads");
    for case in golden.cases("sgd") {
        let [lr, momentum, dampening, weight_decay, nesterov] = golden.numbers(&format!("{case}options"));
        let [lr, momentum, dampening, weight_decay] = [lr, momentum, dampening, weight_decay].map(|x| x as f32);
        let sgd = Sgd { lr, momentum, dampening, weight_decay, nesterov: nesterov != 0.0 };
        let mut p = golden.get("optim/start").to_vec();
        let mut buf = garbage(if momentum == 0.0 { 0 } else { n });
        let mut checked = 0;
        for (step, g) in (1..).zip(golden.get("optim/grads").chunks(n)) {
            sgd_step(ctx(), &sgd, step, g, &mut p, &mut buf).unwrap();
            if golden.tensors.contains_key(&format!("{case}{step}/params")) {
                golden.check("sgd", &format!("{case}{step}/params"), &p);
                if momentum != 0.0 {
                    golden.check("sgd", &format!("{case}{step}/momentum_buffer"), &buf);
                }
                checked += 1;
            }
        }
        assert_eq!((steps, checked), (50, 3));
    }
}

#[test]
fn adam() {
    let golden = Golden::read();
    let [_, n] = golden.shape("optim/grads");
    for case in golden.cases("adam") {
        let [lr, beta1, beta2, eps, weight_decay] = golden.numbers(&format!("{case}options"));
        let [lr, eps, weight_decay] = [lr, eps, weight_decay].map(|x| x as f32);
        let adam = Adam { lr, betas: [beta1, beta2], eps, weight_decay };
        let (mut p, mut m, mut v) = (golden.get("optim/start").to_vec(), zeros(n), zeros(n));
        let mut checked = 0;
        for (step, g) in (1..).zip(golden.get("optim/grads").chunks(n)) {
            adam_step(ctx(), &adam, step, g, &mut p, &mut m, &mut v).unwrap();
            if golden.tensors.contains_key(&format!("{case}{step}/params")) {
                golden.check("adam", &format!("{case}{step}/params"), &p);
                golden.check("adam", &format!("{case}{step}/exp_avg"), &m);
                golden.check("adam", &format!("{case}{step}/exp_avg_sq"), &v);
                checked += 1;
            }
        }
        assert_eq!(checked, 3);
    }
}

#[test]
fn conv2d() {
    let golden = Golden::read();
    for case in golden.cases("conv2d") {
        let of = |name: &str| golden.get(&format!("{case}{name}"));
        let [n, c, h, w] = golden.shape(&format!("{case}x"));
        let [out_channels, _, kh, kw] = golden.shape(&format!("{case}weight"));
        let [sh, sw, ph, pw, dh, dw, groups] = golden.numbers(&format!("{case}geometry")).map(|x| x as usize);
        let shape = Conv2d::new(n, [c, h, w], out_channels, [kh, kw])
            .stride([sh, sw])
            .padding([ph, pw])
            .dilation([dh, dw])
            .groups(groups);
        let (x, weight, bias, dy) = (of("x"), of("weight"), of("bias"), of("dy"));

        let mut y = garbage(shape.output_len());
        let mut scratch = garbage(conv::conv2d_scratch_len(&shape));
        conv::conv2d(ctx(), &shape, x, weight, Some(bias), Activation::None, &mut y, &mut scratch).unwrap();
        golden.check("product", &format!("{case}y"), &y);

        let mut dx = garbage(x.len());
        let mut scratch = garbage(conv::conv2d_backward_input_scratch_len(&shape));
        conv::conv2d_backward_input(ctx(), &shape, dy, weight, &mut dx, &mut scratch).unwrap();
        golden.check("product", &format!("{case}dx"), &dx);

        let mut dw = garbage(weight.len());
        let mut scratch = garbage(conv::conv2d_backward_weight_scratch_len(&shape));
        conv::conv2d_backward_weight(ctx(), &shape, x, dy, Update::Overwrite, &mut dw, &mut scratch).unwrap();
        golden.check("product", &format!("{case}dweight"), &dw);

        let mut db = garbage(bias.len());
        conv::conv2d_backward_bias(ctx(), &shape, dy, Update::Overwrite, &mut db).unwrap();
        golden.check("product", &format!("{case}dbias"), &db);
    }
}

#[test]
fn linear() {
    let golden = Golden::read();
    for case in golden.cases("linear") {
        let of = |name: &str| golden.get(&format!("{case}{name}"));
        let [n, inputs] = golden.shape(&format!("{case}x"));
        let [outputs, _] = golden.shape(&format!("{case}weight"));
        let shape = Dense::new(n, inputs, outputs);
        let mut scratch = garbage(dense::dense_scratch_len(&shape));
        let weight = transposed(of("weight"), outputs, inputs);

        let mut y = garbage(n * outputs);
        let bias = Some(of("bias"));
        dense::dense(ctx(), &shape, of("x"), &weight, bias, Activation::None, &mut y, &mut scratch).unwrap();
        golden.check("product", &format!("{case}y"), &y);

        let mut dx = garbage(n * inputs);
        dense::dense_backward_input(ctx(), &shape, of("dy"), &weight, &mut dx, &mut scratch).unwrap();
        golden.check("product", &format!("{case}dx"), &dx);

        let (mut dw, mut db) = (garbage(inputs * outputs), garbage(outputs));
        let overwrite = Update::Overwrite;
        dense::dense_backward_weight(ctx(), &shape, of("x"), of("dy"), overwrite, &mut dw, &mut scratch).unwrap();
        dense::dense_backward_bias(ctx(), &shape, of("dy"), overwrite, &mut db).unwrap();
        golden.check("product", &format!("{case}dweight"), &transposed(&dw, inputs, outputs));
        golden.check("product", &format!("{case}dbias"), &db);
    }
}

#[test]
fn batch_norm() {
    let golden = Golden::read();
    for case in golden.cases("batch_norm") {
        let of = |name: &str| golden.get(&format!("{case}{name}"));
        let dims = &golden.tensors[&format!("{case}x")].0;
        let shape = BatchNorm::new(dims[0], dims[1], dims[2..].iter().product());
        let (x, scale, shift, channels) = (of("x"), of("scale"), of("shift"), shape.channels);
        let class = if case == "batch_norm/2/" { "batch_norm, large mean" } else { "batch_norm" };
        let check = |name: &str, got: &[f32]| golden.check(class, &format!("{case}{name}"), got);

        let (mut mean, mut var) = (of("old_mean").to_vec(), of("old_var").to_vec());
        let mut y = garbage(x.len());
        norm::batch_norm_infer(ctx(), &shape, x, scale, shift, &mean, &var, &mut y).unwrap();
        check("infer", &y);

        let (mut saved_mean, mut saved_rstd) = (garbage(channels), garbage(channels));
        norm::batch_norm_train(
            ctx(),
            &shape,
            x,
            scale,
            shift,
            &mut mean,
            &mut var,
            &mut y,
            &mut saved_mean,
            &mut saved_rstd,
        )
        .unwrap();
        check("y", &y);
        check("new_mean", &mean);
        check("new_var", &var);

        let (mut dx, mut dscale, mut dshift) = (garbage(x.len()), garbage(channels), garbage(channels));
        norm::batch_norm_backward(
            ctx(),
            &shape,
            x,
            of("dy"),
            scale,
            &saved_mean,
            &saved_rstd,
            Update::Overwrite,
            &mut dx,
            &mut dscale,
            &mut dshift,
        )
        .unwrap();
        check("dx", &dx);
        check("dscale", &dscale);
        check("dshift", &dshift);
    }
}

#[test]
fn max_pool2d() {
    let golden = Golden::read();
    for case in golden.cases("max_pool2d") {
        let of = |name: &str| golden.get(&format!("{case}{name}"));
        let [n, c, h, w] = golden.shape(&format!("{case}x"));
        let [kh, kw, sh, sw, ph, pw] = golden.numbers(&format!("{case}geometry")).map(|x| x as usize);
        let shape = MaxPool2d::new(n, [c, h, w], [kh, kw]).stride([sh, sw]).padding([ph, pw]);
        let (mut y, mut dx) = (garbage(shape.output_len()), garbage(shape.input_len()));
        pool::max_pool2d(ctx(), &shape, of("x"), &mut y).unwrap();
        golden.check("max_pool2d", &format!("{case}y"), &y);
        pool::max_pool2d_backward(ctx(), &shape, of("x"), of("dy"), &mut dx).unwrap();
        golden.check("max_pool2d", &format!("{case}dx"), &dx);
    }
}

fn labels(x: &[f32]) -> Vec<u32> {
    x.iter().map(|&l| l as u32).collect()
}

#[test]
fn cross_entropy() {
    let golden = Golden::read();
    for case in golden.cases("cross_entropy") {
        let [n, classes] = golden.shape(&format!("{case}x"));
        let (x, labels) = (golden.get(&format!("{case}x")), labels(golden.get(&format!("{case}labels"))));
        let ([want], [correct]) =
            (golden.numbers(&format!("{case}mean_loss")), golden.numbers(&format!("{case}correct")));
        let mut dx = garbage(n * classes);
        let backward = loss::cross_entropy_backward(ctx(), [n, classes], x, &labels, 1.0 / n as f32, &mut dx).unwrap();
        golden.check("cross_entropy", &format!("{case}dx"), &dx);
        let forward = loss::cross_entropy(ctx(), [n, classes], x, &labels).unwrap();
        for report in [backward, forward] {
            let mean = report.loss_sum / n as f32;
            common::assert_close("mean loss", &[mean], &[want as f32], tolerance("cross_entropy").relative, 0.0);
            assert_eq!(report.correct, correct as usize);
        }
    }
}

#[test]
fn train10() {
    let golden = Golden::read();
    let mut first: Option<Trained> = None;
    for (name, ctx) in common::contexts() {
        let got = train(ctx, &golden);
        let first = first.get_or_insert_with(|| got.clone());
        common::assert_bits(&format!("{name}: losses"), &got.losses, &first.losses);
        common::assert_bits(&format!("{name}: weights"), &got.params.concat(), &first.params.concat());
    }
    let Trained { losses, params } = first.unwrap();
    let want = golden.numbers::<10>("train10/losses").map(|l| l as f32);
    common::assert_close("train10 losses", &losses, &want, tolerance("train10 loss").relative, 0.0);
    for (name, got) in PARAMETERS.iter().zip(&params) {
        let got = if *name == "5.weight" { &transposed(got, 128, 10) } else { got };
        golden.check("train10 weights", &format!("train10/end/{name}"), got);
    }
}

/// The parameters and running statistics, under PyTorch's names.
const PARAMETERS: [&str; 7] =
    ["0.weight", "1.weight", "1.bias", "5.weight", "5.bias", "1.running_mean", "1.running_var"];

#[derive(Clone)]
struct Trained {
    losses: Vec<f32>,
    params: Vec<Vec<f32>>,
}

/// Ten steps of a convolutional network, each kernel called by hand.
fn train(ctx: Context, golden: &Golden) -> Trained {
    let [steps, n, c, h, w] = golden.shape("train10/x");
    let conv = Conv2d::new(n, [c, h, w], 8, [3, 3]).padding([1, 1]);
    let norm = BatchNorm::new(n, 8, h * w);
    let pool = MaxPool2d::new(n, [8, h, w], [2, 2]);
    let head = Dense::new(n, 128, 10);
    let mut scratch = garbage(
        conv::conv2d_scratch_len(&conv)
            .max(conv::conv2d_backward_weight_scratch_len(&conv))
            .max(dense::dense_scratch_len(&head)),
    );
    // The parameters lie behind one another, as Adam sees them; gradients, and the two averages, likewise.
    let start = PARAMETERS.map(|name| golden.get(&format!("train10/start/{name}")));
    let [weight, scale, shift, head_weight, head_bias, running_mean, running_var] = start;
    let head_weight = &transposed(head_weight, 10, 128);
    let trained = [weight, scale, shift, head_weight, head_bias];
    let (lens, mut params) = (trained.map(<[f32]>::len), trained.concat());
    let (mut running_mean, mut running_var) = (running_mean.to_vec(), running_var.to_vec());
    let (mut grads, mut exp_avg, mut exp_avg_sq) = (garbage(params.len()), zeros(params.len()), zeros(params.len()));
    let mut losses = vec![];

    for step in 0..steps {
        let x = &golden.get("train10/x")[step * n * c * h * w..][..n * c * h * w];
        let labels = labels(&golden.get("train10/labels")[step * n..][..n]);
        let [weight, scale, shift, head_weight, head_bias] = split(&params, lens);

        let mut a = garbage(conv.output_len());
        conv::conv2d(ctx, &conv, x, weight, None, Activation::None, &mut a, &mut scratch).unwrap();
        let (mut y, mut mean, mut rstd) = (garbage(a.len()), garbage(8), garbage(8));
        let (rm, rv) = (&mut running_mean, &mut running_var);
        norm::batch_norm_train(ctx, &norm, &a, scale, shift, rm, rv, &mut y, &mut mean, &mut rstd).unwrap();
        activation::relu_in_place(ctx, &mut y).unwrap();
        let mut pooled = garbage(pool.output_len());
        pool::max_pool2d(ctx, &pool, &y, &mut pooled).unwrap();
        let mut logits = garbage(n * 10);
        let bias = Some(head_bias);
        dense::dense(ctx, &head, &pooled, head_weight, bias, Activation::None, &mut logits, &mut scratch).unwrap();

        let mut dlogits = garbage(n * 10);
        let report =
            loss::cross_entropy_backward(ctx, [n, 10], &logits, &labels, 1.0 / n as f32, &mut dlogits).unwrap();
        losses.push(report.loss_sum / n as f32);

        let overwrite = Update::Overwrite;
        let [dweight, dscale, dshift, dhead, dbias] = split_mut(&mut grads, lens);
        dense::dense_backward_weight(ctx, &head, &pooled, &dlogits, overwrite, dhead, &mut scratch).unwrap();
        dense::dense_backward_bias(ctx, &head, &dlogits, overwrite, dbias).unwrap();
        let mut dpooled = garbage(pooled.len());
        dense::dense_backward_input(ctx, &head, &dlogits, head_weight, &mut dpooled, &mut scratch).unwrap();
        let mut dy = garbage(y.len());
        pool::max_pool2d_backward(ctx, &pool, &y, &dpooled, &mut dy).unwrap();
        activation::relu_backward_in_place(ctx, &y, &mut dy).unwrap();
        let mut da = garbage(a.len());
        norm::batch_norm_backward(ctx, &norm, &a, &dy, scale, &mean, &rstd, overwrite, &mut da, dscale, dshift)
            .unwrap();
        conv::conv2d_backward_weight(ctx, &conv, x, &da, overwrite, dweight, &mut scratch).unwrap();
        let adam = Adam::DEFAULT;
        adam_step(ctx, &adam, step as u32 + 1, &grads, &mut params, &mut exp_avg, &mut exp_avg_sq).unwrap();
    }

    let mut params = split(&params, lens).map(<[f32]>::to_vec).to_vec();
    params.extend([running_mean, running_var]);
    Trained { losses, params }
}

fn split<const N: usize>(mut x: &[f32], lens: [usize; N]) -> [&[f32]; N] {
    lens.map(|len| x.split_off(..len).unwrap())
}

fn split_mut<const N: usize>(mut x: &mut [f32], lens: [usize; N]) -> [&mut [f32]; N] {
    lens.map(|len| x.split_off_mut(..len).unwrap())
}
