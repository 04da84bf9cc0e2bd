//! SHA-256 (FIPS 180-4) of numbers, in half a kilobyte: they are words already, and nothing has to be buffered.

/// The first bits of the fractional parts of the square (cube) roots of the first primes.
const START: [u32; 8] = roots(2);
const ROUNDS: [u32; 64] = roots(3);

const fn roots<const N: usize>(degree: u32) -> [u32; N] {
    let (mut roots, mut n, mut p) = ([0; N], 0, 2);
    while n < N {
        let (mut divisor, mut root, mut bit) = (2, 0, 1 << 36);
        while p % divisor != 0 {
            divisor += 1;
        }
        // A prime: its root, times 2^32, bit by bit.
        while divisor == p && bit > 0 {
            let next: u128 = root | bit;
            if next.pow(degree) <= (p as u128) << (32 * degree) {
                root = next;
            }
            bit >>= 1;
        }
        if divisor == p {
            roots[n] = root as u32;
            n += 1;
        }
        p += 1;
    }
    roots
}

/// The hash of the numbers' little-endian bytes, as big-endian words.
pub fn of(numbers: &[f32]) -> [u32; 8] {
    let (mut state, mut block) = (START, [0; 16]);
    // Behind the numbers come a one, zeros, and their length in bits, which has two words.
    let words = (numbers.len() + 3).next_multiple_of(16);
    for i in 0..words {
        block[i % 16] = match numbers.get(i) {
            Some(number) => number.to_bits().swap_bytes(),
            None if i == numbers.len() => 1 << 31,
            None if i == words - 1 => 32 * numbers.len() as u32,
            None => 0,
        };
        if i % 16 == 15 {
            compress(&mut state, &mut block);
        }
    }
    state
}

fn compress(state: &mut [u32; 8], w: &mut [u32; 16]) {
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    let turned = |x: u32, by: [u32; 3]| x.rotate_right(by[0]) ^ x.rotate_right(by[1]) ^ x.rotate_right(by[2]);
    for (t, k) in ROUNDS.iter().enumerate() {
        if t >= 16 {
            let (x, y) = (w[(t + 1) % 16], w[(t + 14) % 16]);
            let x = x.rotate_right(7) ^ x.rotate_right(18) ^ x >> 3;
            let y = y.rotate_right(17) ^ y.rotate_right(19) ^ y >> 10;
            w[t % 16] = w[t % 16].wrapping_add(x).wrapping_add(w[(t + 9) % 16]).wrapping_add(y);
        }
        let (choice, majority) = (e & f ^ !e & g, a & b ^ a & c ^ b & c);
        let x = h.wrapping_add(turned(e, [6, 11, 25])).wrapping_add(choice).wrapping_add(*k).wrapping_add(w[t % 16]);
        let y = turned(a, [2, 13, 22]).wrapping_add(majority);
        (h, g, f, e, d, c, b, a) = (g, f, e, d.wrapping_add(x), c, b, a, x.wrapping_add(y));
    }
    for (state, x) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *state = state.wrapping_add(x);
    }
}
