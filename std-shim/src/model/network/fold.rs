//! Which layers of a network another one can take over at test time.

use flatgrad_core::activation::Activation;
use flatgrad_core::dropout::{Dropout, Form};
use flatgrad_core::net::Kind;

use super::{Network, Node, Origin};

/// What becomes of the parameters of layer `into`. Layers are numbered as they run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::model) enum Edit {
    /// It does what batch norm `norm` did.
    Norm { norm: usize, eps: f32, into: usize },
    /// Its weight is multiplied by what dropout `of` multiplied its input by.
    Factor { of: usize, factor: f32, into: usize },
}

/// A network with some layers folded into others.
pub(in crate::model) struct Folding {
    pub(in crate::model) network: Network,
    /// In the order in which they must be made.
    pub(in crate::model) edits: Vec<Edit>,
    /// The old numbers of the layers that are left.
    pub(in crate::model) kept: Vec<usize>,
    /// What could not be folded.
    pub(in crate::model) stay: Vec<(usize, Kind)>,
}

impl Network {
    /// The network with factors of dropout in the weights, so that all dropout is inverted; with `norms`, batch norms
    /// in the layers before them, too.
    pub(in crate::model) fn folding(&self, norms: bool) -> Folding {
        let mut walk = Walk { norms, ..Walk::default() };
        let nodes = walk.chain(&self.nodes);
        let Walk { edits, kept, stay, .. } = walk;
        let mut network = Self { nodes, ..self.clone() };
        if let Origin::File(file) = &mut network.origin {
            file.layers = kept.iter().filter_map(|layer| file.layers.get(*layer).copied()).collect();
        }
        Folding { network, edits, kept, stay }
    }

    /// A dropout that scales weights where there are none to scale.
    pub(super) fn without_weights_to_scale(&self) -> Option<usize> {
        let scales = |(layer, kind): &(usize, Kind)| {
            matches!(kind, Kind::Dropout { form: Form::ScaleWeights, .. }).then_some(*layer)
        };
        self.folding(false).stay.iter().find_map(scales)
    }
}

/// Goes through the layers as they run.
#[derive(Default)]
struct Walk {
    norms: bool,
    /// The number of the next layer.
    next: usize,
    edits: Vec<Edit>,
    kept: Vec<usize>,
    stay: Vec<(usize, Kind)>,
}

impl Walk {
    fn chain(&mut self, nodes: &[Node]) -> Vec<Node> {
        let mut out: Vec<Node> = Vec::with_capacity(nodes.len());
        // The convolution or dense layer whose output comes next.
        let mut linear = None;
        for (i, node) in nodes.iter().enumerate() {
            if let Node::Residual { common, body, shortcut } = node {
                let (body, shortcut) = (self.chain(body), self.chain(shortcut));
                out.push(Node::Residual { common: common.clone(), body, shortcut });
                self.keep();
                linear = None;
                continue;
            }
            let (number, kind) = (self.next, node.kind());
            if let (true, Some(Kind::BatchNorm { eps, .. }), Some(into), Some(last)) =
                (self.norms, kind, linear, out.last_mut())
            {
                last.set_bias(true);
                self.edits.push(Edit::Norm { norm: number, eps, into });
                self.next += 1;
                continue;
            }
            out.push(match kind {
                Some(kind @ Kind::Dropout { p, form }) if form != Form::Inverted => {
                    let takers = takers(nodes.get(i + 1..).unwrap_or_default(), number + 1);
                    self.dropout(node, (number, kind), p, takers)
                }
                _ => node.clone(),
            });
            if let (true, Some(kind @ Kind::BatchNorm { .. })) = (self.norms, kind) {
                self.stay.push((number, kind));
            }
            linear = node.is_linear().then_some(number);
            self.keep();
        }
        out
    }

    /// The inverted form of a dropout, if others take its factor.
    fn dropout(&mut self, node: &Node, (number, kind): (usize, Kind), p: f32, takers: Option<Vec<usize>>) -> Node {
        let (Some(takers), Ok(drop), Node::Single(layer)) = (takers, Dropout::drop(p), node) else {
            self.stay.push((number, kind));
            return node.clone();
        };
        let factor = drop.form(Form::ScaleActivations).infer_scale();
        self.edits.extend(takers.into_iter().map(|into| Edit::Factor { of: number, factor, into }));
        Node::Single(layer.form(Form::Inverted))
    }

    /// The next layer is left as it is.
    fn keep(&mut self) {
        self.kept.push(self.next);
        self.next += 1;
    }
}

/// The layers whose weights a factor of the input of `nodes`, from layer `first` on, can be moved to, if there are
/// such on every way.
fn takers(nodes: &[Node], first: usize) -> Option<Vec<usize>> {
    let mut number = first;
    for node in nodes {
        match node {
            node if node.is_linear() => return Some(vec![number]),
            Node::Residual { body, shortcut, .. } => {
                let mut found = takers(body, number)?;
                found.extend(takers(shortcut, number + count(body))?);
                return Some(found);
            }
            node if node.kind().is_some_and(|kind| commutes(&kind)) => number += 1,
            _ => return None,
        }
    }
    None
}

/// Whether a factor that is not negative may stand before or after it.
fn commutes(kind: &Kind) -> bool {
    use Kind::{AvgPool2d, Dropout, Flatten, GlobalAvgPool, MaxPool2d};
    let scales = matches!(kind, Kind::Activation(Activation::Relu | Activation::LeakyRelu { .. }));
    scales || matches!(kind, Flatten | MaxPool2d { .. } | AvgPool2d { .. } | GlobalAvgPool | Dropout { .. })
}

/// How many layers run.
fn count(nodes: &[Node]) -> usize {
    let one = |node: &Node| match node {
        Node::Single(_) | Node::Depthwise { .. } => 1,
        Node::Residual { body, shortcut, .. } => count(body) + count(shortcut) + 1,
    };
    nodes.iter().map(one).sum()
}
