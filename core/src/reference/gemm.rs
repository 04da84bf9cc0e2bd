//! Matrix products and dense layers.

use super::fma;
use crate::gemm::{Bias, Epilogue};
use crate::{Fused, Mat, Update};

/// `c = activation([c +] a b + bias)`, `c` row-major: the definition of [`gemm`](crate::gemm::gemm)'s bits.
///
/// ```
/// use flatgrad_core::{Mat, Update, gemm::Epilogue, reference};
/// let (a, b, mut c) = ([1.0, 2.0], [3.0, 4.0], [10.0]);
/// let (a, b) = (Mat::new(&a, 1, 2)?, Mat::new(&b, 2, 1)?);
/// reference::gemm::gemm(a, b, Update::Accumulate, Epilogue::NONE, &mut c);
/// assert_eq!(c, [21.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn gemm(a: Mat, b: Mat, update: Update, epilogue: Epilogue, c: &mut [f32]) {
    let (n, k) = (b.cols(), a.cols());
    for (place, c) in c.iter_mut().enumerate() {
        let (i, j) = (place / n, place % n);
        let mut acc = if update == Update::Accumulate { *c } else { 0.0 };
        for p in 0..k {
            acc = fma(a.get(i, p).unwrap_or(f32::NAN), b.get(p, j).unwrap_or(f32::NAN), acc);
        }
        match epilogue.bias {
            Bias::None => {}
            Bias::PerRow(bias) => acc += bias[i],
            Bias::PerCol(bias) => acc += bias[j],
        }
        *c = match epilogue.activation {
            Fused::None => acc,
            Fused::Relu => {
                if 0.0 > acc {
                    0.0
                } else {
                    acc
                }
            }
        };
    }
}

/// `y[s][o] = activation(sum over i of x[s][i] weight[i][o] + bias[o])` for `i` ascending: the definition of
/// [`dense`](crate::dense::dense).
pub fn dense(
    [n, inputs, outputs]: [usize; 3],
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    activation: Fused,
    y: &mut [f32],
) {
    for s in 0..n {
        for o in 0..outputs {
            let mut acc = 0.0;
            for i in 0..inputs {
                acc = fma(x[s * inputs + i], weight[i * outputs + o], acc);
            }
            if let Some(bias) = bias {
                acc += bias[o];
            }
            if activation == Fused::Relu && 0.0 > acc {
                acc = 0.0;
            }
            y[s * outputs + o] = acc;
        }
    }
}

/// `dx[s][i] = sum over o of dy[s][o] weight[i][o]` for `o` ascending.
pub fn dense_backward_input([n, inputs, outputs]: [usize; 3], dy: &[f32], weight: &[f32], dx: &mut [f32]) {
    for s in 0..n {
        for i in 0..inputs {
            let mut acc = 0.0;
            for o in 0..outputs {
                acc = fma(dy[s * outputs + o], weight[i * outputs + o], acc);
            }
            dx[s * inputs + i] = acc;
        }
    }
}

/// `dw[i][o] = [dw[i][o] +] sum over s of x[s][i] dy[s][o]` for `s` ascending.
pub fn dense_backward_weight([n, inputs, outputs]: [usize; 3], x: &[f32], dy: &[f32], update: Update, dw: &mut [f32]) {
    for i in 0..inputs {
        for o in 0..outputs {
            let dw = &mut dw[i * outputs + o];
            let mut acc = if update == Update::Accumulate { *dw } else { 0.0 };
            for s in 0..n {
                acc = fma(x[s * inputs + i], dy[s * outputs + o], acc);
            }
            *dw = acc;
        }
    }
}

/// `db[o] = [db[o] +] sum over s of dy[s][o]` for `s` ascending, by plain additions.
pub fn dense_backward_bias([n, outputs]: [usize; 2], dy: &[f32], update: Update, db: &mut [f32]) {
    for o in 0..outputs {
        let mut acc = if update == Update::Accumulate { db[o] } else { 0.0 };
        for s in 0..n {
            acc += dy[s * outputs + o];
        }
        db[o] = acc;
    }
}
