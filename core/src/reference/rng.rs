//! Random numbers.

use crate::rng::Stream;

/// One block of Philox 4x32-10: [`philox4x32_10`](crate::rng::philox4x32_10).
pub fn philox4x32_10(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let ([mut c0, mut c1, mut c2, mut c3], [mut k0, mut k1]) = (counter.map(u64::from), key);
    for _ in 0..10 {
        let (p0, p1) = (0xd251_1f53 * c0, 0xcd9e_8d57 * c2);
        (c0, c2) = ((p1 >> 32) ^ c1 ^ u64::from(k0), (p0 >> 32) ^ c3 ^ u64::from(k1));
        (c1, c3) = (p1 & 0xffff_ffff, p0 & 0xffff_ffff);
        (k0, k1) = (k0.wrapping_add(0x9e37_79b9), k1.wrapping_add(0xbb67_ae85));
    }
    [c0, c1, c2, c3].map(|c| c as u32)
}

/// A random permutation: [`permutation`](crate::rng::permutation).
pub fn permutation(stream: Stream, out: &mut [u32]) {
    let mut element = 0;
    for i in 0..out.len() as u64 {
        let bound = i + 1;
        let j = loop {
            let product = u64::from(stream.bits(element)) * bound;
            element += 1;
            // The low half below 2^32 mod bound would favour some results.
            if product % (1 << 32) >= (1 << 32) % bound {
                break product >> 32;
            }
        };
        out[i as usize] = out[j as usize];
        out[j as usize] = i as u32;
    }
}
