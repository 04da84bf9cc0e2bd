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

    /// Adds a tensor and gives its number.
    pub(crate) const fn add(&mut self, from: usize, to: usize, len: usize) -> usize {
        let id = self.count;
        if id < N {
            self.items[id] = Item { from, to, len, offset: 0 };
            self.count += 1;
        }
        id
    }

    pub(crate) const fn offset(&self, id: usize) -> usize {
        if id < N { self.items[id].offset } else { 0 }
    }

    /// Gives every tensor the lowest free offset, the largest tensors first (ties: in the order they were added), and
    /// returns the length of the arena; `None` if it overflows.
    ///
    /// Greedy by size is what TensorFlow Lite's planner does (Pisarchyk and Lee, "Efficient Memory Management for Deep
    /// Neural Net Inference", 2020): close to the lower bound on chains of layers.
    pub(crate) const fn place(&mut self) -> Option<usize> {
        let (mut placed, mut end, mut round) = ([false; N], 0, 0);
        while round < self.count {
            let (mut next, mut i) = (N, 0);
            while i < self.count {
                if !placed[i] && (next == N || self.items[i].len > self.items[next].len) {
                    next = i;
                }
                i += 1;
            }
            let Some(offset) = self.lowest_free(next, &placed) else { return None };
            self.items[next].offset = offset;
            placed[next] = true;
            // lowest_free has checked this sum
            if offset + self.items[next].len > end {
                end = offset + self.items[next].len;
            }
            round += 1;
        }
        Some(end)
    }

    /// The lowest offset at which tensor `id` meets none of those already placed.
    const fn lowest_free(&self, id: usize, placed: &[bool; N]) -> Option<usize> {
        let item = self.items[id];
        let (mut offset, mut i) = (0usize, 0);
        while i < self.count {
            let other = self.items[i];
            let together = placed[i] && other.len > 0 && other.from <= item.to && item.from <= other.to;
            let Some(end) = offset.checked_add(item.len) else { return None };
            if together && offset < other.offset + other.len && other.offset < end {
                // Move behind it and look at all of them again.
                offset = other.offset + other.len;
                i = 0;
            } else {
                i += 1;
            }
        }
        match offset.checked_add(item.len) {
            Some(_) => Some(offset),
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
                set.add(from, from + next(6), next(40));
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
        set.add(0, 1, usize::MAX);
        set.add(0, 1, 2);
        assert_eq!(set.place(), None);
    }
}
