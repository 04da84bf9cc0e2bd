//! Weights in one slice, as an arena holds them, and under names.

use flatgrad_core::net::{Plan, Role, Slot, TensorInfo};
use sha2::{Digest, Sha256};

use super::{StateDict, Tensor};
use crate::error::{Error, Result};
use crate::files::hexadecimal;

/// The weights of a network, in the order in which its arena holds them, under PyTorch's names and in its order;
/// `batches` is what batch norms have counted (`num_batches_tracked`, after their running averages).
///
/// # Errors
///
/// [`Error::Weights`] unless there are [`Plan::weights_len`] of them.
///
/// ```
/// use flatgrad::model::{Architecture, LayerStore, Network, flat_weights, named_weights};
/// use flatgrad_core::net::{Config, Optimizer, Plan};
/// let store = LayerStore::default();
/// let net = Network::new(Architecture::Tiny, [1, 8, 8], 10).net(&store)?;
/// let plan = Plan::try_new(&net, Config::new(1, Optimizer::sgd(0.1))).unwrap();
/// let weights: Vec<f32> = (0..1_898u16).map(f32::from).collect();
/// let named = named_weights(&plan, &weights, 0)?;
/// assert_eq!(flat_weights(&plan, &named)?, weights);
/// # Ok::<(), flatgrad::Error>(())
/// ```
pub fn named_weights(plan: &Plan<impl AsRef<[Slot]>>, weights: &[f32], batches: i64) -> Result<StateDict> {
    if weights.len() != plan.weights_len() {
        let fault = format!("the network has {} weights, got {}", plan.weights_len(), weights.len());
        return Err(Error::weights("weights", fault));
    }
    let mut dict = StateDict::new();
    for tensor in plan.tensors() {
        let name = tensor.name.to_string();
        let data = weights.get(tensor.range()).ok_or_else(|| Error::weights(&name, "outside the weights"))?;
        match tensor.shape() {
            &[inputs, outputs] if tensor.is_dense_weight() => dict.push_dense(name, [inputs, outputs], data)?,
            shape => dict.push(name, shape, data.to_vec())?,
        }
        if tensor.name.role == Role::RunningVar {
            dict.push_counter(counter(&tensor), batches)?;
        }
    }
    Ok(dict)
}

/// The way back: the weights of a state dict in the order of the arena, ready for
/// [`Trainer::weights_mut`](flatgrad_core::net::Trainer::weights_mut) or [`infer`](flatgrad_core::net::infer).
///
/// # Errors
///
/// [`Error::Weights`] that names the first tensor that is missing or of another shape, or that the network does not
/// have.
pub fn flat_weights(plan: &Plan, dict: &StateDict) -> Result<Vec<f32>> {
    let mut weights = vec![0.0; plan.weights_len()];
    let mut known = Vec::new();
    for tensor in plan.tensors() {
        let name = tensor.name.to_string();
        let shape = torch_shape(&tensor);
        let data = match dict.get(&name) {
            Some(Tensor::F32 { shape: found, data }) if *found == shape => data,
            Some(Tensor::F32 { shape: found, .. }) => {
                return Err(Error::weights(name, format!("is {found:?}; the network's is {shape:?}")));
            }
            Some(Tensor::I64(_)) => return Err(Error::weights(name, "is a counter; the network has numbers there")),
            None => return Err(Error::weights(name, format!("is missing; the network has {shape:?} there"))),
        };
        let place = weights.get_mut(tensor.range()).ok_or_else(|| Error::weights(&name, "outside the weights"))?;
        match shape[..] {
            [outputs, inputs] => untranspose([outputs, inputs], data, place),
            _ => place.copy_from_slice(data),
        }
        if tensor.name.role == Role::RunningVar {
            known.push(counter(&tensor));
        }
        known.push(name);
    }
    match dict.iter().find(|(name, _)| !known.iter().any(|k| k == name)) {
        Some((name, _)) => Err(Error::weights(name, "the network has no tensor of this name")),
        None => Ok(weights),
    }
}

/// Refuses weights with which nothing can be computed: numbers that are not finite, variances below 0.
///
/// # Errors
///
/// [`Error::Weights`] that names the tensor and the element.
pub fn check_weights(plan: &Plan, weights: &[f32]) -> Result {
    for tensor in plan.tensors() {
        let is_variance = tensor.name.role == Role::RunningVar;
        let wrong = |x: &f32| !x.is_finite() || (is_variance && *x < 0.0);
        let found = weights.get(tensor.range()).unwrap_or_default();
        if let Some(i) = found.iter().position(wrong) {
            let what = if is_variance { "a variance is finite and not negative" } else { "weights are finite" };
            let fault =
                format!("element {i} of {}, number {} of all, is {}: {what}", found.len(), tensor.offset + i, found[i]);
            return Err(Error::weights(tensor.name, fault));
        }
    }
    Ok(())
}

/// The SHA-256 of weights in the order of the arena, in hexadecimal: of their bytes, little-endian. A device can hash
/// its memory as it is, and `sha256sum` a raw export.
///
/// [`StateDict::sha256`] is another hash: PyTorch's layouts enter there, in which the weights of dense layers are
/// transposed.
///
/// ```
/// let zeros = flatgrad::model::raw_sha256(&[0.0; 8]);
/// assert_eq!(zeros, "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925");
/// ```
pub fn raw_sha256(weights: &[f32]) -> String {
    let mut hash = Sha256::new();
    weights.iter().for_each(|weight| hash.update(weight.to_le_bytes()));
    hexadecimal(hash)
}

fn counter(tensor: &TensorInfo) -> String {
    format!("{}{}.num_batches_tracked", tensor.name.stem, tensor.name.ordinal)
}

/// The shape under which PyTorch keeps it.
fn torch_shape(tensor: &TensorInfo) -> Vec<usize> {
    let mut shape = tensor.shape().to_vec();
    if tensor.is_dense_weight() {
        shape.reverse();
    }
    shape
}

/// `[outputs, inputs]` to `[inputs, outputs]`.
fn untranspose([outputs, inputs]: [usize; 2], data: &[f32], place: &mut [f32]) {
    for (i, row) in place.chunks_exact_mut(outputs.max(1)).enumerate() {
        for (o, element) in row.iter_mut().enumerate() {
            *element = data[o * inputs + i];
        }
    }
}
