//! Placing tensors in one arena by lifetime: what is dead makes room for what comes.

/// A tensor that lives from step `from` to step `to`, both included. Small, for many of them may be planned on a
/// microcontroller: steps and numbers of tensors fit in 16 bits.
#[derive(Clone, Copy)]
pub(crate) struct Item {
    pub(crate) from: u16,
    pub(crate) to: u16,
    /// The next one in a list, or [`END`].
    next: u16,
    pub(crate) len: usize,
    /// Where it was put; set by [`Lifetimes::place`].
    pub(crate) offset: usize,
}

impl Item {
    const NONE: Self = Self { from: 0, to: 0, next: END, len: 0, offset: 0 };
}

/// Memory in which a plan is made, for one layer: see [`Plan::try_new_in`](super::Plan::try_new_in).
#[derive(Clone, Copy)]
pub struct Draft([Item; ITEMS]);

/// The most tensors of one layer in a training plan: output, gradient, a gradient to be added, statistics, scratch of
/// both passes.
const ITEMS: usize = 6;

impl Draft {
    /// Nothing yet.
    pub const EMPTY: Self = Self([Item::NONE; ITEMS]);
}

/// The number of a tensor without elements, which has no place.
pub(crate) const NONE: usize = usize::MAX;

/// The end of a list.
const END: u16 = u16::MAX;

/// The tensors of one plan, in the order they were added, in memory of the caller.
pub(crate) struct Lifetimes<'a> {
    drafts: &'a mut [Draft],
    count: usize,
}

impl<'a> Lifetimes<'a> {
    pub(crate) const fn new(drafts: &'a mut [Draft]) -> Self {
        Self { drafts, count: 0 }
    }

    /// Forgets all tensors.
    pub(crate) const fn clear(&mut self) {
        self.count = 0;
    }

    /// Adds a tensor, rounded up to whole multiples of `align`, and gives its number.
    pub(crate) const fn add(&mut self, from: usize, to: usize, len: usize, align: usize) -> usize {
        let id = self.count;
        if len == 0 {
            return NONE;
        }
        let Some(item) = self.at_mut(id) else { return NONE };
        let len = match len.checked_next_multiple_of(align) {
            Some(len) => len,
            None => usize::MAX, // has no place: `place` will say so
        };
        *item = Item { from: from as u16, to: to as u16, next: END, len, offset: 0 };
        self.count += 1;
        id
    }

    /// Where tensor `id` was put; [`NONE`] for one without elements.
    pub(crate) const fn offset(&self, id: usize) -> usize {
        if id < self.count { self.at(id).offset } else { NONE }
    }

    /// Tensor `id`; one without elements beyond the last.
    const fn at(&self, id: usize) -> &Item {
        let draft = id / ITEMS;
        if draft < self.drafts.len() { &self.drafts[draft].0[id % ITEMS] } else { &Item::NONE }
    }

    const fn at_mut(&mut self, id: usize) -> Option<&mut Item> {
        let draft = id / ITEMS;
        if draft < self.drafts.len() { Some(&mut self.drafts[draft].0[id % ITEMS]) } else { None }
    }

    /// Lets `next` follow `id`.
    const fn link(&mut self, id: u16, next: u16) {
        if let Some(item) = self.at_mut(id as usize) {
            item.next = next;
        }
    }

    /// Gives every tensor the lowest free offset, the largest tensors first (ties: in the order they were added), and
    /// returns the length of the arena; `None` if it overflows.
    ///
    /// Greedy by size is what TensorFlow Lite's planner does (Pisarchyk and Lee, "Efficient Memory Management for Deep
    /// Neural Net Inference", 2020): close to the lower bound on chains of layers.
    pub(crate) const fn place(&mut self) -> Option<usize> {
        let mut waiting = self.by_size();
        // The tensors placed so far, by offset.
        let (mut placed, mut end) = (END, 0);
        while waiting != END {
            let (id, item) = (waiting, *self.at(waiting as usize));
            waiting = item.next;
            let Some((offset, top)) = self.lowest_free(&item, placed) else { return None };
            let (mut before, mut after) = (END, placed);
            while after != END && self.at(after as usize).offset <= offset {
                (before, after) = (after, self.at(after as usize).next);
            }
            if let Some(item) = self.at_mut(id as usize) {
                (item.offset, item.next) = (offset, after);
            }
            if before == END {
                placed = id;
            } else {
                self.link(before, id);
            }
            if top > end {
                end = top;
            }
        }
        Some(end)
    }

    /// The first of a list of all tensors, the largest first. Merging short runs into longer ones keeps the compiler's
    /// work in `const` evaluation below its limit for networks of some eighty layers; a list needs no other memory.
    const fn by_size(&mut self) -> u16 {
        let (mut first, mut i) = (END, self.count);
        while i > 0 {
            i -= 1;
            self.link(i as u16, first);
            first = i as u16;
        }
        let mut run = 1;
        while run < self.count {
            first = self.merge_runs(first, run);
            run *= 2;
        }
        first
    }

    /// Merges every two runs of `run` tensors in the list that begins with `first`.
    const fn merge_runs(&mut self, first: u16, run: usize) -> u16 {
        let (mut merged, mut last, mut a) = (END, END, first);
        while a != END {
            let (mut b, mut of_a, mut of_b) = (a, 0, run);
            while of_a < run && b != END {
                b = self.at(b as usize).next;
                of_a += 1;
            }
            while of_a > 0 || (of_b > 0 && b != END) {
                let none_of_b = of_b == 0 || b == END;
                let next = if none_of_b || (of_a > 0 && self.at(a as usize).len >= self.at(b as usize).len) {
                    of_a -= 1;
                    let next = a;
                    a = self.at(a as usize).next;
                    next
                } else {
                    of_b -= 1;
                    let next = b;
                    b = self.at(b as usize).next;
                    next
                };
                if last == END {
                    merged = next;
                } else {
                    self.link(last, next);
                }
                last = next;
            }
            a = b;
        }
        self.link(last, END);
        merged
    }

    /// The lowest offset at which a tensor meets none of those already placed, and its end.
    const fn lowest_free(&self, item: &Item, placed: u16) -> Option<(usize, usize)> {
        let (mut offset, mut id) = (0usize, placed);
        while id != END {
            let other = self.at(id as usize);
            if other.from <= item.to && item.from <= other.to {
                let Some(end) = offset.checked_add(item.len) else { return None };
                if end <= other.offset {
                    break; // fits in the gap before it, and all others lie further up
                }
                // `place` has checked this sum.
                if other.offset + other.len > offset {
                    offset = other.offset + other.len;
                }
            }
            id = other.next;
        }
        match offset.checked_add(item.len) {
            Some(end) => Some((offset, end)),
            None => None,
        }
    }

    /// The step at which most elements are alive.
    pub(crate) const fn peak_step(&self, steps: usize) -> usize {
        let (mut best, mut most, mut t) = (0, 0, 0);
        while t < steps {
            let (mut live, mut i) = (0usize, 0);
            while i < self.count {
                let item = self.at(i);
                if item.from as usize <= t && t <= item.to as usize {
                    live = live.saturating_add(item.len);
                }
                i += 1;
            }
            if live > most {
                (best, most) = (t, live);
            }
            t += 1;
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_alive_together_do_not_overlap() {
        let mut state = 12345u32;
        let mut next = |n: u32| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state % n) as usize
        };
        for _ in 0..300 {
            let mut drafts = [Draft::EMPTY; 24 / ITEMS];
            let mut set = Lifetimes::new(&mut drafts);
            for _ in 0..24 {
                let from = next(12);
                set.add(from, from + next(6), next(40), 1);
            }
            let end = set.place().unwrap();
            let mut bound = 0;
            for t in 0..18 {
                let live = || (0..24).map(|id| set.at(id)).filter(|i| i.from <= t && t <= i.to);
                bound = bound.max(live().map(|i| i.len).sum());
                for a in live() {
                    assert!(a.offset + a.len <= end);
                    for b in live().filter(|b| !core::ptr::eq(*b, a)) {
                        assert!(a.offset + a.len <= b.offset || b.offset + b.len <= a.offset || a.len * b.len == 0);
                    }
                }
            }
            assert!(end >= bound && end <= 2 * bound + 40, "arena {end}, lower bound {bound}");
        }
    }

    #[test]
    fn overflow_is_none() {
        let mut drafts = [Draft::EMPTY];
        let mut set = Lifetimes::new(&mut drafts);
        set.add(0, 1, usize::MAX, 1);
        set.add(0, 1, 2, 1);
        assert_eq!(set.place(), None);
    }
}
