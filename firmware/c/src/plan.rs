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
use core::mem::MaybeUninit;
use flatgrad_core::net::{self, Config, Decay, Layer, Net, Plan};

/// A plan takes FG_PLAN_WORDS + FG_PLAN_LAYER_WORDS * layers words of memory, a word being a size_t: see
/// FG_PLAN_SIZE.
pub const FG_PLAN_WORDS: usize = 4608;
/// Words of a plan's memory for each layer.
pub const FG_PLAN_LAYER_WORDS: usize = 24;

const _: () = assert!(size_of::<fg_plan>() <= FG_PLAN_WORDS * size_of::<usize>());
const _: () = assert!(size_of::<Layer>() <= FG_PLAN_LAYER_WORDS * size_of::<usize>());
const _: () = assert!(align_of::<fg_plan>() <= 8 && align_of::<Layer>() <= align_of::<fg_plan>());

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

impl fg_plan {
    /// # Safety
    ///
    /// What the crate's page asks of the caller.
    pub(crate) unsafe fn open<'a>(plan: *const Self) -> Outcome<&'a Plan> {
        check(&[Region::new("plan", plan, 1)], &[])?;
        // SAFETY: not null, aligned; anything is a u64.
        match unsafe { (*plan).magic } {
            // SAFETY: `fg_plan_init` has been here.
            MAGIC => Ok(unsafe { &(*plan).plan }),
            _ => Err(Fault::Uninitialized { what: "plan" }),
        }
    }

    /// Its memory, for checks of overlap.
    pub(crate) fn region(plan: *const Self) -> Region {
        Region::new("plan", plan, 1)
    }
}

/// Bytes of memory that fg_plan_init needs for a network of as many layers; those in blocks count one by one, and
/// one more for each block. At most FG_PLAN_SIZE(layers), which is a constant.
#[unsafe(no_mangle)]
pub extern "C" fn fg_plan_size(layers: usize) -> usize {
    size_of::<fg_plan>().saturating_add(layers.saturating_mul(size_of::<Layer>()))
}

/// Checks a network, infers its shapes and plans its memory: plan = a pointer to the result, which lives in memory.
///
/// memory of fg_plan_size(layers) bytes, aligned to 8; an input of c channels of h by w (features: {n, 1, 1}). The
/// layers and config are not needed afterwards. Planning takes much more stack than anything else here: about 175 KB
/// on a Cortex-M (all other functions, 6 KB). Returns FG_OK; or why not (error->layer and error->text name the
/// layer): then plan is unchanged, the memory's content may not be.
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
            let capacity = ((memory_size - head) / size_of::<Layer>()).min(net::MAX_LAYERS);
            let needed = fg_plan_size(layer_count);
            if memory_size < needed {
                return Err(flatgrad_core::Error::TooShort { what, needed, actual: memory_size }.into());
            }
            let room = slice_mut(start.add(1).cast::<MaybeUninit<Layer>>(), capacity);
            let mut room = blank(room);
            let layers = convert(layers, layer_count, taken, &mut room, &mut 0)?;
            let made = Plan::try_new(&Net::try_new([c, h, w], layers)?, config)?;
            start.write(fg_plan { magic: MAGIC, plan: made });
            write(plan, start.cast_const());
            Ok(())
        })
    }
}

/// Fills raw memory with layers, to be replaced.
fn blank<'m>(room: &'m mut [MaybeUninit<Layer<'m>>]) -> &'m mut [Layer<'m>] {
    for place in room.iter_mut() {
        place.write(Layer::flatten());
    }
    // SAFETY: every element has just been written.
    unsafe { &mut *(core::ptr::from_mut(room) as *mut [Layer<'m>]) }
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
    unsafe { ask(plan, |plan| plan.layers().count()) }
}
