//! One small call of each kernel, on numbers that are the same everywhere.

use flatgrad_core::{Context, Result, reference};

/// FNV-1a over the bits.
fn hash(x: &[f32]) -> u64 {
    x.iter().flat_map(|x| x.to_bits().to_le_bytes()).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Numbers in `[-1, 1)` whose products round.
fn fill<const N: usize>(seed: u32) -> [f32; N] {
    let mut s = seed.wrapping_mul(0x9e37_79b9) | 1;
    core::array::from_fn(|_| {
        s ^= s << 13;
        s ^= s >> 17;
        s ^= s << 5;
        (s >> 8) as f32 / 8_388_608.0 - 1.0
    })
}

/// Runs every kernel and gives each result's name and hash to `print`.
pub fn run(_ctx: Context, print: &mut dyn FnMut(&str, u64)) -> Result {
    let (a, b): ([f32; 64], [f32; 64]) = (fill(1), fill(2));
    let mut c = [0.0f32; 64];
    for i in 0..64 {
        c[i] = reference::fma(a[i], b[i], 1.0 / 3.0);
    }
    print("fma", hash(&c));
    #[cfg(feature = "plant-panic")]
    {
        let at = hash(&c) as usize % 65;
        print("planted", u64::from(c[core::hint::black_box(at)].to_bits()));
    }
    Ok(())
}
