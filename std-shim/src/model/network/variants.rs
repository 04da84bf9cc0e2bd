//! The same network with something else about its layers, for trials.

use flatgrad_core::init::Init;
use flatgrad_core::net::{Kind, Layer};

use super::{Network, Node};

impl Network {
    /// The same, without dropout and without limits of norms: nothing holds it back from learning its samples.
    ///
    /// ```
    /// use flatgrad::model::{Architecture, Network};
    /// let network = Network::new(Architecture::VggSmall, [3, 32, 32], 10).with_max_norm(3.0);
    /// let free = network.unregularized().to_toml();
    /// assert!(free.contains("dropout, p = 0") || free.contains("p = 0"), "{free}");
    /// assert!(!free.contains("max_norm"));
    /// ```
    pub fn unregularized(self) -> Self {
        self.map(&|layer| match layer.kind() {
            Kind::Dropout { .. } => Layer::dropout(0.0),
            Kind::Conv2d { .. } | Kind::Dense { .. } => layer.max_norm(f32::INFINITY),
            _ => layer,
        })
    }

    /// The same, with the default initialization everywhere.
    pub fn with_default_init(self) -> Self {
        self.map(&|layer| match layer.kind() {
            Kind::Conv2d { .. } | Kind::Dense { .. } => layer.init(Init::Default),
            _ => layer,
        })
    }

    /// The same, with `factor` times as many channels or units in each layer but the last. Where channels must fit
    /// those of the input, such as those of a residual block at the beginning, there may be no plan for it.
    pub fn wider(mut self, factor: usize) -> Self {
        if let Some((last, rest)) = split_last(&mut self.nodes) {
            let wider = &|layer: Layer<'static>| scaled(layer, factor);
            map_nodes(rest, wider);
            // Behind the last layer with weights there are functions only.
            if let Node::Residual { .. } = last {
                map_nodes(std::slice::from_mut(last), wider);
            }
        }
        self
    }

    fn map(mut self, change: &impl Fn(Layer<'static>) -> Layer<'static>) -> Self {
        map_nodes(&mut self.nodes, change);
        self
    }
}

/// The last node with weights, and those before it.
fn split_last(nodes: &mut [Node]) -> Option<(&mut Node, &mut [Node])> {
    let has_weights = |node: &Node| match node {
        Node::Single(layer) => matches!(layer.kind(), Kind::Conv2d { .. } | Kind::Dense { .. }),
        Node::Depthwise { .. } | Node::Residual { .. } => true,
    };
    let last = nodes.iter().rposition(has_weights)?;
    let (rest, behind) = nodes.split_at_mut(last);
    behind.first_mut().map(|last| (last, rest))
}

fn map_nodes(nodes: &mut [Node], change: &impl Fn(Layer<'static>) -> Layer<'static>) {
    for node in nodes {
        match node {
            Node::Single(layer) => *layer = change(*layer),
            // Its channels follow from its input.
            Node::Depthwise { layer, .. } => {
                let changed = change(*layer).options();
                *layer = layer.init(changed.init).max_norm(changed.max_norm);
            }
            Node::Residual { body, shortcut, .. } => {
                map_nodes(body, change);
                map_nodes(shortcut, change);
            }
        }
    }
}

fn scaled(layer: Layer<'static>, factor: usize) -> Layer<'static> {
    let kind = match layer.kind() {
        Kind::Conv2d { out_channels, kernel, stride, padding, dilation, groups, bias } => {
            let out_channels = out_channels.saturating_mul(factor);
            Kind::Conv2d { out_channels, kernel, stride, padding, dilation, groups, bias }
        }
        Kind::Dense { outputs, bias } => Kind::Dense { outputs: outputs.saturating_mul(factor), bias },
        _ => return layer,
    };
    let options = layer.options();
    let wide = Layer::from(kind).init(options.init).max_norm(options.max_norm).lr(options.lr).decay(options.decay);
    if options.frozen { wide.frozen() } else { wide }
}

#[cfg(test)]
mod tests {
    use crate::model::{LayerStore, Network};
    use flatgrad_core::net::{Config, Kind, Optimizer, Plan};

    fn kinds(network: &Network) -> Vec<Kind> {
        let store = LayerStore::default();
        let plan = Plan::try_new(&network.net(&store).unwrap(), Config::new(1, Optimizer::sgd(0.1))).unwrap();
        plan.layers().map(|layer| layer.kind).collect()
    }

    #[test]
    fn all_but_the_last_layer_get_wider() {
        let network = Network::new(crate::model::Architecture::VggSmall, [3, 32, 32], 10);
        let (narrow, wide) = (kinds(&network), kinds(&network.clone().wider(3)));
        let outputs = |kind: &Kind| match *kind {
            Kind::Conv2d { out_channels, .. } => Some(out_channels),
            Kind::Dense { outputs, .. } => Some(outputs),
            _ => None,
        };
        let [narrow, wide] = [narrow, wide].map(|kinds| kinds.iter().filter_map(outputs).collect::<Vec<_>>());
        assert_eq!(wide, [96, 96, 192, 192, 384, 384, 10]);
        assert_eq!(narrow, [32, 32, 64, 64, 128, 128, 10]);
    }

    #[test]
    fn residual_networks_get_wider() {
        let network = Network::new(crate::model::Architecture::ResNet8, [3, 32, 32], 10);
        assert_eq!(kinds(&network).len(), kinds(&network.wider(2)).len());
    }
}
