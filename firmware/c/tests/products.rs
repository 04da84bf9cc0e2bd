//! Products, dense layers and convolutions from C.

// Every block calls a C function with the memory of `common`.
#![allow(clippy::undocumented_unsafe_blocks)]

mod common;

use common::{Function, fill};
use flatgrad::conv::*;
use flatgrad::dense::*;
use flatgrad::gemm::*;
use flatgrad_core::conv::*;
use flatgrad_core::dense::*;
use flatgrad_core::gemm::{Bias, Epilogue, gemm};
use flatgrad_core::{Context, Fused, Isa, Mat, MatMut, Update};

fn ctx() -> Context<'static> {
    Context::serial(Isa::detect())
}

#[test]
fn gemm_in_all_layouts() {
    let (m, n, k) = (5, 6, 7);
    let scratch = vec![f32::NAN; fg_gemm_scratch_len(m, n, k)];
    for (a_transposed, b_transposed, accumulate, relu, bias_per_row) in
        [(false, false, false, false, false), (true, false, true, true, true), (false, true, false, true, false)]
    {
        let shape =
            fg_gemm_shape { m, n, k, a_transposed, b_transposed, bias_per_row, c_stride: 8, ..Default::default() };
        Function {
            name: "fg_gemm",
            inputs: &[fill(1, m * k), fill(2, k * n), fill(3, if bias_per_row { m } else { n })],
            outputs: &[fill(4, 4 * 8 + n), scratch.clone()],
            scratch: 1,
            call: &|b, by, e| unsafe {
                let [x, y, z, c, s] = b else { panic!() };
                fg_gemm(
                    by.pointer(&shape),
                    x.data,
                    x.len,
                    y.data,
                    y.len,
                    z.data,
                    z.len,
                    accumulate,
                    relu,
                    c.data,
                    c.len,
                    s.data,
                    s.len,
                    e,
                )
            },
            want: &|i, o| {
                let [c, scratch] = o else { panic!() };
                let a = if a_transposed { Mat::new(i[0], k, m).unwrap().t() } else { Mat::new(i[0], m, k).unwrap() };
                let b = if b_transposed { Mat::new(i[1], n, k).unwrap().t() } else { Mat::new(i[1], k, n).unwrap() };
                let bias = if bias_per_row { Bias::PerRow(i[2]) } else { Bias::PerCol(i[2]) };
                let update = if accumulate { Update::Accumulate } else { Update::Overwrite };
                let activation = if relu { Fused::Relu } else { Fused::None };
                let c = MatMut::strided(c, m, n, 8, 1).unwrap();
                gemm(ctx(), a, b, update, Epilogue { bias, activation }, c, scratch).unwrap();
            },
            ..Default::default()
        }
        .test();
    }
}

#[test]
fn dense_layers() {
    let shape = fg_dense_shape { n: 3, inputs: 5, outputs: 4 };
    let d = Dense::new(3, 5, 4);
    let scratch = vec![f32::NAN; unsafe { fg_dense_scratch_len(&shape) }];
    assert_eq!(scratch.len(), dense_scratch_len(&d));
    Function {
        name: "fg_dense",
        inputs: &[fill(1, 15), fill(2, 20), fill(3, 4)],
        outputs: &[fill(4, 12), scratch.clone()],
        scratch: 1,
        call: &|b, by, e| unsafe {
            let [x, w, z, y, s] = b else { panic!() };
            let shape = by.pointer(&shape);
            fg_dense(shape, x.data, x.len, w.data, w.len, z.data, z.len, true, y.data, y.len, s.data, s.len, e)
        },
        want: &|i, o| {
            let [y, s] = o else { panic!() };
            dense(ctx(), &d, i[0], i[1], Some(i[2]), Fused::Relu, y, s).unwrap();
        },
        ..Default::default()
    }
    .test();
    Function {
        name: "fg_dense_backward_input",
        inputs: &[fill(1, 12), fill(2, 20)],
        outputs: &[fill(4, 15), scratch.clone()],
        any_length: &[3], // the three passes share one length, and this one needs less
        scratch: 1,
        call: &|b, by, e| unsafe {
            let [dy, w, dx, s] = b else { panic!() };
            let shape = by.pointer(&shape);
            fg_dense_backward_input(shape, dy.data, dy.len, w.data, w.len, dx.data, dx.len, s.data, s.len, e)
        },
        want: &|i, o| {
            let [dx, s] = o else { panic!() };
            dense_backward_input(ctx(), &d, i[0], i[1], dx, s).unwrap();
        },
        ..Default::default()
    }
    .test();
    Function {
        name: "fg_dense_backward_weight",
        inputs: &[fill(1, 15), fill(2, 12)],
        outputs: &[fill(4, 20), scratch.clone()],
        any_length: &[3], // the three passes share one length, and this one needs less
        scratch: 1,
        call: &|b, by, e| unsafe {
            let [x, dy, dw, s] = b else { panic!() };
            let shape = by.pointer(&shape);
            fg_dense_backward_weight(shape, x.data, x.len, dy.data, dy.len, true, dw.data, dw.len, s.data, s.len, e)
        },
        want: &|i, o| {
            let [dw, s] = o else { panic!() };
            dense_backward_weight(ctx(), &d, i[0], i[1], Update::Accumulate, dw, s).unwrap();
        },
        ..Default::default()
    }
    .test();
    Function {
        name: "fg_dense_backward_bias",
        inputs: &[fill(1, 12)],
        outputs: &[fill(4, 4)],
        call: &|b, by, e| unsafe {
            fg_dense_backward_bias(by.pointer(&shape), b[0].data, b[0].len, false, b[1].data, b[1].len, e)
        },
        want: &|i, o| dense_backward_bias(ctx(), &d, i[0], Update::Overwrite, o[0]).unwrap(),
        ..Default::default()
    }
    .test();
}

#[test]
fn convolutions() {
    let shape = fg_conv2d_shape {
        n: 2,
        in_channels: 4,
        h: 7,
        w: 6,
        out_channels: 6,
        kernel: [3, 2],
        stride: [2, 0],
        padding: [1, 1],
        groups: 2,
        ..Default::default()
    };
    let conv = Conv2d::new(2, [4, 7, 6], 6, [3, 2]).stride([2, 1]).padding([1, 1]).groups(2);
    let (x, w, y) = (conv.input_len(), conv.weight_len(), conv.output_len());
    assert_eq!(unsafe { (fg_conv2d_out_h(&shape), fg_conv2d_out_w(&shape)) }, (conv.out_h(), conv.out_w()));
    assert_eq!(unsafe { fg_conv2d_out_h(std::ptr::null()) }, 0);
    let lens = unsafe {
        [
            fg_conv2d_scratch_len(&shape),
            fg_conv2d_backward_input_scratch_len(&shape),
            fg_conv2d_backward_weight_scratch_len(&shape),
        ]
    };
    let scratch = lens.map(|len| vec![f32::NAN; len]);
    Function {
        name: "fg_conv2d",
        inputs: &[fill(1, x), fill(2, w), fill(3, 6)],
        outputs: &[fill(4, y), scratch[0].clone()],
        scratch: 1,
        call: &|b, by, e| unsafe {
            let [x, w, z, y, s] = b else { panic!() };
            let shape = by.pointer(&shape);
            fg_conv2d(shape, x.data, x.len, w.data, w.len, z.data, z.len, false, y.data, y.len, s.data, s.len, e)
        },
        want: &|i, o| {
            let [y, s] = o else { panic!() };
            conv2d(ctx(), &conv, i[0], i[1], Some(i[2]), Fused::None, y, s).unwrap();
        },
        ..Default::default()
    }
    .test();
    Function {
        name: "fg_conv2d_backward_input",
        inputs: &[fill(1, y), fill(2, w)],
        outputs: &[fill(4, x), scratch[1].clone()],
        scratch: 1,
        call: &|b, by, e| unsafe {
            let [dy, w, dx, s] = b else { panic!() };
            let shape = by.pointer(&shape);
            fg_conv2d_backward_input(shape, dy.data, dy.len, w.data, w.len, dx.data, dx.len, s.data, s.len, e)
        },
        want: &|i, o| {
            let [dx, s] = o else { panic!() };
            conv2d_backward_input(ctx(), &conv, i[0], i[1], dx, s).unwrap();
        },
        ..Default::default()
    }
    .test();
    Function {
        name: "fg_conv2d_backward_weight",
        inputs: &[fill(1, x), fill(2, y)],
        outputs: &[fill(4, w), scratch[2].clone()],
        scratch: 1,
        call: &|b, by, e| unsafe {
            let [x, dy, dw, s] = b else { panic!() };
            let shape = by.pointer(&shape);
            fg_conv2d_backward_weight(shape, x.data, x.len, dy.data, dy.len, true, dw.data, dw.len, s.data, s.len, e)
        },
        want: &|i, o| {
            let [dw, s] = o else { panic!() };
            conv2d_backward_weight(ctx(), &conv, i[0], i[1], Update::Accumulate, dw, s).unwrap();
        },
        ..Default::default()
    }
    .test();
    Function {
        name: "fg_conv2d_backward_bias",
        inputs: &[fill(1, y)],
        outputs: &[fill(4, 6)],
        call: &|b, by, e| unsafe {
            fg_conv2d_backward_bias(by.pointer(&shape), b[0].data, b[0].len, true, b[1].data, b[1].len, e)
        },
        want: &|i, o| conv2d_backward_bias(ctx(), &conv, i[0], Update::Accumulate, o[0]).unwrap(),
        ..Default::default()
    }
    .test();
}
