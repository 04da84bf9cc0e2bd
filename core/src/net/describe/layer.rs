//! Layers as data: `Layer::conv2d(8, 3).padding(1)`.

use super::kind::Kind;
use crate::init::Init;

/// One layer of a network, or a residual block of layers: plain data, built in `const` context or at run time.
///
/// An option that a layer does not have (a padding on a relu) is remembered and refused by
/// [`Net::new`](crate::net::Net::new), with the layer's index.
///
/// ```
/// use flatgrad_core::net::Layer;
/// const LAYERS: [Layer; 3] = [Layer::conv2d(8, 3).padding(1).no_bias(), Layer::batch_norm(), Layer::relu()];
/// const BLOCK: Layer = Layer::residual(&LAYERS);
/// assert_eq!((LAYERS[0].kind().name(), BLOCK.kind().name()), ("conv2d", "add"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layer<'a> {
    pub(in crate::net) form: Form<'a>,
    pub(in crate::net) options: Options,
    /// The first option that does not apply to this kind.
    pub(in crate::net) misuse: Option<&'static str>,
}

/// A layer, or a block of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::net) enum Form<'a> {
    Single(Kind),
    /// `body(x) + shortcut(x)`; an empty shortcut is `x` itself.
    Residual {
        body: &'a [Layer<'a>],
        shortcut: &'a [Layer<'a>],
    },
}

/// How a layer, or all of a block, learns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Its parameters stay as they are: no gradient, no optimizer state, no memory for them.
    pub frozen: bool,
    /// Multiplies the optimizer's learning rate.
    pub lr: f32,
    /// Multiplies the optimizer's weight decay.
    pub decay: f32,
    /// Where the weights start; biases start at 0 unless this is [`Init::Default`].
    pub init: Init,
    /// After each step, the longest that a neuron's incoming weights may be; infinite for no limit.
    pub max_norm: f32,
}

impl Options {
    pub(in crate::net) const DEFAULT: Self =
        Self { frozen: false, lr: 1.0, decay: 1.0, init: Init::Default, max_norm: f32::INFINITY };
}

impl<'a> Layer<'a> {
    /// The layer of this kind, with the default options.
    pub(in crate::net) const fn of(kind: Kind) -> Self {
        Self { form: Form::Single(kind), options: Options::DEFAULT, misuse: None }
    }

    /// A residual block, `body(x) + x` (He et al., "Deep Residual Learning for Image Recognition", 2015). The body must
    /// give the shape it gets. Layers are numbered in the order in which they run: the body's, then the addition.
    pub const fn residual(body: &'a [Layer<'a>]) -> Self {
        Self::residual_with(body, &[])
    }

    /// A residual block with layers on the shortcut too, `body(x) + shortcut(x)`: a 1x1 convolution, where the shape
    /// changes. The shortcut's layers are numbered after the body's.
    pub const fn residual_with(body: &'a [Layer<'a>], shortcut: &'a [Layer<'a>]) -> Self {
        Self { form: Form::Residual { body, shortcut }, options: Options::DEFAULT, misuse: None }
    }

    /// What the layer computes; of a residual block, the addition at its end.
    pub const fn kind(&self) -> Kind {
        match self.form {
            Form::Single(kind) => kind,
            Form::Residual { .. } => Kind::Add,
        }
    }

    /// Of a residual block, the layers of its body and of its shortcut.
    ///
    /// ```
    /// use flatgrad_core::net::Layer;
    /// const BODY: [Layer; 1] = [Layer::relu()];
    /// assert_eq!(Layer::residual(&BODY).branches(), Some([&BODY[..], &[]]));
    /// assert_eq!(Layer::relu().branches(), None);
    /// ```
    pub const fn branches(&self) -> Option<[&'a [Layer<'a>]; 2]> {
        match self.form {
            Form::Single(_) => None,
            Form::Residual { body, shortcut } => Some([body, shortcut]),
        }
    }

    /// How it learns.
    pub const fn options(&self) -> Options {
        self.options
    }
}

/// The layer of this kind, with the default options.
impl From<Kind> for Layer<'_> {
    fn from(kind: Kind) -> Self {
        Self::of(kind)
    }
}
