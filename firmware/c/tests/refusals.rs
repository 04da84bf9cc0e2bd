//! Plans and trainers with wrong pointers: everything is refused, nothing changes.

// Every block calls a C function with memory of the test's own.
#![allow(clippy::undocumented_unsafe_blocks)]

mod common;

use common::{Function, bits, fill, no_error, refused, text};
use flatgrad::infer::*;
use flatgrad::info::*;
use flatgrad::layer::*;
use flatgrad::loss::*;
use flatgrad::optim::*;
use flatgrad::plan::*;
use flatgrad::status::fg_error;
use flatgrad::status::fg_status::{self, *};
use flatgrad::train::*;
use flatgrad::trained::*;
use std::ffi::c_void;
use std::ptr::{null, null_mut};

const SIZE: usize = 8 * 1024 * 8;

fn layers() -> [fg_layer; 3] {
    // SAFETY: numbers, null pointers and false.
    let layer = |kind| fg_layer { kind, ..unsafe { std::mem::zeroed() } };
    [layer(FG_KIND_BATCH_NORM), layer(FG_KIND_FLATTEN), fg_layer { outputs: 3, ..layer(FG_KIND_DENSE) }]
}

fn config() -> fg_config {
    fg_config {
        batch: 2,
        optimizer: fg_optimizer { momentum: 0.9, lr: 0.1, ..Default::default() },
        ..Default::default()
    }
}

fn plan(memory: &mut Vec<u64>) -> *const fg_plan {
    let (layers, config) = (layers(), config());
    memory.resize(SIZE / 8, 0);
    let (mut plan, mut error) = (null(), no_error());
    let status = unsafe {
        fg_plan_init(memory.as_mut_ptr().cast(), SIZE, 2, 2, 2, layers.as_ptr(), 3, &config, &mut plan, &mut error)
    };
    assert_eq!(status, FG_OK, "{}", text(&error));
    plan
}

#[test]
fn plans() {
    let (layers, config) = (layers(), config());
    let mut memory = vec![7u64; SIZE / 8];
    let (m, l, c) = (memory.as_mut_ptr(), layers.as_ptr(), &raw const config);
    let mut result: *const fg_plan = null();
    let r = &raw mut result;
    let odd = |p: *const fg_layer| p.wrapping_byte_add(1);
    type Case =
        (*mut c_void, usize, *const fg_layer, usize, *const fg_config, *mut *const fg_plan, fg_status, &'static str);
    let cases: [Case; 13] = [
        (null_mut(), SIZE, l, 3, c, r, FG_ERROR_NULL, "plan memory: is a null pointer"),
        (m.cast(), SIZE, null(), 3, c, r, FG_ERROR_NULL, "layers: is a null pointer"),
        (m.cast(), SIZE, l, 3, null(), r, FG_ERROR_NULL, "config: is a null pointer"),
        (m.cast(), SIZE, l, 3, c, null_mut(), FG_ERROR_NULL, "plan: is a null pointer"),
        (
            m.wrapping_byte_add(4).cast(),
            SIZE,
            l,
            3,
            c,
            r,
            FG_ERROR_ALIGNMENT,
            "plan memory: must be aligned to 8 bytes",
        ),
        (m.cast(), SIZE, odd(l), 3, c, r, FG_ERROR_ALIGNMENT, "layers: must be aligned to 8 bytes"),
        (m.cast(), SIZE, l, 3, c.wrapping_byte_add(1), r, FG_ERROR_ALIGNMENT, "config: must be aligned to 8 bytes"),
        (m.cast(), SIZE, l, 3, c, r.wrapping_byte_add(1), FG_ERROR_ALIGNMENT, "plan: must be aligned to 8 bytes"),
        (m.cast(), 100, l, 3, c, r, FG_ERROR_TOO_SHORT, ""),
        (m.cast(), fg_plan_size(2), l, 3, c, r, FG_ERROR_TOO_SHORT, ""),
        (m.cast(), SIZE, m.cast(), 3, c, r, FG_ERROR_OVERLAP, "plan memory: shares memory with layers"),
        (m.cast(), SIZE, l, 3, c, m.cast(), FG_ERROR_OVERLAP, "plan memory: shares memory with plan"),
        (m.cast(), SIZE, l, usize::MAX / 4, c, r, FG_ERROR_OVERFLOW, ""),
    ];
    for (m, size, l, n, c, r, want, words) in cases {
        let mut error = no_error();
        let status = unsafe { fg_plan_init(m, size, 2, 2, 2, l, n, c, r, &mut error) };
        refused(&error, status, &[want], words);
        assert!(words.is_empty() || text(&error) == words, "{words}: {}", text(&error));
        assert!(result.is_null() && memory.iter().all(|m| *m == 7), "{words}: something was written");
    }
    let bad = fg_config { batch: 0, ..config };
    let mut error = no_error();
    unsafe {
        let status = fg_plan_init(m.cast(), SIZE, 2, 2, 2, l, 3, &bad, r, &mut error);
        refused(&error, status, &[FG_ERROR_NETWORK], "batch 0");
        // Zeros are no plan.
        let zeros = vec![0u64; SIZE / 8];
        let p: *const fg_plan = zeros.as_ptr().cast();
        let mut layer: fg_layer_info = std::mem::zeroed();
        let status = fg_plan_layer(p, 0, &mut layer, &mut error);
        refused(&error, status, &[FG_ERROR_UNINITIALIZED], "zeros");
        assert_eq!((fg_plan_arena_len(p), fg_plan_layer_count(p), fg_plan_outputs(null())), (0, 0, 0));
        assert_eq!(fg_plan_layer(null(), 0, &mut layer, null_mut()), FG_ERROR_NULL);
        assert_eq!(fg_plan_layer(p.wrapping_byte_add(1), 0, &mut layer, null_mut()), FG_ERROR_ALIGNMENT);
        // No plan is left where one could not be made.
        let p = plan(&mut memory);
        assert_ne!(fg_plan_arena_len(p), 0);
        assert_eq!(fg_plan_init(m.cast(), SIZE, 2, 2, 2, l, 3, &bad, r, null_mut()), FG_ERROR_NETWORK);
        assert_eq!(fg_plan_arena_len(p), 0);
        let p = plan(&mut memory);
        assert_eq!(fg_plan_layer(p, 0, null_mut(), null_mut()), FG_ERROR_NULL);
        // Its layers are part of it.
        let behind = p.wrapping_byte_add(fg_plan_kept(p) - 8).cast_mut();
        assert_eq!(fg_plan_layer(p, 0, behind.cast(), null_mut()), FG_ERROR_OVERLAP);
        assert_eq!(fg_plan_layer(p, 0, p.cast_mut().cast(), null_mut()), FG_ERROR_OVERLAP);
        assert_eq!(fg_plan_tensor(p, 0, p.cast_mut().cast(), null_mut()), FG_ERROR_OVERLAP);
    }
}

#[test]
fn inference() {
    let mut memory = Vec::new();
    let p = plan(&mut memory);
    let (weights, work) = unsafe { (fg_plan_weights_len(p), fg_plan_infer_work_len(p)) };
    Function {
        name: "fg_infer",
        inputs: &[fill(1, weights).iter().map(|w| w.abs()).collect(), fill(2, 16)],
        outputs: &[vec![f32::NAN; 6], vec![f32::NAN; work]],
        scratch: 2, // network.rs compares results
        structure: false,
        call: &|b, _, e| unsafe {
            let [w, x, y, k] = b else { panic!() };
            fg_infer(p, w.data, w.len, x.data, x.len, y.data, y.len, k.data, k.len, e)
        },
        ..Default::default()
    }
    .test();
    let (x, mut y) = (fill(1, 16), [0.0f32; 6]);
    let w = fill(2, weights);
    let inside: *mut f32 = memory.as_mut_ptr().cast();
    let status =
        unsafe { fg_infer(p, w.as_ptr(), weights, x.as_ptr(), 16, y.as_mut_ptr(), 6, inside, work, null_mut()) };
    assert_eq!(status, FG_ERROR_OVERLAP, "work in the plan");
}

/// Wrong buffers for everything that takes samples.
#[test]
fn samples() {
    let mut memory = Vec::new();
    let p = plan(&mut memory);
    let mut arena = vec![0.0f32; unsafe { fg_plan_arena_len(p) }];
    let mut trainer = fg_trainer { memory: [0; 16] };
    let t = &raw mut trainer;
    assert_eq!(unsafe { fg_train_init(t, p, arena.as_mut_ptr(), arena.len(), 1, null_mut()) }, FG_OK);
    let sgd = config().optimizer;
    let inputs = [fill(1, 16), vec![f32::from_bits(1), f32::from_bits(2)]];
    let target = |b: &common::Buf| fg_target { classes: b.input().cast(), values: null(), len: b.len };
    type Call<'f> = &'f dyn Fn(*const f32, usize, *const fg_target, *const fg_optimizer, *mut fg_error) -> fg_status;
    let calls: [(&str, Call); 3] = [
        ("fg_train_step", &|x, n, y, o, e| unsafe { fg_train_step(t, o, x, n, y, null_mut(), e) }),
        ("fg_train_accumulate", &|x, n, y, _, e| unsafe { fg_train_accumulate(t, x, n, y, 2, null_mut(), e) }),
        ("fg_evaluate", &|x, n, y, _, e| unsafe { fg_evaluate(t, x, n, y, null_mut(), e) }),
    ];
    for (name, call) in calls {
        Function {
            name,
            inputs: &inputs,
            call: &|b, by, e| {
                let target = target(&b[1]);
                call(b[0].data, b[0].len, by.pointer(&target), by.pointer(&sgd), e)
            },
            ..Default::default()
        }
        .test();
    }
    Function {
        name: "fg_train_update",
        call: &|_, by, e| unsafe {
            // The first call takes what fg_train_accumulate has left.
            fg_train_update(t, by.pointer(&sgd), e)
        },
        ..Default::default()
    }
    .test();
    Function {
        name: "fg_train_calibrate",
        inputs: &inputs[..1],
        structure: false,
        call: &|b, _, e| unsafe { fg_train_calibrate(t, b[0].data, b[0].len, 1, e) },
        ..Default::default()
    }
    .test();
    Function {
        name: "fg_train_infer",
        inputs: &inputs[..1],
        outputs: &[vec![0.0; 6]],
        scratch: 1,
        structure: false,
        call: &|b, _, e| unsafe { fg_train_infer(t, b[0].data, b[0].len, b[1].data, b[1].len, e) },
        ..Default::default()
    }
    .test();
}

#[test]
fn trainers() {
    let mut memory = Vec::new();
    let p = plan(&mut memory);
    let len = unsafe { fg_plan_arena_len(p) };
    let mut arena = vec![0.5f32; len + 1];
    let mut trainer = fg_trainer { memory: [0; 16] };
    let (t, a, sgd) = (&raw mut trainer, arena.as_mut_ptr(), config().optimizer);
    let (x, labels) = (fill(1, 16), [1, 2]);
    let target = fg_target { classes: labels.as_ptr(), values: null(), len: 2 };
    let inside: *mut f32 = memory.as_mut_ptr().cast();
    let mut error = no_error();
    let e = &raw mut error;
    unsafe {
        // Nothing begun.
        for trainer in [t, null_mut(), t.wrapping_byte_add(1)] {
            let want = [FG_ERROR_UNINITIALIZED, FG_ERROR_NULL, FG_ERROR_ALIGNMENT];
            let check = |status| refused(&*e, status, &want, "no trainer");
            check(fg_train_step(trainer, &sgd, x.as_ptr(), 16, &target, null_mut(), e));
            check(fg_train_accumulate(trainer, x.as_ptr(), 16, &target, 2, null_mut(), e));
            check(fg_train_update(trainer, &sgd, e));
            check(fg_train_calibrate(trainer, x.as_ptr(), 16, 1, e));
            check(fg_evaluate(trainer, x.as_ptr(), 16, &target, null_mut(), e));
            check(fg_train_infer(trainer, x.as_ptr(), 16, a, 6, e));
            check(fg_train_clip_by_norm(trainer, 1.0, null_mut(), e));
            assert!(fg_train_weights(trainer).is_null() && fg_train_gradients(trainer, null_mut()).is_null());
            assert_eq!(fg_train_steps(trainer), 0);
        }
        // A bad beginning.
        let begin = |t, p, a, len, want| {
            let status = fg_train_init(t, p, a, len, 1, e);
            refused(&*e, status, &[want], "fg_train_init");
        };
        begin(null_mut(), p, a, len, FG_ERROR_NULL);
        begin(t, null(), a, len, FG_ERROR_NULL);
        begin(t, p, null_mut(), len, FG_ERROR_NULL);
        begin(t.wrapping_byte_add(4), p, a, len, FG_ERROR_ALIGNMENT);
        begin(t, p, a.wrapping_byte_add(2), len, FG_ERROR_ALIGNMENT);
        begin(t, p, a, len - 1, FG_ERROR_TOO_SHORT);
        begin(t, p, inside, len, FG_ERROR_OVERLAP);
        begin(a.cast::<fg_trainer>().wrapping_byte_add(a.align_offset(8) * 4), p, a, len, FG_ERROR_OVERLAP);
        begin(t, x.as_ptr().wrapping_add(x.as_ptr().align_offset(8)).cast(), a, len, FG_ERROR_UNINITIALIZED);
        assert!(arena.iter().all(|x| *x == 0.5) && trainer.memory == [0; 16]);

        // A good one; then buffers in the wrong place.
        assert_eq!(fg_train_init(t, p, a, len, 1, e), FG_OK);
        let before = (bits(&arena), (*t).memory);
        let mut y = [0.0f32; 6];
        let wrong_x = [a.cast_const(), a.wrapping_add(len - 1), t.cast::<f32>().cast_const()];
        for x in wrong_x {
            refused(&*e, fg_train_step(t, &sgd, x, 16, &target, null_mut(), e), &[FG_ERROR_OVERLAP], "x");
            refused(&*e, fg_train_infer(t, x, 16, y.as_mut_ptr(), 6, e), &[FG_ERROR_OVERLAP], "x");
        }
        for y in [a, t.cast(), inside] {
            refused(&*e, fg_train_infer(t, x.as_ptr(), 16, y, 6, e), &[FG_ERROR_OVERLAP], "y");
        }
        for report in [a.wrapping_add(a.align_offset(8)).cast(), t.cast(), inside.cast::<fg_report>()] {
            refused(&*e, fg_train_step(t, &sgd, x.as_ptr(), 16, &target, report, e), &[FG_ERROR_OVERLAP], "report");
            refused(&*e, fg_evaluate(t, x.as_ptr(), 16, &target, report, e), &[FG_ERROR_OVERLAP], "report");
        }
        let odd = a.cast::<fg_report>().wrapping_byte_add(1);
        refused(&*e, fg_evaluate(t, x.as_ptr(), 16, &target, odd, e), &[FG_ERROR_ALIGNMENT], "report");
        refused(&*e, fg_train_clip_by_norm(t, 1.0, a, e), &[FG_ERROR_OVERLAP], "norm");
        refused(&*e, fg_train_update(t, &sgd, e), &[FG_ERROR_DIMENSION], "nothing accumulated");
        let adam = fg_optimizer { kind: FG_OPTIMIZER_ADAM, lr: 0.1, ..Default::default() };
        let status = fg_train_step(t, &adam, x.as_ptr(), 16, &target, null_mut(), e);
        refused(&*e, status, &[FG_ERROR_DIMENSION], "more state than there is room for");
        let wrong = [1, 3];
        let bad = fg_target { classes: wrong.as_ptr(), ..target };
        refused(&*e, fg_train_step(t, &sgd, x.as_ptr(), 16, &bad, null_mut(), e), &[FG_ERROR_LABEL], "label 3");
        assert_eq!(before, (bits(&arena), (*t).memory), "something was written");
    }
}
