//! Sharing out by channel: in a tensor `[n, channels, spatial]` a run of channels is not contiguous, so the parts that
//! threads get are strided views.

use super::share::GRAIN;
use crate::machine::Context;
use core::marker::PhantomData;

/// Some neighbouring channels of a tensor `[n, channels, spatial]`, to write. A vector with one element per channel is
/// the case `n = spatial = 1`.
pub(crate) struct ChannelsMut<'a> {
    /// The whole tensor; this view touches only its own channels.
    data: *mut f32,
    n: usize,
    channels: usize,
    spatial: usize,
    first: usize,
    count: usize,
    tensor: PhantomData<&'a mut [f32]>,
}

// SAFETY: the view is an exclusive borrow of plain floats, disjoint from all other parts of the tensor.
unsafe impl Send for ChannelsMut<'_> {}

impl<'a> ChannelsMut<'a> {
    /// All channels of `data`; an empty view if `data` is too short for the shape.
    pub(crate) fn new(data: &'a mut [f32], [n, channels, spatial]: [usize; 3]) -> Self {
        let fits = n.checked_mul(channels).and_then(|l| l.checked_mul(spatial)).is_some_and(|l| l <= data.len());
        let n = if fits { n } else { 0 };
        Self { data: data.as_mut_ptr(), n, channels, spatial, first: 0, count: channels, tensor: PhantomData }
    }

    /// A vector of one element per channel.
    pub(crate) fn vector(data: &'a mut [f32]) -> Self {
        let channels = data.len();
        Self::new(data, [1, channels, 1])
    }

    /// Keeps the first `at` channels and gives the others.
    fn split_off(&mut self, at: usize) -> Self {
        let at = at.min(self.count);
        let rest = Self { first: self.first + at, count: self.count - at, ..*self };
        self.count = at;
        rest
    }

    /// The index of the first channel of this part.
    pub(crate) fn first(&self) -> usize {
        self.first
    }

    /// The number of channels of this part.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// This part's channels of one sample: `[count, spatial]`.
    #[inline(always)]
    pub(crate) fn sample(&mut self, sample: usize) -> &mut [f32] {
        if sample >= self.n {
            return &mut [];
        }
        // SAFETY: sample < n and first + count <= channels, so the run lies in the tensor (`new` compared the lengths);
        // it belongs to this part alone, and `&mut self` keeps it from being borrowed twice.
        unsafe {
            let start = (sample * self.channels + self.first) * self.spatial;
            core::slice::from_raw_parts_mut(self.data.add(start), self.count * self.spatial)
        }
    }

    /// One channel of one sample, counted from this part's first channel.
    #[inline(always)]
    pub(crate) fn plane(&mut self, sample: usize, channel: usize) -> &mut [f32] {
        let spatial = self.spatial;
        if channel >= self.count {
            return &mut [];
        }
        self.sample(sample).get_mut(channel * spatial..(channel + 1) * spatial).unwrap_or(&mut [])
    }
}

/// Cuts all outputs (which have equally many channels) at the same channels and runs `f` on the parts, on as many
/// threads as `ctx` has and as `work` elements are worth. `f` must treat channels independently.
#[inline(always)]
pub(crate) fn share_channels<const M: usize>(
    ctx: Context,
    work: usize,
    outputs: [ChannelsMut; M],
    f: &(dyn Fn([ChannelsMut; M]) + Sync),
) {
    if ctx.threads() == 1 {
        return f(outputs);
    }
    let channels = outputs.iter().map(|o| o.count).min().unwrap_or(0);
    share_parts(ctx, ctx.threads().min(work / GRAIN).min(channels), channels, outputs, f);
}

fn share_parts<const M: usize>(
    ctx: Context,
    parts: usize,
    channels: usize,
    mut outputs: [ChannelsMut; M],
    f: &(dyn Fn([ChannelsMut; M]) + Sync),
) {
    if parts <= 1 {
        return f(outputs);
    }
    let left = parts / 2;
    let mid = channels * left / parts;
    let right = outputs.each_mut().map(|o| o.split_off(mid));
    let (mut a, mut b) = (Some(outputs), Some(right));
    ctx.join(
        || {
            if let Some(outputs) = a.take() {
                share_parts(ctx, left, mid, outputs, f);
            }
        },
        || {
            if let Some(outputs) = b.take() {
                share_parts(ctx, parts - left, channels - mid, outputs, f);
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Isa;
    use crate::machine::Parallel;

    extern crate std;
    use std::vec;

    struct Parts(usize);
    impl Parallel for Parts {
        fn threads(&self) -> usize {
            self.0
        }
        fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
            b();
            a();
        }
    }

    #[test]
    fn every_channel_is_visited_once() {
        let (n, channels, spatial) = (3, 7, 5);
        for threads in 1..9 {
            let pool = Parts(threads);
            let ctx = Context::parallel(Isa::PORTABLE, &pool);
            let (mut y, mut v) = (vec![0.0; n * channels * spatial], vec![0.0; channels]);
            let views = [ChannelsMut::new(&mut y, [n, channels, spatial]), ChannelsMut::vector(&mut v)];
            share_channels(ctx, usize::MAX, views, &|[mut y, mut v]| {
                for c in 0..y.count() {
                    let channel = (y.first() + c) as f32;
                    for i in 0..n {
                        y.plane(i, c).iter_mut().for_each(|y| *y += channel + 100.0 * i as f32);
                    }
                    v.sample(0)[c] += channel;
                }
            });
            for (i, y) in y.iter().enumerate() {
                let (sample, channel) = (i / (channels * spatial), i / spatial % channels);
                assert_eq!(*y, channel as f32 + 100.0 * sample as f32);
            }
            assert!(v.iter().enumerate().all(|(c, v)| *v == c as f32));
        }
    }

    #[test]
    fn a_short_tensor_gives_an_empty_view() {
        let mut y = [0.0; 5];
        let mut view = ChannelsMut::new(&mut y, [2, 3, 1]);
        assert!(view.sample(0).is_empty() && view.plane(0, 0).is_empty());
        let mut view = ChannelsMut::new(&mut y, [1, 5, 1]);
        assert_eq!((view.plane(0, 4).len(), view.plane(0, 5).len(), view.plane(1, 0).len()), (1, 0, 0));
    }
}
