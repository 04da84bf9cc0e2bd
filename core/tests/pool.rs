//! Pooling: finite differences, invariants, edge cases, refusals. That the kernels have the bits of the plain loops is
//! tested over the list of cases (`kernels.rs`).

mod common;
use common::{Guarded, assert_bits, contexts, numbers, slopes};
use flatgrad_core::pool::*;
use flatgrad_core::reference;
use flatgrad_core::{Context, Error, Isa};

fn ctx() -> Context<'static> {
    Context::serial(Isa::detect())
}

/// Every width has its own tails, and every window its own taps in the padding.
#[test]
fn all_widths() {
    for w in (2..20).chain([31, 32, 33, 34, 63, 64, 65, 66, 67, 97, 130, 131]) {
        for (h, kernel, stride, padding) in [
            (2, [2, 2], [2, 2], [0, 0]),
            (3, [2, 2], [2, 2], [0, 0]),
            (5, [3, 2], [2, 2], [1, 1]),
            (3, [1, 2], [1, 1], [0, 1]),
        ] {
            let max = MaxPool2d::new(2, [3, h, w], kernel).stride(stride).padding(padding);
            let avg = AvgPool2d::new(2, [3, h, w], kernel).stride(stride).padding(padding);
            let x: Vec<f32> = numbers(max.input_len(), 2).iter().map(|x| (x * 3.0).trunc()).collect();
            let dy: Vec<f32> = numbers(max.output_len(), 7).iter().map(|x| x * (x.abs() > 0.1) as u32 as f32).collect();
            let mut want = [0; 2].map(|_| (vec![f32::NAN; dy.len()], vec![f32::NAN; x.len()]));
            reference::pool::max_pool2d(&max, &x, &mut want[0].0);
            reference::pool::max_pool2d_backward(&max, &x, &dy, &mut want[0].1);
            reference::pool::avg_pool2d(&avg, &x, &mut want[1].0);
            reference::pool::avg_pool2d_backward(&avg, &dy, &mut want[1].1);
            for (name, ctx) in contexts().iter().filter(|(_, ctx)| ctx.threads() == 1) {
                let (mut y, mut dx) = (Guarded::garbage(dy.len(), 1), Guarded::garbage(x.len(), 3));
                max_pool2d(*ctx, &max, &x, &mut y).unwrap();
                max_pool2d_backward(*ctx, &max, &x, &dy, &mut dx).unwrap();
                assert_bits(&format!("{name}, {max:?}"), y.get(), &want[0].0);
                assert_bits(&format!("{name}, {max:?}"), dx.get(), &want[0].1);
                avg_pool2d(*ctx, &avg, &x, &mut y).unwrap();
                avg_pool2d_backward(*ctx, &avg, &dy, &mut dx).unwrap();
                assert_bits(&format!("{name}, {avg:?}"), y.get(), &want[1].0);
                assert_bits(&format!("{name}, {avg:?}"), dx.get(), &want[1].1);
            }
        }
    }
}

#[test]
fn nan_and_infinities() {
    let (nan, mut y) = (f32::NAN, [0.0]);
    for (name, ctx) in contexts() {
        for at in 0..9 {
            let mut x = [1.0, f32::INFINITY, 3.0, -1.0, 2.0, f32::NEG_INFINITY, 5.0, -5.0, 0.0];
            x[at] = nan;
            max_pool2d(ctx, &MaxPool2d::new(1, [1, 3, 3], [3, 3]), &x, &mut y).unwrap();
            assert!(y[0].is_nan(), "{name}: NaN at {at}");
            let mut y = [0.0; 4];
            max_pool2d(ctx, &MaxPool2d::new(1, [1, 3, 3], [2, 2]).stride([1, 1]), &x, &mut y).unwrap();
            let under = [[0, 1, 3, 4], [1, 2, 4, 5], [3, 4, 6, 7], [4, 5, 7, 8]];
            assert!(under.iter().zip(y).all(|(window, y)| window.contains(&at) == y.is_nan()), "{name}: NaN at {at}");
        }
        let shape = MaxPool2d::new(1, [1, 2, 2], [2, 2]).stride([1, 1]);
        let mut dx = [7.0; 4];
        max_pool2d_backward(ctx, &shape, &[f32::NEG_INFINITY; 4], &[3.0], &mut dx).unwrap();
        assert_eq!(dx, [3.0, 0.0, 0.0, 0.0], "{name}: of equal elements the first");
        max_pool2d_backward(ctx, &shape, &[nan, 1.0, nan, 2.0], &[3.0], &mut dx).unwrap();
        assert_eq!(dx, [0.0, 0.0, 3.0, 0.0], "{name}: the last NaN");
    }
}

/// The padding of an average counts or does not, but never brings in a NaN or an infinity from the next row.
#[test]
fn neighbouring_rows_do_not_leak_into_the_padding() {
    for (name, ctx) in contexts() {
        for count in [false, true] {
            let shape = AvgPool2d::new(1, [1, 3, 5], [3, 3]).stride([1, 1]).padding([1, 1]).count_include_pad(count);
            let mut x = [1.0; 15];
            x[5] = f32::INFINITY; // the first of the middle row follows the last of the row above
            let mut y = [0.0; 15];
            avg_pool2d(ctx, &shape, &x, &mut y).unwrap();
            for (i, y) in y.iter().enumerate() {
                assert_eq!(y.is_infinite(), i % 5 < 2, "{name}: element {i} is {y}");
            }
        }
    }
}

#[test]
fn constants_stay_constant_where_padding_does_not_count() {
    let shape = AvgPool2d::new(2, [3, 6, 7], [3, 4]).stride([2, 1]).padding([1, 2]).count_include_pad(false);
    let mut y = vec![f32::NAN; shape.output_len()];
    avg_pool2d(ctx(), &shape, &vec![2.5; shape.input_len()], &mut y).unwrap();
    assert_eq!(y, vec![2.5; shape.output_len()]);
}

#[test]
fn windows_that_tile_the_input_conserve_the_sum() {
    for (kernel, stride) in [([2, 2], [2, 2]), ([1, 4], [1, 4]), ([4, 1], [4, 1])] {
        let shape = AvgPool2d::new(2, [3, 8, 12], kernel).stride(stride);
        // Whole numbers and counts that are powers of two: every sum is exact.
        let dy: Vec<f32> = (0..shape.output_len()).map(|i| (i * 31 % 64) as f32).collect();
        let mut dx = vec![f32::NAN; shape.input_len()];
        avg_pool2d_backward(ctx(), &shape, &dy, &mut dx).unwrap();
        assert_eq!(dx.iter().sum::<f32>(), dy.iter().sum::<f32>());
    }
}

#[test]
fn a_window_over_the_whole_image_is_the_global_average() {
    let x: Vec<f32> = (0..3 * 35).map(|i| (i * 31 % 64) as f32).collect();
    let (mut y, mut whole, mut dx, mut dwhole) = ([0.0; 3], [0.0; 3], [0.0; 105], [0.0; 105]);
    let shape = AvgPool2d::new(1, [3, 5, 7], [5, 7]);
    avg_pool2d(ctx(), &shape, &x, &mut y).unwrap();
    global_avg_pool(ctx(), [1, 3, 35], &x, &mut whole).unwrap();
    assert_eq!(y, whole);
    avg_pool2d_backward(ctx(), &shape, &[35.0, 70.0, -35.0], &mut dx).unwrap();
    global_avg_pool_backward(ctx(), [1, 3, 35], &[35.0, 70.0, -35.0], &mut dwhole).unwrap();
    assert_eq!((dx, dwhole[34..36].to_vec()), (dwhole, vec![1.0, 2.0]));
}

#[test]
fn one_dimension_is_an_image_of_height_one() {
    let x = [1.0, 5.0, 2.0, -3.0, 4.0];
    let mut y = [0.0; 3];
    let shape = MaxPool2d::new_1d(1, [1, 5], 3).stride([1, 2]).padding([0, 1]);
    max_pool2d(ctx(), &shape, &x, &mut y).unwrap();
    assert_eq!(y, [5.0, 5.0, 4.0]);
    let shape = AvgPool2d::new_1d(1, [1, 5], 2).stride([1, 2]).padding([0, 1]);
    avg_pool2d(ctx(), &shape, &x, &mut y).unwrap();
    assert_eq!(y, [0.5, 3.5, 0.5]);
    avg_pool2d(ctx(), &shape.count_include_pad(false), &x, &mut y).unwrap();
    assert_eq!(y, [1.0, 3.5, 0.5]);
}

#[test]
fn gradient_of_the_maximum_by_finite_differences() {
    for [kernel, stride, padding] in [[[3, 3], [2, 2], [1, 1]], [[2, 3], [1, 1], [0, 1]], [[2, 2], [2, 3], [0, 0]]] {
        let shape = MaxPool2d::new(2, [2, 6, 7], kernel).stride(stride).padding(padding);
        // Distinct whole numbers: a small step does not change which one is largest.
        let x: Vec<f32> = (0..shape.input_len()).map(|i| (i * 53 % shape.input_len()) as f32).collect();
        let dy = numbers(shape.output_len(), 6);
        let mut dx = vec![f32::NAN; x.len()];
        max_pool2d_backward(ctx(), &shape, &x, &dy, &mut dx).unwrap();
        let want = slopes(&x, |x| {
            windows(kernel, stride, padding, 4, [6, 7], &dy, |elements, _| {
                elements.iter().map(|&i| x[i]).fold(f64::NEG_INFINITY, f64::max)
            })
        });
        common::assert_close(&format!("{shape:?}"), &dx, &want, 1e-5, 1.0);
    }
}

#[test]
fn gradient_of_the_average_by_finite_differences() {
    for [kernel, stride, padding] in [[[3, 3], [2, 2], [1, 1]], [[2, 3], [1, 1], [0, 1]], [[2, 2], [2, 3], [1, 1]]] {
        for count in [true, false] {
            let shape = AvgPool2d::new(2, [2, 6, 7], kernel).stride(stride).padding(padding).count_include_pad(count);
            let (x, dy) = (numbers(shape.input_len(), 5), numbers(shape.output_len(), 6));
            let mut dx = vec![f32::NAN; x.len()];
            avg_pool2d_backward(ctx(), &shape, &dy, &mut dx).unwrap();
            let want = slopes(&x, |x| {
                windows(kernel, stride, padding, 4, [6, 7], &dy, |elements, size| {
                    let n = if count { size } else { elements.len() };
                    elements.iter().map(|&i| x[i]).sum::<f64>() / n as f64
                })
            });
            common::assert_close(&format!("{shape:?}"), &dx, &want, 1e-5, 1.0);
        }
    }
    let (x, dy, mut dx) = (numbers(42, 5), numbers(6, 6), [f32::NAN; 42]);
    global_avg_pool_backward(ctx(), [2, 3, 7], &dy, &mut dx).unwrap();
    let want = slopes(&x, |x| x.chunks(7).zip(&dy).map(|(x, dy)| x.iter().sum::<f64>() / 7.0 * *dy as f64).sum());
    common::assert_close("global", &dx, &want, 1e-5, 1.0);
}

/// The sum over all windows of `dy * f(indices of its elements in the image, its size)`.
fn windows(
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
    planes: usize,
    size: [usize; 2],
    dy: &[f32],
    f: impl Fn(&[usize], usize) -> f64,
) -> f64 {
    let out = [0, 1].map(|d| (size[d] + 2 * padding[d] - kernel[d]) / stride[d] + 1);
    let place = |o: usize, k: usize, d: usize| (o * stride[d] + k).checked_sub(padding[d]).filter(|i| *i < size[d]);
    (0..planes * out[0] * out[1])
        .map(|o| {
            let (plane, oy, ox) = (o / (out[0] * out[1]), o / out[1] % out[0], o % out[1]);
            let taps = (0..kernel[0]).flat_map(|ky| (0..kernel[1]).map(move |kx| (ky, kx)));
            let at = |(ky, kx)| Some((plane * size[0] + place(oy, ky, 0)?) * size[1] + place(ox, kx, 1)?);
            f(&taps.filter_map(at).collect::<Vec<_>>(), kernel[0] * kernel[1]) * dy[o] as f64
        })
        .sum()
}

#[test]
fn wrong_shapes_and_lengths_are_refused_and_nothing_is_written() {
    let good = MaxPool2d::new(1, [1, 4, 4], [2, 2]);
    let x = [1.0; 16];
    let (mut y, mut dx) = ([7.0; 4], [7.0; 16]);
    let mut refused = |shape: MaxPool2d, what: &str| {
        let error = max_pool2d(ctx(), &shape, &x, &mut y).unwrap_err();
        assert!(matches!(error, Error::Dimension { what: w, .. } if w == what), "{error:?}");
        assert_eq!(max_pool2d_backward(ctx(), &shape, &x, &x[..4], &mut dx), Err(error));
        let MaxPool2d { n, channels, h, w, kernel, stride, padding } = shape;
        let shape = AvgPool2d::new(n, [channels, h, w], kernel).stride(stride).padding(padding);
        assert_eq!(avg_pool2d(ctx(), &shape, &x, &mut y), Err(error));
        assert_eq!(avg_pool2d_backward(ctx(), &shape, &x[..4], &mut dx), Err(error));
    };
    refused(MaxPool2d::new(1, [1, 4, 4], [0, 2]), "kernel");
    refused(MaxPool2d::new(1, [1, 4, 4], [5, 2]), "kernel");
    refused(good.stride([2, 0]), "stride");
    refused(good.padding([2, 0]), "padding");
    refused(MaxPool2d::new(1, [1, 0, 4], [1, 1]), "input height and width");
    let huge = MaxPool2d::new(usize::MAX, [2, 4, 4], [2, 2]);
    assert_eq!(max_pool2d(ctx(), &huge, &x, &mut y), Err(Error::Overflow { what: "x" }));
    let none = Error::Dimension { what: "spatial", requires: "at least 1", actual: 0 };
    assert_eq!(global_avg_pool(ctx(), [2, 2, 0], &[], &mut y), Err(none));
    assert_eq!(global_avg_pool_backward(ctx(), [2, 2, 0], &[0.0; 4], &mut dx), Err(none));
    let overflow = Err(Error::Overflow { what: "x" });
    assert_eq!(global_avg_pool(ctx(), [usize::MAX, 2, 1], &x, &mut y), overflow);
    assert_eq!((y, dx), ([7.0; 4], [7.0; 16]));
}

/// Windows much larger than the image, which the padding allows, are not walked outside it.
#[test]
fn huge_windows() {
    let half = usize::MAX / 4;
    let max = MaxPool2d::new(1, [1, 1, 2], [2 * half; 2]).stride([1, 2]).padding([half; 2]);
    let avg = AvgPool2d::new(1, [1, 1, 2], [2 * half; 2]).stride([1, 2]).padding([half; 2]).count_include_pad(false);
    assert_eq!((max.out_h(), max.out_w()), (2, 2));
    let mut y = [0.0; 4];
    max_pool2d(ctx(), &max, &[1.0, 2.0], &mut y).unwrap();
    assert_eq!(y, [2.0; 4]);
    avg_pool2d(ctx(), &avg, &[1.0, 2.0], &mut y).unwrap();
    assert_eq!(y, [1.5; 4]);
}
