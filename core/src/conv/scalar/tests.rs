//! The loops around the kernels against the loops that define the bits, on the host with the plain kernels.

extern crate std;

use super::{Scalar, ScalarWeightPass, parts};
use crate::conv::shape::Conv2d;
use crate::conv::strips::{Correlation, Direction, Source};
use crate::conv::ways::{All, Uses, Ways};
use crate::gemm::scalar::tests::numbers;
use crate::gemm::{self, Tiles};
use crate::{Fused, Update, reference};

#[track_caller]
fn same(got: &[f32], want: &[f32], conv: &Conv2d) {
    assert_eq!(got.len(), want.len());
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        assert_eq!(got.to_bits(), want.to_bits(), "element {i}: {got:e}, expected {want:e}; {conv:?}");
    }
}

const fn same_padding(conv: Conv2d) -> Conv2d {
    conv.padding([1, 1])
}

const CONVS: [Conv2d; 19] = [
    same_padding(Conv2d::new(2, [3, 9, 8], 4, [3, 3])),
    same_padding(Conv2d::new(1, [2, 5, 19], 5, [3, 3])),
    same_padding(Conv2d::new(1, [1, 12, 11], 1, [3, 3])),
    same_padding(Conv2d::new(2, [4, 4, 4], 7, [3, 3])),
    same_padding(Conv2d::new(1, [4, 10, 9], 6, [3, 3]).groups(2)),
    same_padding(Conv2d::new(1, [5, 9, 10], 5, [3, 3]).groups(5)),
    Conv2d::new(1, [2, 12, 12], 3, [3, 3]).padding([2, 2]),
    Conv2d::new(1, [2, 12, 12], 3, [3, 3]),
    Conv2d::new(2, [3, 9, 7], 8, [5, 5]).stride([2, 2]).padding([2, 2]),
    Conv2d::new(1, [3, 9, 9], 4, [3, 2]).stride([2, 3]).padding([1, 2]),
    Conv2d::new(1, [6, 9, 7], 6, [3, 3]).padding([2, 2]).dilation([2, 2]).groups(3),
    Conv2d::new(2, [6, 5, 5], 8, [1, 1]).groups(2),
    Conv2d::new(1, [7, 6, 3], 3, [1, 1]),
    Conv2d::new(1, [4, 5, 5], 3, [1, 1]).stride([2, 2]),
    Conv2d::new_1d(2, [20, 23], 5, 6).stride([1, 2]).padding([0, 2]),
    Conv2d::new(1, [130, 12, 12], 2, [3, 3]).padding([1, 1]), // several blocks of channels
    Conv2d::new(1, [1, 13, 13], 2, [11, 11]),
    same_padding(Conv2d::new(1, [3, 3, 67], 2, [3, 3])), // several strips in a row
    same_padding(Conv2d::new(0, [3, 3, 9], 2, [3, 3])),
];

/// A program with one of the convolutions.
struct Only<const I: usize>;

impl<const I: usize> gemm::Uses for Only<I> {
    const ANY_LAYOUT: bool = false;
    const TILES: Tiles = parts(&CONVS[I], true).1;
}

impl<const I: usize> Uses for Only<I> {
    const WAYS: Ways = parts(&CONVS[I], true).0;
}

fn check<U: Uses>(conv: &Conv2d) {
    let (x, w, b) = (numbers(conv.input_len(), 1), numbers(conv.weight_len(), 2), numbers(conv.out_channels, 3));
    let dy = numbers(conv.output_len(), 4);
    for bias in [None, Some(&b[..])] {
        let (mut got, mut want) = (std::vec![f32::NAN; dy.len()], std::vec![f32::NAN; dy.len()]);
        let pass = Scalar(Correlation::new::<U>(conv, Direction::Forward));
        let mut scratch = std::vec![f32::NAN; pass.scratch_len::<U>()];
        pass.part::<U>(0, Source { from: &x, weight: &w, bias, activation: Fused::Relu }, &mut got, &mut scratch);
        reference::conv::conv2d(conv, &x, &w, bias, Fused::Relu, &mut want);
        same(&got, &want, conv);
    }
    let (mut got, mut want) = (std::vec![f32::NAN; x.len()], std::vec![f32::NAN; x.len()]);
    let pass = Scalar(Correlation::new::<U>(conv, Direction::Backward));
    let mut scratch = std::vec![f32::NAN; pass.scratch_len::<U>()];
    pass.part::<U>(0, Source { from: &dy, weight: &w, bias: None, activation: Fused::None }, &mut got, &mut scratch);
    reference::conv::conv2d_backward_input(conv, &dy, &w, &mut want);
    same(&got, &want, conv);
    for update in [Update::Overwrite, Update::Accumulate] {
        let (mut got, mut want) = (std::vec![-0.0; w.len()], std::vec![-0.0; w.len()]);
        let pass = ScalarWeightPass::new::<U>(conv);
        let mut scratch = std::vec![f32::NAN; pass.scratch_len::<U>()];
        pass.part::<U>(0, &x, &dy, update, &mut got, &mut scratch);
        reference::conv::conv2d_backward_weight(conv, &x, &dy, update, &mut want);
        same(&got, &want, conv);
    }
}

#[test]
fn convolutions_have_the_bits_of_plain_loops() {
    CONVS.iter().for_each(check::<All>);
}

/// The plain kernels assert that their tiles are linked.
#[test]
fn programs_with_one_convolution_have_all_that_it_needs() {
    macro_rules! each {
        ($($i:literal)+) => {
            $(check::<Only<$i>>(&CONVS[$i]);)+
            assert_eq!([$($i),+].len(), CONVS.len());
        };
    }
    each!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18);
}
