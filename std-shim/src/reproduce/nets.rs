//! The networks of several experiments.

use flatgrad_core::init::Init;
use flatgrad_core::net::{Layer, Net};

use super::lab::Lab;
use crate::error::Result;

/// Dense layers with rectifiers between them.
pub(super) fn mlp(lab: &Lab, hidden: &[usize]) -> Vec<Layer<'static>> {
    let mut layers = vec![Layer::flatten()];
    hidden.iter().for_each(|&units| layers.extend([Layer::dense(units), Layer::relu()]));
    layers.push(Layer::dense(classes(lab)));
    layers
}

/// The network of Ioffe and Szegedy's section 4.1: three hidden layers of 100 sigmoids, Gaussian weights with a
/// small deviation `std`, with batch norm before each sigmoid or without.
pub(super) fn sigmoids(lab: &Lab, batch_norm: bool, std: f32) -> Vec<Layer<'static>> {
    let init = Init::Normal { std };
    let mut layers = vec![Layer::flatten()];
    for _ in 0..3 {
        match batch_norm {
            true => layers.extend([Layer::dense(100).init(init).no_bias(), Layer::batch_norm(), Layer::sigmoid()]),
            false => layers.extend([Layer::dense(100).init(init), Layer::sigmoid()]),
        }
    }
    layers.push(Layer::dense(classes(lab)).init(init));
    layers
}

/// The network of these layers for the lab's data.
pub(super) fn net<'l>(lab: &Lab, layers: &'l [Layer<'l>]) -> Result<Net<'l>> {
    Ok(Net::try_new(lab.data().train.shape(), layers).map_err(flatgrad_core::Error::Net)?)
}

pub(super) fn classes(lab: &Lab) -> usize {
    lab.data().train.task().outputs()
}

/// Three hidden layers of 100 rectifiers, with batch norm before each or without.
pub(super) fn rectifiers(lab: &Lab, batch_norm: bool) -> Vec<Layer<'static>> {
    let mut layers = vec![Layer::flatten()];
    for _ in 0..3 {
        match batch_norm {
            true => layers.extend([Layer::dense(100).no_bias(), Layer::batch_norm(), Layer::relu()]),
            false => layers.extend([Layer::dense(100), Layer::relu()]),
        }
    }
    layers.push(Layer::dense(classes(lab)));
    layers
}
