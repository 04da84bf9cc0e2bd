//! How a kernel runs: on which instruction set, and on how many threads.

use super::Isa;
use super::target::BARE_METAL;

/// The first argument of every kernel: an instruction set and, where there is one, something that runs two tasks at
/// once.
///
/// ```
/// use flatgrad_core::{Context, Isa};
/// let ctx = Context::serial(Isa::detect());
/// assert_eq!(ctx.threads(), 1);
/// ```
#[derive(Clone, Copy)]
pub struct Context<'a> {
    isa: Isa,
    pool: Option<&'a dyn Parallel>,
}

/// Runs independent tasks, possibly at the same time.
///
/// Kernels split their *outputs* in two, again and again, and never a sum: how many threads there are and which of them
/// runs what cannot change a bit. The method takes exclusive references, so a wrong implementation can give wrong
/// numbers but not unsoundness, and it can be written without unsafe code (`rayon::join(a, b)` is one).
pub trait Parallel: Sync {
    /// How many tasks can run at once; kernels split their work in as many parts.
    fn threads(&self) -> usize;
    /// Calls `a` once and `b` once, and returns when both have returned.
    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send));
}

/// One task after the other, on the calling thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct Serial;

impl Parallel for Serial {
    fn threads(&self) -> usize {
        1
    }
    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
        a();
        b();
    }
}

impl Context<'static> {
    /// Everything on the calling thread.
    pub const fn serial(isa: Isa) -> Self {
        Self { isa, pool: None }
    }
}

impl<'a> Context<'a> {
    /// Work is shared out over `pool`.
    pub const fn parallel(isa: Isa, pool: &'a dyn Parallel) -> Self {
        Self { isa, pool: Some(pool) }
    }

    /// The instruction set kernels run on.
    #[inline(always)]
    pub const fn isa(&self) -> Isa {
        self.isa
    }

    /// How many parts kernels split their work in; at least 1. Without an operating system always 1: the code that
    /// splits work would take as much flash as small kernels.
    #[inline(always)]
    pub fn threads(&self) -> usize {
        if BARE_METAL { 1 } else { self.pool.map_or(1, |p| p.threads().max(1)) }
    }

    /// The same instruction set, everything on the calling thread.
    pub(crate) fn without_threads(&self) -> Context<'static> {
        Context::serial(self.isa)
    }

    /// Both tasks, at the same time where there is a pool.
    pub(crate) fn join(&self, mut a: impl FnMut() + Send, mut b: impl FnMut() + Send) {
        match self.pool {
            Some(pool) => pool.join(&mut a, &mut b),
            None => {
                a();
                b();
            }
        }
    }
}
