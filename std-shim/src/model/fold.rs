//! Weights whose layers do the work of others at test time.

use flatgrad_core::net::{Config, Kind, Optimizer, Plan, Role, TensorInfo, TensorName};

use super::network::{Edit, Folding};
use super::{LayerStore, Network, StateDict, Tensor, check_weights, flat_weights, named_weights};
use crate::error::Result;

/// A network and its weights after layers were folded into others.
#[derive(Clone, Debug)]
pub struct Folded {
    /// Without the batch norms that were folded, with a bias in every layer that took one, and with dropout in the
    /// inverted form wherever its factor was taken.
    pub network: Network,
    /// Its weights.
    pub weights: StateDict,
    /// What was folded, and what was not.
    pub report: FoldReport,
}

/// Which layers were folded into others. Layers have the numbers that they had before, in the order in which they run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FoldReport {
    /// Batch norms that are now a part of the convolution or dense layer before them.
    pub norms: Vec<usize>,
    /// Dropouts whose factor is now a part of the weights after them.
    pub dropouts: Vec<usize>,
    /// What stays: batch norms without a convolution or dense layer right before them, dropouts whose factor no such
    /// layer can take.
    pub stay: Vec<(usize, Kind)>,
}

/// Folds every batch norm into the convolution or dense layer right before it, and the factors that dropout multiplies
/// by at test time into the weights after it. The folded network infers the same but for rounding.
///
/// # Numerics
///
/// `w' = w * gamma / sqrt(var + eps)` and `b' = (b - mean) * gamma / sqrt(var + eps) + beta`, and `w' = w * keep` for
/// dropout, in f64, rounded to f32 once.
///
/// # Errors
///
/// As [`Network::net`]; [`Error::Weights`](crate::Error::Weights) if the weights are not those of the network, are not
/// finite, or would not be finite after folding.
///
/// ```
/// use flatgrad::model::{Network, StateDict, Tensor, fold};
/// let text = "input = [1, 1, 1]\nlayers = [{ kind = \"dense\", outputs = 1, bias = false }, \"batch_norm\"]";
/// let mut weights = StateDict::new();
/// weights.push("fc1.weight", &[1, 1], vec![3.0])?;
/// for (name, value) in [("weight", 2.0), ("bias", 0.5), ("running_mean", 1.0), ("running_var", 4.0 - 1e-5)] {
///     weights.push(format!("bn1.{name}"), &[1], vec![value])?;
/// }
/// weights.push_counter("bn1.num_batches_tracked", 7)?;
/// let folded = fold(&Network::parse("net.toml", text)?, &weights)?;
/// assert_eq!(folded.report.norms, [1]);
/// let bias = Tensor::F32 { shape: vec![1], data: vec![-0.5] };
/// assert_eq!(folded.weights.get("fc1.bias"), Some(&bias));
/// # Ok::<(), flatgrad::Error>(())
/// ```
pub fn fold(network: &Network, weights: &StateDict) -> Result<Folded> {
    folded(network, weights, true)
}

/// Brings all dropout into the inverted form, the only one that PyTorch has: of the other two, the factor of test time
/// becomes a part of the weights after it. Training then also gives what it gave, as `w * keep` meets `x / keep`.
///
/// # Errors
///
/// As [`fold`].
pub fn invert_dropout(network: &Network, weights: &StateDict) -> Result<Folded> {
    folded(network, weights, false)
}

impl Network {
    /// What [`fold`] makes of the network, without weights.
    ///
    /// ```
    /// use flatgrad::model::{Architecture, Network};
    /// let (folded, report) = Network::new(Architecture::ResNet8, [3, 32, 32], 10).folded();
    /// assert!(report.norms.len() == 7 && report.stay.is_empty() && !folded.to_toml().contains("batch_norm"));
    /// ```
    pub fn folded(&self) -> (Self, FoldReport) {
        let Folding { network, edits, stay, .. } = self.folding(true);
        (network, FoldReport::new(&edits, stay))
    }
}

impl FoldReport {
    fn new(edits: &[Edit], stay: Vec<(usize, Kind)>) -> Self {
        let mut report = Self { stay, ..Self::default() };
        for edit in edits {
            match *edit {
                Edit::Norm { norm, .. } => report.norms.push(norm),
                // One factor may go into several layers.
                Edit::Factor { of, .. } if report.dropouts.last() == Some(&of) => {}
                Edit::Factor { of, .. } => report.dropouts.push(of),
            }
        }
        report
    }
}

/// Weights with biases before batch norm for a network without them: `b` is subtracted from the batch norm's running
/// mean, which changes nothing that it computes, since `x + b - mean = x - (mean - b)`. Also gives the names of the
/// biases; none if there were none, or if the network has them.
///
/// # Numerics
///
/// `mean - b` in f64, rounded to f32 once.
///
/// # Errors
///
/// As [`Network::net`].
///
/// ```
/// use flatgrad::model::{Network, StateDict, fold_norm_biases};
/// let text = "input = [1, 1, 1]\nlayers = [{ kind = \"dense\", outputs = 1, bias = false }, \"batch_norm\"]";
/// let mut weights = StateDict::new();
/// weights.push("fc1.bias", &[1], vec![0.5])?;
/// weights.push("bn1.running_mean", &[1], vec![2.0])?;
/// let (weights, names) = fold_norm_biases(&Network::parse("net.toml", text)?, weights)?;
/// assert_eq!((weights.iter().count(), names), (1, vec!["fc1.bias".to_string()]));
/// # Ok::<(), flatgrad::Error>(())
/// ```
pub fn fold_norm_biases(network: &Network, weights: StateDict) -> Result<(StateDict, Vec<String>)> {
    let pairs = with_plan(network, |plan| Ok(biases(network, plan)))?;
    let numbers = |name: &str| match weights.get(name) {
        Some(Tensor::F32 { data, .. }) => Some(data),
        Some(Tensor::I64(_)) | None => None,
    };
    let known = |(bias, mean): &(String, String)| {
        numbers(bias).zip(numbers(mean)).is_some_and(|(bias, mean)| bias.len() == mean.len())
    };
    let pairs: Vec<_> = pairs.into_iter().filter(known).collect();
    let mut changed = StateDict::new();
    for (name, tensor) in weights.iter() {
        let bias = pairs.iter().find(|(_, mean)| mean == name).and_then(|(bias, _)| numbers(bias));
        match (tensor, bias) {
            _ if pairs.iter().any(|(bias, _)| bias == name) => {}
            (Tensor::F32 { shape, data }, Some(bias)) => {
                let moved = data.iter().zip(bias).map(|(mean, bias)| (f64::from(*mean) - f64::from(*bias)) as f32);
                changed.push(name, shape, moved.collect())?;
            }
            (Tensor::F32 { shape, data }, None) => changed.push(name, shape, data.clone())?,
            (Tensor::I64(count), _) => changed.push_counter(name, *count)?,
        }
    }
    Ok((changed, pairs.into_iter().map(|(bias, _)| bias).collect()))
}

/// The names of biases that layers before batch norm do not have, each with that of the norm's running mean.
fn biases(network: &Network, plan: &Plan) -> Vec<(String, String)> {
    let name = |layer: usize, role: Role| {
        let tensor = plan.tensors().find(|tensor| tensor.layer == layer)?;
        Some(TensorName { role, ..tensor.name }.to_string())
    };
    let has_bias = |layer: usize| plan.tensors().any(|t| t.layer == layer && t.name.role == Role::Bias);
    let mut last = None;
    let pair = |edit: Edit| match edit {
        Edit::Norm { norm, into, .. } if last != Some(into) && !has_bias(into) => {
            last = Some(into);
            name(into, Role::Bias).zip(name(norm, Role::RunningMean))
        }
        Edit::Norm { .. } | Edit::Factor { .. } => None,
    };
    network.folding(true).edits.into_iter().filter_map(pair).collect()
}

fn folded(network: &Network, weights: &StateDict, norms: bool) -> Result<Folded> {
    let batches = weights.iter().find_map(|(_, tensor)| match tensor {
        Tensor::I64(count) => Some(*count),
        Tensor::F32 { .. } => None,
    });
    let Folding { network: lean, edits, kept, stay } = network.folding(norms);
    let mut layers = with_plan(network, |plan| {
        let flat = flat_weights(plan, weights)?;
        check_weights(plan, &flat)?;
        Ok(Values::of(plan, &flat))
    })?;
    edits.iter().for_each(|edit| apply(&mut layers, *edit));
    let weights = with_plan(&lean, |plan| {
        let mut flat = vec![0.0; plan.weights_len()];
        for tensor in plan.tensors() {
            let values = kept.get(tensor.layer).and_then(|layer| layers.get_mut(*layer));
            let values = values.map(|values| std::mem::take(values.of_role(tensor.name.role)));
            let place = flat.get_mut(tensor.range()).unwrap_or_default();
            place.iter_mut().zip(values.unwrap_or_default()).for_each(|(place, value)| *place = value as f32);
        }
        check_weights(plan, &flat)?;
        named_weights(plan, &flat, batches.unwrap_or(0))
    })?;
    Ok(Folded { network: lean, weights, report: FoldReport::new(&edits, stay) })
}

/// The parameters of a layer, as they lie in the arena.
#[derive(Clone, Debug, Default)]
struct Values {
    weight: Vec<f64>,
    bias: Vec<f64>,
    mean: Vec<f64>,
    var: Vec<f64>,
    /// Outputs of the weight, and whether it is a dense layer's, where the weights of outputs lie side by side.
    outputs: usize,
    is_dense: bool,
}

impl Values {
    fn of(plan: &Plan, flat: &[f32]) -> Vec<Self> {
        let mut layers = vec![Self::default(); plan.layer_count()];
        for tensor in plan.tensors() {
            let Some(values) = layers.get_mut(tensor.layer) else { continue };
            if tensor.name.role == Role::Weight {
                (values.outputs, values.is_dense) = outputs(&tensor);
            }
            let data = flat.get(tensor.range()).unwrap_or_default();
            *values.of_role(tensor.name.role) = data.iter().map(|x| f64::from(*x)).collect();
        }
        layers
    }

    fn of_role(&mut self, role: Role) -> &mut Vec<f64> {
        match role {
            Role::Weight => &mut self.weight,
            Role::Bias => &mut self.bias,
            Role::RunningMean => &mut self.mean,
            Role::RunningVar => &mut self.var,
        }
    }

    /// Multiplies the weights of each output by its factor.
    fn scale(&mut self, factor: impl Fn(usize) -> f64) {
        let (outputs, is_dense) = (self.outputs.max(1), self.is_dense);
        let of_one = (self.weight.len() / outputs).max(1);
        for (i, weight) in self.weight.iter_mut().enumerate() {
            *weight *= factor(if is_dense { i % outputs } else { i / of_one });
        }
    }
}

/// How many outputs a weight has, and whether it is a dense layer's.
fn outputs(weight: &TensorInfo) -> (usize, bool) {
    let [first, second, ..] = weight.dims;
    if weight.is_dense_weight() { (second, true) } else { (first, false) }
}

fn apply(layers: &mut [Values], edit: Edit) {
    match edit {
        Edit::Norm { norm, eps, into } => {
            let Some(norm) = layers.get(norm).cloned() else { return };
            let Some(layer) = layers.get_mut(into) else { return };
            let factors = norm.weight.iter().zip(&norm.var);
            let factors: Vec<f64> = factors.map(|(gamma, var)| gamma / (var + f64::from(eps)).sqrt()).collect();
            layer.scale(|output| factors.get(output).copied().unwrap_or(1.0));
            layer.bias.resize(factors.len(), 0.0);
            let shifts = factors.iter().zip(&norm.mean).zip(&norm.bias);
            for (bias, ((factor, mean), beta)) in layer.bias.iter_mut().zip(shifts) {
                *bias = (*bias - mean) * factor + beta;
            }
        }
        Edit::Factor { factor, into, .. } => {
            if let Some(layer) = layers.get_mut(into) {
                layer.scale(|_| f64::from(factor));
            }
        }
    }
}

/// A plan for one sample; the order of weights does not depend on the batch.
fn with_plan<T>(network: &Network, task: impl FnOnce(&Plan) -> Result<T>) -> Result<T> {
    let store = LayerStore::default();
    let net = network.net(&store)?;
    let plan = Plan::try_new(&net, Config::new(1, Optimizer::sgd(1.0))).map_err(|error| network.explain(error))?;
    task(&plan)
}
