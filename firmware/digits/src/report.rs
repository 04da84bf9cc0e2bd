//! Numbers as text, without `core::fmt`: that takes more flash than the training, and can panic.

use core::num::NonZeroU32;

/// Where text goes.
pub type Print = fn(&[u8]);

const TEN: NonZeroU32 = NonZeroU32::new(10).unwrap();
const SIXTEEN: NonZeroU32 = NonZeroU32::new(16).unwrap();

/// A whole number.
pub fn number(print: Print, n: usize) {
    digits(print, n as u32, TEN, 1);
}

/// A number of at least 0, with four decimals.
pub fn decimal(print: Print, x: f32) {
    let scaled = (x * 10_000.0 + 0.5) as u32;
    digits(print, scaled / 10_000, TEN, 1);
    print(b".");
    digits(print, scaled % 10_000, TEN, 4);
}

/// Words in hexadecimal.
pub fn hex(print: Print, words: [u32; 8]) {
    words.iter().for_each(|word| digits(print, *word, SIXTEEN, 8));
}

/// `n` with at least `least` digits.
fn digits(print: Print, mut n: u32, base: NonZeroU32, least: usize) {
    let mut text = [0; 10];
    let mut start = text.len();
    while let Some(digit) = text.get_mut(start.wrapping_sub(1)).filter(|_| n > 0 || start + least > 10) {
        let value = (n % base) as u8;
        *digit = if value < 10 { b'0' + value } else { b'a' - 10 + value };
        n /= base;
        start -= 1;
    }
    print(text.get(start..).unwrap_or(&[]));
}
