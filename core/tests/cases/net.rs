//! Rows of `net`.

use super::{Call, Case, Draw, Output};
use flatgrad_core::conv::Conv2d;
use flatgrad_core::net::{Config, Everything, Layer, Net, Optimizer, Plan, infer, infer_linked};
use flatgrad_core::{Error, Fused, reference};

pub const CASES: [Case; 1] = [Case { covers: &["net::infer", "net::infer_linked"], make: network }];

const LAYERS: [Layer; 5] =
    [Layer::conv2d(5, 3).padding(1), Layer::relu(), Layer::flatten(), Layer::dropout(0.5), Layer::dense(7)];

/// A small network against the plain loops of its layers.
fn network(draw: &mut Draw) -> Call {
    let (n, batch_more) = (draw.size(1, 9, 33), draw.size(0, 3, 0));
    let net = Net::try_new([2, 9, 11], &LAYERS).unwrap();
    let plan = Plan::try_new(&net, Config::new(n + batch_more, Optimizer::sgd(0.1)).threads(3)).unwrap();
    let (weights, x) = (draw.values(plan.weights_len()), draw.finite(n * 198));
    let (conv, rest) = weights.split_at(5 * 2 * 9 + 5);
    let mut hidden = vec![0.0; n * 5 * 99];
    let shape = Conv2d::new(n, [2, 9, 11], 5, [3, 3]).padding([1, 1]);
    reference::conv::conv2d(&shape, &x, &conv[..90], Some(&conv[90..]), Fused::Relu, &mut hidden);
    let (weight, bias) = rest.split_at(5 * 99 * 7);
    let mut want = vec![0.0; n * 7];
    reference::gemm::dense([n, 5 * 99, 7], &hidden, weight, Some(bias), Fused::None, &mut want);
    Call {
        what: format!("{n} samples"),
        inputs: vec![weights, x],
        outputs: vec![Output::new(want), Output::scratch(plan.infer_work_len())],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| {
            let ([weights, x], [y, work]) = (inputs, outputs) else { unreachable!() };
            // The kernel gives a part of its work memory; a caller copies it.
            if y.len() != n * 7 {
                return Err(Error::Length { what: "y", expected: n * 7, actual: y.len() });
            }
            y.copy_from_slice(infer(ctx, &plan, weights, x, work)?);
            let linked = infer_linked::<Everything>(ctx, &plan, weights, x, work)?;
            assert!(y.iter().zip(linked).all(|(a, b)| a.to_bits() == b.to_bits()));
            Ok(())
        }),
    }
}
