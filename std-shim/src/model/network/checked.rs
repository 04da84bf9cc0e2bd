//! From a network to one that the kernels take, or to what is wrong with it, in its maker's words.

use flatgrad_core::net::{Net, NetError, Problem};

use super::{Architecture, File, LayerStore, Network, Origin, build};
use crate::error::{Error, Result};
use crate::toml;

const NO_WEIGHTS: &str = "scale_weights needs a convolution or dense layer after it whose weights it can scale, with \
                          nothing but flatten, pooling, relu or dropout between; form scale_activations needs none";

impl Network {
    /// The network for the kernels, its layers in `store`.
    ///
    /// # Errors
    ///
    /// The first layer that does not fit: [`Error::Network`] with its place in the file, or [`Error::Architecture`],
    /// which is also said of images too small for an architecture; for more names of classes than outputs,
    /// [`Error::Network`] with their place or [`Error::Setting`].
    pub fn net<'a>(&self, store: &'a LayerStore) -> Result<Net<'a>> {
        let layers = build::chain(&self.nodes, self.input, store);
        let net = Net::try_new(self.input, layers).map_err(|e| self.explain(e))?;
        if let Some(layer) = self.without_weights_to_scale() {
            let problem = Problem::Parameter { what: NO_WEIGHTS };
            return Err(self.explain(NetError { layer, kind: "dropout", problem }));
        }
        if let Origin::Architecture(architecture) = self.origin
            && self.is_too_small_for(architecture)
        {
            return Err(self.architecture_error(&least(architecture)));
        }
        if let Some(values) = self.targets().map(|targets| targets.mean.len()).filter(|&values| values != net.outputs())
        {
            let fault = format!("targets of {values} values for {} outputs", net.outputs());
            return Err(match &self.origin {
                Origin::File(File { origin, input, .. }) => toml::error(origin, *input, fault),
                Origin::Architecture(_) => self.architecture_error(&fault),
            });
        }
        match self.classes.len() {
            names if names <= net.outputs() => Ok(net),
            names => Err(self.too_many_names(&format!("{names} names for {} outputs", net.outputs()))),
        }
    }

    /// An error of this network, with the place of the layer it names in the file, or the name of the architecture.
    pub fn explain(&self, error: NetError) -> Error {
        match &self.origin {
            Origin::Architecture(architecture) if self.is_too_small_for(*architecture) => {
                self.architecture_error(&format!("{error}; {}", least(*architecture)))
            }
            Origin::Architecture(_) => self.architecture_error(&error.to_string()),
            Origin::File(file) => {
                let layer = file.layers.get(error.layer).filter(|_| error.kind != "network");
                toml::error(&file.origin, *layer.unwrap_or(&file.input), error)
            }
        }
    }

    fn is_too_small_for(&self, architecture: Architecture) -> bool {
        let [_, height, width] = self.input;
        height.min(width) < architecture.least_side()
    }

    fn architecture_error(&self, fault: &str) -> Error {
        Error::Architecture { name: self.name.clone(), input: self.input, fault: fault.to_string() }
    }

    fn too_many_names(&self, fault: &str) -> Error {
        match &self.origin {
            Origin::File(File { origin, classes: Some(at), .. }) => toml::error(origin, *at, fault),
            _ => Error::setting("classes", fault),
        }
    }
}

/// What is said of images that are too small.
fn least(architecture: Architecture) -> String {
    let side = architecture.least_side();
    format!("images must have at least {side} x {side} pixels")
}
