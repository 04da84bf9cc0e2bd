//! Placing tensors in one arena by lifetime: what is dead makes room for what comes.

/// A tensor that lives from step `from` to step `to`, both included.
#[derive(Clone, Copy)]
pub(crate) struct Item {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) len: usize,
    /// Where it was put; set by [`Lifetimes::place`].
    pub(crate) offset: usize,
}

/// The number of a tensor without elements, which has no place.
pub(crate) const NONE: usize = usize::MAX;

/// The tensors of one plan, in the order they were added.
#[derive(Clone, Copy)]
pub(crate) struct Lifetimes<const N: usize> {
    items: [Item; N],
    count: usize,
}

impl<const N: usize> Lifetimes<N> {
    pub(crate) const fn new() -> Self {
        Self { items: [Item { from: 0, to: 0, len: 0, offset: 0 }; N], count: 0 }
    }

    /// Adds a tensor, rounded up to whole multiples of `align`, and gives its number.
    pub(crate) const fn add(&mut self, from: usize, to: usize, len: usize, align: usize) -> usize {
        let id = self.count;
        if len == 0 || id >= N {
            return NONE;
        }
        let len = match len.checked_next_multiple_of(align) {
            Some(len) => len,
            None => usize::MAX, // has no place: `place` will say so
        };
        self.items[id] = Item { from, to, len, offset: 0 };
        self.count += 1;
        id
    }

    /// Where tensor `id` was put; [`NONE`] for one without elements.
    pub(crate) const fn offset(&self, id: usize) -> usize {
        if id < N { self.items[id].offset } else { NONE }
    }

    /// Gives every tensor the lowest free offset, the largest tensors first (ties: in the order they were added), and
    /// returns the length of the arena; `None` if it overflows.
    ///
    /// Greedy by size is what TensorFlow Lite's planner does (Pisarchyk and Lee, "Efficient Memory Management for Deep
    /// Neural Net Inference", 2020): close to the lower bound on chains of layers.
    pub(crate) const fn place(&mut self) -> Option<usize> {
        let order = self.by_size();
        // The tensors placed so far, by offset.
        let (mut placed, mut end, mut round) = ([0; N], 0, 0);
        while round < self.count {
            let next = order[round];
            let Some((offset, top)) = self.lowest_free(next, &placed, round) else { return None };
            self.items[next].offset = offset;
            let mut at = round;
            while at > 0 && self.items[placed[at - 1]].offset > offset {
                placed[at] = placed[at - 1];
                at -= 1;
            }
            placed[at] = next;
            if top > end {
                end = top;
            }
            round += 1;
        }
        Some(end)
    }

    /// The numbers of all tensors, the largest first. Merging short runs into longer ones keeps the compiler's work in
    /// `const` evaluation below its limit for networks of some eighty layers.
    const fn by_size(&self) -> [usize; N] {
        let (mut order, mut merged, mut i) = ([0; N], [0; N], 0);
        while i < self.count {
            order[i] = i;
            i += 1;
        }
        let mut run = 1;
        while run < self.count {
            let mut start = 0;
            while start < self.count {
                let mid = min(start + run, self.count);
                let stop = min(mid + run, self.count);
                let (mut a, mut b, mut at) = (start, mid, start);
                while at < stop {
                    let first = b == stop || (a < mid && self.items[order[a]].len >= self.items[order[b]].len);
                    if first {
                        merged[at] = order[a];
                        a += 1;
                    } else {
                        merged[at] = order[b];
                        b += 1;
                    }
                    at += 1;
                }
                start = stop;
            }
            order = merged;
            run *= 2;
        }
        order
    }

    /// The lowest offset at which tensor `id` meets none of the `count` already placed, and its end.
    const fn lowest_free(&self, id: usize, placed: &[usize; N], count: usize) -> Option<(usize, usize)> {
        let item = self.items[id];
        let (mut offset, mut i) = (0usize, 0);
        while i < count {
            let other = self.items[placed[i]];
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
            i += 1;
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
                if self.items[i].from <= t && t <= self.items[i].to {
                    live = live.saturating_add(self.items[i].len);
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

const fn min(a: usize, b: usize) -> usize {
    if a < b { a } else { b }
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
            let mut set = Lifetimes::<24>::new();
            for _ in 0..24 {
                let from = next(12);
                set.add(from, from + next(6), next(40), 1);
            }
            let end = set.place().unwrap();
            let mut bound = 0;
            for t in 0..18 {
                let live = || set.items.iter().filter(|i| i.from <= t && t <= i.to);
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
        let mut set = Lifetimes::<2>::new();
        set.add(0, 1, usize::MAX, 1);
        set.add(0, 1, 2, 1);
        assert_eq!(set.place(), None);
    }
}
