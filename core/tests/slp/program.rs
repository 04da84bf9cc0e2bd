//! LLVM's SLP vectorizer breaks this program at opt-level 3: `words` gives wrong words in rustc 1.95 and 1.96 (LLVM
//! 22.1.2 and 22.1.8). Code comes out in which a value is used before it is computed, which `-Zverify-llvm-ir`
//! reports. It goes with the loop of Philox (`core/src/rng.rs`), four blocks side by side, whose words are stored
//! interleaved. With `--cfg opaque` the compiler does not see through from the rounds to the interleaving, as in the
//! library (`Simd::opaque`).
//!
//! Prints the indices of the wrong words.

type V = [u32; 4];

fn zip_with(a: V, b: V, f: impl Fn(u32, u32) -> u32) -> V {
    std::array::from_fn(|i| f(a[i], b[i]))
}

fn xor(a: V, b: V) -> V {
    zip_with(a, b, |a, b| a ^ b)
}

fn mul_wide(a: V, b: u32) -> (V, V) {
    let p = a.map(|a| a as u64 * b as u64);
    (p.map(|p| p as u32), p.map(|p| (p >> 32) as u32))
}

fn opaque(v: V) -> V {
    if cfg!(opaque) { std::hint::black_box(v) } else { v }
}

fn group(low: u32, key: u64) -> [V; 4] {
    let [mut a, mut b, mut c, mut d] = [std::array::from_fn(|i| low + i as u32), [7; 4], [5; 4], [2; 4]];
    let [mut k0, mut k1] = [key as u32, (key >> 32) as u32];
    for _ in 0..10 {
        let (p_low, p_high) = mul_wide(a, 0xd251_1f53);
        let (q_low, q_high) = mul_wide(c, 0xcd9e_8d57);
        (a, b) = (xor(xor(q_high, b), [k0; 4]), q_low);
        (c, d) = (xor(xor(p_high, d), [k1; 4]), p_low);
        (k0, k1) = (k0.wrapping_add(0x9e37_79b9), k1.wrapping_add(0xbb67_ae85));
    }
    let [a, b, c, d] = [opaque(a), opaque(b), opaque(c), opaque(d)];
    std::array::from_fn(|i| [a[i], b[i], c[i], d[i]])
}

#[inline(never)]
fn words(key: u64, x: &mut [u32]) {
    let mut i = 0;
    while i < x.len() {
        let words = group(i as u32 / 4, key);
        if let Some(x) = x.get_mut(i..i + 16) {
            for (x, words) in x.chunks_mut(4).zip(words) {
                x.copy_from_slice(&words)
            }
        } else {
            x[i..].iter_mut().zip(words.as_flattened()).for_each(|(x, w)| *x = *w)
        }
        i += 16;
    }
}

fn main() {
    let mut x = [0; 45];
    words(std::hint::black_box(3 << 40), &mut x);
    let mut wrong = vec![];
    for i in 0..45 {
        let ([mut a, mut b, mut c, mut d], [mut k0, mut k1]) = ([i as u32 / 4, 7, 5, 2], [0u32, 3 << 8]);
        for _ in 0..10 {
            let (p, q) = (0xd251_1f53 * a as u64, 0xcd9e_8d57 * c as u64);
            (a, b) = ((q >> 32) as u32 ^ b ^ k0, q as u32);
            (c, d) = ((p >> 32) as u32 ^ d ^ k1, p as u32);
            (k0, k1) = (k0.wrapping_add(0x9e37_79b9), k1.wrapping_add(0xbb67_ae85));
        }
        if x[i] != [a, b, c, d][i % 4] {
            wrong.push(i)
        }
    }
    println!("{wrong:?}");
}
