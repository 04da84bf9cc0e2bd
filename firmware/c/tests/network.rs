//! Plans and training from C.

// Every block calls a C function with memory of the test's own.
#![allow(clippy::undocumented_unsafe_blocks)]

mod common;

use common::{bits, fill, no_error, refused, text};
use flatgrad::infer::*;
use flatgrad::info::*;
use flatgrad::init::*;
use flatgrad::layer::*;
use flatgrad::loss::*;
use flatgrad::optim::*;
use flatgrad::plan::*;
use flatgrad::status::fg_status::{self, *};
use flatgrad::status::{FG_NO_LAYER, fg_error};
use flatgrad::train::*;
use flatgrad::trained::*;
use flatgrad_core::init::Init;
use flatgrad_core::net::{self, Config, Decay, Layer, Net, Optimizer, Plan, Target, Trainer};
use flatgrad_core::{Context, Isa};
use std::ptr::{null, null_mut};

/// A layer of zeros, as C has it.
fn layer(kind: fg_kind) -> fg_layer {
    // SAFETY: numbers, null pointers and false.
    fg_layer { kind, ..unsafe { std::mem::zeroed() } }
}

struct Built {
    memory: Vec<u64>,
    plan: *const fg_plan,
    error: fg_error,
    status: fg_status,
}

fn build(input: [usize; 3], layers: &[fg_layer], config: &fg_config, room: usize) -> Built {
    let mut built =
        Built { memory: vec![0; fg_plan_size(room) / 8 + 1], plan: null(), error: no_error(), status: FG_OK };
    let [c, h, w] = input;
    let (memory, size) = (built.memory.as_mut_ptr().cast(), fg_plan_size(room));
    let (plan, error) = (&mut built.plan, &mut built.error);
    built.status = unsafe { fg_plan_init(memory, size, c, h, w, layers.as_ptr(), layers.len(), config, plan, error) };
    built
}

fn wrong(layers: &[fg_layer], at: usize, words: &str) {
    let built = build([2, 8, 8], layers, &fg_config { batch: 2, ..Default::default() }, 8);
    refused(&built.error, built.status, &[FG_ERROR_NETWORK], words);
    assert_eq!((built.error.layer, text(&built.error)), (at, words.into()));
    assert!(built.plan.is_null());
}

fn conv(outputs: usize, size: usize) -> fg_layer {
    fg_layer { outputs, size, ..layer(FG_KIND_CONV2D) }
}

#[test]
fn wrong_networks_name_the_layer() {
    let relu = layer(FG_KIND_RELU);
    wrong(&[relu, layer(0)], 1, "layer 1: has no kind");
    wrong(&[layer(99)], 0, "layer 0: its kind is unknown");
    wrong(&[conv(4, 9)], 0, "layer 0 (conv2d): kernel 9x9 does not fit the padded image 8x8");
    wrong(&[fg_layer { kernel: [3, 3], ..conv(4, 3) }], 0, "layer 0: size and kernel are both set");
    wrong(&[relu, fg_layer { outputs: 3, ..relu }], 1, "layer 1: has no option outputs");
    wrong(&[fg_layer { padding: [1, 1], ..relu }], 0, "layer 0 (relu): has no option padding");
    wrong(&[fg_layer { momentum: 0.5, ..layer(FG_KIND_DENSE) }], 0, "layer 0 (dense): has no option momentum");
    let dense = fg_layer { outputs: 3, ..layer(FG_KIND_DENSE) };
    wrong(&[dense], 0, "layer 0 (dense): the input is an image, 2x8x8; put a flatten layer before it");
    wrong(
        &[fg_layer { no_decay: true, decay_factor: 2.0, ..dense }],
        0,
        "layer 0: no_decay and decay_factor are both set",
    );
    let init = fg_init { rule: 77, value: 0.0 };
    wrong(&[fg_layer { init, ..dense }], 0, "layer 0: its init is unknown, or the default with a value");
    let body = [conv(3, 1)];
    let block = fg_layer { body: body.as_ptr(), body_count: 1, ..layer(FG_KIND_RESIDUAL) };
    wrong(&[relu, block], 2, "layer 2 (add): the body gives 3x8x8, the shortcut 2x8x8");
    wrong(&[], FG_NO_LAYER, "the network has no layers");
    let mut own = [block];
    own[0].body = own.as_ptr();
    wrong(&own, 0, "layer 0: there are more layers than the plan or its memory holds");
    let many = build([2, 8, 8], &[relu; 120], &fg_config { batch: 2, ..Default::default() }, 120);
    refused(&many.error, many.status, &[FG_ERROR_NETWORK], "120 layers");
    let built = build([0, 8, 8], &[relu], &fg_config { batch: 2, ..Default::default() }, 8);
    assert_eq!((built.status, built.error.layer), (FG_ERROR_NETWORK, FG_NO_LAYER));
}

#[test]
fn texts_are_those_of_core() {
    let cases: [&[fg_layer]; 4] = [
        &[conv(0, 3)],
        &[fg_layer { groups: 3, ..conv(6, 3) }],
        &[fg_layer { size: 3, padding: [2, 2], ..layer(FG_KIND_MAX_POOL) }],
        &[fg_layer { p: 1.5, ..layer(FG_KIND_DROPOUT) }],
    ];
    let core: [&[Layer]; 4] = [
        &[Layer::conv2d(0, 3)],
        &[Layer::conv2d(6, 3).groups(3)],
        &[Layer::max_pool(3).padding(2)],
        &[Layer::dropout(1.5)],
    ];
    for (c, core) in cases.iter().zip(core) {
        wrong(c, 0, &Net::try_new([2, 8, 8], core).unwrap_err().to_string());
    }
}

/// A network with about everything, in C and in core.
fn everything() -> (Vec<fg_layer>, Vec<Layer<'static>>, fg_config, Config) {
    let body: &'static [fg_layer] = Box::leak(Box::new([
        fg_layer { no_bias: true, padding: [1, 1], ..conv(4, 3) },
        layer(FG_KIND_BATCH_NORM),
        layer(FG_KIND_RELU),
    ]));
    let shortcut: &'static [fg_layer] = Box::leak(Box::new([fg_layer { lr_factor: 0.5, ..conv(4, 1) }]));
    let (sb, ss): (&[Layer], &[Layer]) = (
        Box::leak(Box::new([Layer::conv2d(4, 3).no_bias().padding(1), Layer::batch_norm(), Layer::relu()])),
        Box::leak(Box::new([Layer::conv2d(4, 1).lr(0.5)])),
    );
    let block = fg_layer {
        body: body.as_ptr(),
        body_count: body.len(),
        shortcut: shortcut.as_ptr(),
        shortcut_count: shortcut.len(),
        ..layer(FG_KIND_RESIDUAL)
    };
    let xavier = fg_init { rule: FG_INIT_XAVIER_UNIFORM, value: 0.0 };
    let layers = vec![
        block,
        fg_layer { groups: 2, ..layer(FG_KIND_GROUP_NORM) },
        fg_layer { alpha: 0.2, ..layer(FG_KIND_LEAKY_RELU) },
        fg_layer { size: 2, ..layer(FG_KIND_MAX_POOL) },
        fg_layer { size: 3, stride: [1, 1], padding: [1, 1], exclude_padding: true, ..layer(FG_KIND_AVG_POOL) },
        fg_layer { affine: true, ..layer(FG_KIND_INSTANCE_NORM) },
        layer(FG_KIND_LAYER_NORM),
        layer(FG_KIND_FLATTEN),
        fg_layer { p: 0.25, ..layer(FG_KIND_DROPOUT) },
        fg_layer { outputs: 6, max_norm: 3.0, init: xavier, ..layer(FG_KIND_DENSE) },
        layer(FG_KIND_GELU),
        layer(FG_KIND_RMS_NORM),
        fg_layer { outputs: 5, no_decay: true, ..layer(FG_KIND_DENSE) },
    ];
    let core = vec![
        Layer::residual_with(sb, ss),
        Layer::group_norm(2),
        Layer::leaky_relu(0.2),
        Layer::max_pool(2),
        Layer::avg_pool(3).stride(1).padding(1).count_include_pad(false),
        Layer::instance_norm().affine(true),
        Layer::layer_norm(),
        Layer::flatten(),
        Layer::dropout(0.25),
        Layer::dense(6).max_norm(3.0).init(Init::XavierUniform { gain: 1.0 }),
        Layer::gelu(),
        Layer::rms_norm(),
        Layer::dense(5).decay(0.0),
    ];
    let adamw = fg_optimizer { kind: FG_OPTIMIZER_ADAMW, lr: 0.01, ..Default::default() };
    let config = fg_config { batch: 3, optimizer: adamw, decay_weights_only: true, align: 4, ..Default::default() };
    let core_config = Config::new(3, Optimizer::adamw(0.01)).decay(Decay::Weights).align(4);
    (layers, core, config, core_config)
}

#[test]
fn trains_with_cores_bits() {
    let (layers, core_layers, config, core_config) = everything();
    let built = build([2, 8, 8], &layers, &config, 17);
    assert_eq!(built.status, FG_OK, "{}", text(&built.error));
    let net = Net::try_new([2, 8, 8], &core_layers).unwrap();
    let core_plan = Plan::try_new(&net, core_config).unwrap();
    let plan = built.plan;
    let lens = unsafe {
        [
            fg_plan_arena_len(plan),
            fg_plan_weights_len(plan),
            fg_plan_infer_work_len(plan),
            fg_plan_parameters(plan),
            fg_plan_outputs(plan),
            fg_plan_layer_count(plan),
        ]
    };
    let p = &core_plan;
    let want = [p.train_len(), p.weights_len(), p.infer_work_len(), p.parameters(), p.outputs(), p.layers().count()];
    assert_eq!(lens, want);
    assert_eq!(lens.map(|_| unsafe { fg_plan_arena_len(null()) }), [0; 6]);
    infos(plan, p);

    let (mut arena, mut core_arena) = (vec![f32::NAN; lens[0]], vec![f32::NAN; lens[0]]);
    let ctx = Context::serial(Isa::detect());
    let mut core = Trainer::new(ctx, p, &mut core_arena, 42).unwrap();
    let mut trainer = fg_trainer { memory: [0; 16] };
    let mut error = no_error();
    let ok = |status: fg_status| assert_eq!(status, FG_OK);
    let (x, labels) = (fill(1, 3 * 128), [4, 0, 2]);
    let target = fg_target { classes: labels.as_ptr(), values: null(), len: 3 };
    let (mut report, mut norm) = (fg_report::default(), 0.0f32);
    let (t, e, opt) = (&raw mut trainer, &raw mut error, &config.optimizer);
    unsafe {
        ok(fg_train_init(t, plan, arena.as_mut_ptr(), arena.len(), 42, e));
        for _ in 0..3 {
            ok(fg_train_step(t, opt, x.as_ptr(), x.len(), &target, &mut report, e));
            let want = core.step(&core_config.optimizer, &x, &labels).unwrap();
            assert_eq!((report.loss_sum.to_bits(), report.correct), (want.loss_sum.to_bits(), want.correct));
        }
        let half = fg_target { len: 2, ..target };
        ok(fg_train_accumulate(t, x.as_ptr(), 256, &half, 2, null_mut(), e));
        ok(fg_train_clip_by_norm(t, 0.125, &mut norm, e));
        let mut len = 0;
        let gradients = std::slice::from_raw_parts(fg_train_gradients(t, &mut len), p.trained_parameters());
        core.accumulate(&x[..256], &labels[..2], 2).unwrap();
        assert_eq!(norm.to_bits(), core.clip_by_norm(0.125).unwrap().to_bits());
        assert_eq!((len, bits(gradients)), (p.trained_parameters(), bits(core.gradients())));
        ok(fg_train_update(t, opt, e));
        core.update(&core_config.optimizer).unwrap();
        ok(fg_train_calibrate(t, x.as_ptr(), x.len(), 1, e));
        core.calibrate(&x, 1).unwrap();
        assert_eq!((fg_train_steps(t), core.steps()), (4, 4));
        ok(fg_evaluate(t, x.as_ptr(), x.len(), &target, &mut report, e));
        assert_eq!(report.loss_sum.to_bits(), core.evaluate(&x, &labels).unwrap().loss_sum.to_bits());
        let mut y = [0.0f32; 15];
        ok(fg_train_infer(t, x.as_ptr(), x.len(), y.as_mut_ptr(), y.len(), e));
        assert_eq!(bits(&y), bits(core.infer(&x).unwrap()));
        let weights = std::slice::from_raw_parts(fg_train_weights(t), lens[1]).to_vec();
        assert_eq!(bits(&weights), bits(core.weights()));
        let (mut y2, mut work) = ([0.0f32; 15], vec![f32::NAN; lens[2]]);
        let (w, k) = (weights.as_ptr(), work.as_mut_ptr());
        ok(fg_infer(plan, w, lens[1], x.as_ptr(), x.len(), y2.as_mut_ptr(), 15, k, lens[2], e));
        assert_eq!(bits(&y2), bits(net::infer(ctx, p, &weights, &x, &mut vec![0.0; lens[2]]).unwrap()));
        assert_eq!(error.layer, 77, "an error was written");
    }
}

fn infos(plan: *const fg_plan, core: &Plan) {
    let name = |bytes: &[std::ffi::c_char]| {
        bytes.iter().take_while(|c| **c != 0).map(|c| *c as u8 as char).collect::<String>()
    };
    let mut error = no_error();
    unsafe {
        for (i, want) in core.layers().enumerate() {
            let mut info = std::mem::zeroed();
            assert_eq!(fg_plan_layer(plan, i, &mut info, &mut error), FG_OK);
            let got = (name(&info.name), info.input, info.output, info.parameters, info.in_place);
            assert_eq!(got, (want.kind.name().into(), want.input, want.output, want.parameters, want.in_place));
            assert_ne!(info.kind, 0);
        }
        for (i, want) in core.tensors().enumerate() {
            let mut info = std::mem::zeroed();
            assert_eq!(fg_plan_tensor(plan, i, &mut info, &mut error), FG_OK);
            let got = (name(&info.name), info.layer, info.dims, info.rank, info.offset, info.len);
            assert_eq!(got, (want.name.to_string(), want.layer, want.dims, want.rank, want.offset, want.elements()));
        }
        let mut info: fg_tensor_info = std::mem::zeroed();
        let status = fg_plan_tensor(plan, 1000, &mut info, &mut error);
        refused(&error, status, &[FG_ERROR_DIMENSION], "tensor 1000");
    }
}

#[test]
fn values_as_target() {
    let layers = [fg_layer { outputs: 2, ..layer(FG_KIND_DENSE) }];
    let loss = fg_loss { kind: FG_LOSS_HUBER, ..Default::default() };
    let config = fg_config { batch: 2, loss, ..Default::default() };
    let built = build([3, 1, 1], &layers, &config, 1);
    assert_eq!(built.status, FG_OK);
    let core_layers = [Layer::dense(2)];
    let net = Net::try_new([3, 1, 1], &core_layers).unwrap();
    let core_plan =
        Plan::try_new(&net, Config::new(2, Optimizer::sgd(0.0)).loss(net::Loss::Huber { delta: 1.0 })).unwrap();
    let (mut arena, mut core_arena) = (vec![0.0; core_plan.train_len()], vec![0.0; core_plan.train_len()]);
    let mut core = Trainer::new(Context::serial(Isa::detect()), &core_plan, &mut core_arena, 1).unwrap();
    let (x, y) = (fill(1, 6), fill(2, 4));
    let target = fg_target { classes: null(), values: y.as_ptr(), len: 4 };
    let sgd = fg_optimizer { lr: 0.5, ..Default::default() };
    let mut trainer = fg_trainer { memory: [0; 16] };
    unsafe {
        let e = null_mut();
        assert_eq!(fg_train_init(&mut trainer, built.plan, arena.as_mut_ptr(), arena.len(), 1, e), FG_OK);
        assert_eq!(fg_train_step(&mut trainer, &sgd, x.as_ptr(), 6, &target, null_mut(), e), FG_OK);
    }
    core.step(&Optimizer::sgd(0.5), &x, Target::Values(&y)).unwrap();
    assert_eq!(bits(&arena[..8]), bits(core.weights()));
}

#[test]
fn every_status_has_a_text() {
    let text = |status| unsafe { std::ffi::CStr::from_ptr(flatgrad::status::fg_status_text(status)) };
    let mut texts: Vec<_> = (0..=FG_ERROR_OTHER as u32).map(text).collect();
    texts.push(c"unknown status");
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), FG_ERROR_OTHER as usize + 2, "two have the same");
    assert_eq!(text(1000), c"unknown status");
}
