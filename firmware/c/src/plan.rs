//! A network and where its memory goes. How core keeps a plan, only this file, `infer.rs`, `info.rs`, `train.rs` and
//! `trained.rs` know.

use crate::buffer::{Region, check, read, slice_mut, write};
use crate::context::Or;
use crate::convert::convert;
use crate::fault::{Fault, Outcome, report};
use crate::layer::fg_layer;
use crate::loss::fg_loss;
use crate::optim::fg_optimizer;
use crate::status::{fg_error, fg_status};
use core::ffi::c_void;
use flatgrad_core::net::{self, Config, Decay, Draft, Layer, Net, Slot};

/// A plan takes FG_PLAN_WORDS + FG_PLAN_LAYER_WORDS * layers words of memory, a word being a size_t: see
/// FG_PLAN_SIZE.
pub const FG_PLAN_WORDS: usize = 40;
/// Words of a plan's memory for each layer.
pub const FG_PLAN_LAYER_WORDS: usize = 92;

/// What a plan's memory holds for each layer: the plan's own slots come first, then what planning alone needs.
const PER_LAYER: usize = size_of::<Slot>() + size_of::<Draft>() + size_of::<Layer>();

const _: () = assert!(size_of::<fg_plan>() <= FG_PLAN_WORDS * size_of::<usize>());
const _: () = assert!(PER_LAYER <= FG_PLAN_LAYER_WORDS * size_of::<usize>());
// One may follow the other.
const _: () = assert!(align_of::<fg_plan>() <= 8 && align_of::<Slot>() <= align_of::<fg_plan>());
const _: () = assert!(align_of::<Draft>() <= align_of::<Slot>() && align_of::<Layer>() <= align_of::<Draft>());

/// Says that the memory holds a plan.
const MAGIC: u64 = u64::from_le_bytes(*b"fg plan\x01");

/// What a plan is made for. Zeros, apart from batch: SGD, cross entropy, decay of all parameters, nothing frozen.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct fg_config {
    /// The most samples a call takes at once; at least 1.
    pub batch: usize,
    /// Whose state is kept. What counts is how much that is; rates come with each step.
    pub optimizer: fg_optimizer,
    /// What is minimized.
    pub loss: fg_loss,
    /// Layers before this one are frozen: only what comes after is fine-tuned.
    pub train_from: usize,
    /// Tensors start at multiples of this many floats in the arena; 0: 1, which wastes nothing.
    pub align: usize,
    /// Weight decay reaches the weights of convolutions and dense layers only, neither biases nor normalizations.
    pub decay_weights_only: bool,
}

impl fg_config {
    fn core(self) -> Outcome<Config> {
        let decay = if self.decay_weights_only { Decay::Weights } else { Decay::All };
        let config = Config::new(self.batch, self.optimizer.core()?).loss(self.loss.core()?).decay(decay);
        Ok(config.train_from(self.train_from).align(self.align.or(1)))
    }
}

/// A network, checked, with a place for everything in its arena. Lives in the caller's memory; plain data, nothing
/// to free.
pub struct fg_plan {
    magic: u64,
    plan: Plan,
}

/// Its layers stand behind it.
pub(crate) type Plan = net::Plan<&'static [Slot]>;

impl fg_plan {
    /// # Safety
    ///
    /// What the crate's page asks of the caller.
    pub(crate) unsafe fn open(plan: *const Self) -> Outcome<&'static Plan> {
        check(&[Region::new("plan", plan, 1)], &[])?;
        // SAFETY: not null, aligned; anything is a u64.
        match unsafe { (*plan).magic } {
            // SAFETY: `fg_plan_init` has been here. Plans live as long as they are used, as the header asks.
            MAGIC => Ok(unsafe { &(*plan).plan }),
            _ => Err(Fault::Uninitialized { what: "plan" }),
        }
    }

    /// Its memory, layers included, for checks of overlap.
    ///
    /// # Safety
    ///
    /// [`fg_plan::open`] has said yes.
    pub(crate) unsafe fn region(plan: *const Self) -> Region {
        // SAFETY: there is a plan.
        Region::new("plan", plan.cast::<u8>(), unsafe { kept(&(*plan).plan) })
    }
}

/// The bytes of a plan, not counting what only planning needs.
fn kept(plan: &Plan) -> usize {
    size_of::<fg_plan>() + plan.layer_count() * size_of::<Slot>()
}

/// Bytes of memory that fg_plan_init needs for a network of as many layers; those in blocks count one by one, and
/// one more for each block. At most FG_PLAN_SIZE(layers), which is a constant.
#[unsafe(no_mangle)]
pub extern "C" fn fg_plan_size(layers: usize) -> usize {
    size_of::<fg_plan>().saturating_add(layers.saturating_mul(PER_LAYER))
}

/// Checks a network, infers its shapes and plans its memory: plan = a pointer to the result, which lives in memory.
///
/// memory of fg_plan_size(layers) bytes, aligned to 8; an input of c channels of h by w (features: {n, 1, 1}). The
/// layers and config are not needed afterwards, nor is the memory beyond the first fg_plan_kept bytes: the arena may
/// begin there. Returns FG_OK; or why not (error->layer and error->text name the layer): then plan is unchanged, and
/// the memory holds no plan.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_plan_init(
    memory: *mut c_void,
    memory_size: usize,
    c: usize,
    h: usize,
    w: usize,
    layers: *const fg_layer,
    layer_count: usize,
    config: *const fg_config,
    plan: *mut *const fg_plan,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let config = read("config", config)?.core()?;
            let (what, start) = ("plan memory", memory.cast::<fg_plan>());
            let head = size_of::<fg_plan>();
            if memory_size < head && !memory.is_null() {
                return Err(flatgrad_core::Error::TooShort { what, needed: head, actual: memory_size }.into());
            }
            let taken = Region::new(what, memory.cast_const().cast::<u8>(), memory_size);
            let result = Region::new("plan", plan.cast_const(), 1);
            check(&[Region::new(what, start.cast_const(), 1)], &[])?;
            check(&[Region::new("layers", layers, layer_count)], &[taken, result])?;
            let needed = fg_plan_size(layer_count);
            if memory_size < needed {
                return Err(flatgrad_core::Error::TooShort { what, needed, actual: memory_size }.into());
            }
            // Until it is whole, there is no plan: not the one either that may have been here.
            (&raw mut (*start).magic).write(0);
            let capacity = ((memory_size - head) / PER_LAYER).min(net::MAX_LAYERS);
            let slots = start.add(1).cast::<Slot>();
            let drafts = slots.add(capacity).cast::<Draft>();
            let mut room = fill(drafts.add(capacity).cast::<Layer>(), capacity, Layer::flatten());
            let layers = convert(layers, layer_count, taken, &mut room, &mut 0)?;
            let net = Net::try_new([c, h, w], layers)?;
            let (slots, drafts) = (fill(slots, capacity, Slot::EMPTY), fill(drafts, capacity, Draft::EMPTY));
            let made = Plan::try_new_in(&net, config, slots, drafts)?;
            start.write(fg_plan { magic: MAGIC, plan: made });
            write(plan, start.cast_const());
            Ok(())
        })
    }
}

/// A slice of raw memory, all elements the same.
///
/// # Safety
///
/// The memory holds `len` elements, is aligned, and ours alone.
unsafe fn fill<'m, T: Copy>(start: *mut T, len: usize, value: T) -> &'m mut [T] {
    for i in 0..len {
        // SAFETY: within the memory.
        unsafe { start.add(i).write(value) }
    }
    // SAFETY: every element has just been written.
    unsafe { slice_mut(start, len) }
}

/// Bytes at the beginning of its memory that the plan keeps; what lies beyond is free again, and aligned to 8. 0 if
/// plan is not one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_plan_kept(plan: *const fg_plan) -> usize {
    // SAFETY: as the crate's page asks of the caller.
    unsafe { ask(plan, |plan| kept(plan).next_multiple_of(8)) }
}

unsafe fn ask(plan: *const fg_plan, question: fn(&Plan) -> usize) -> usize {
    // SAFETY: as the crate's page asks of the caller.
    unsafe { fg_plan::open(plan) }.map_or(0, question)
}

/// Floats of the arena for training: weights, gradients, optimizer state and work memory. 0 if plan is not one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_plan_arena_len(plan: *const fg_plan) -> usize {
    // SAFETY: as the crate's page asks of the caller.
    unsafe { ask(plan, Plan::train_len) }
}

/// Floats of the weights: parameters and running averages, all that inference needs to know. 0 if plan is not one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_plan_weights_len(plan: *const fg_plan) -> usize {
    // SAFETY: as the crate's page asks of the caller.
    unsafe { ask(plan, Plan::weights_len) }
}

/// Floats of work memory that fg_infer needs beside the weights. 0 if plan is not one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_plan_infer_work_len(plan: *const fg_plan) -> usize {
    // SAFETY: as the crate's page asks of the caller.
    unsafe { ask(plan, Plan::infer_work_len) }
}

/// Learnt parameters, frozen ones included. 0 if plan is not one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_plan_parameters(plan: *const fg_plan) -> usize {
    // SAFETY: as the crate's page asks of the caller.
    unsafe { ask(plan, Plan::parameters) }
}

/// Outputs for each sample: for a classifier, the number of classes. 0 if plan is not one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_plan_outputs(plan: *const fg_plan) -> usize {
    // SAFETY: as the crate's page asks of the caller.
    unsafe { ask(plan, Plan::outputs) }
}

/// Layers in the order in which they run, blocks taken apart: the body's, the shortcut's, then the addition. 0 if
/// plan is not one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_plan_layer_count(plan: *const fg_plan) -> usize {
    // SAFETY: as the crate's page asks of the caller.
    unsafe { ask(plan, Plan::layer_count) }
}
