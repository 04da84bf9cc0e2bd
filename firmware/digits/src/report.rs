//! Numbers as text, without `core::fmt`: that takes more flash than the training, and can panic.

/// Where text goes.
pub type Print<'a> = &'a mut dyn FnMut(&[u8]);

/// A whole number.
pub fn number(print: Print, mut n: usize) {
    let mut text = [b'0'; 20];
    let mut start = text.len();
    for (i, digit) in text.iter_mut().enumerate().rev() {
        *digit = b'0' + (n % 10) as u8;
        start = i;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    print(text.get(start..).unwrap_or(&[]));
}

/// A number of at least 0, with four decimals.
pub fn decimal(print: Print, x: f32) {
    let scaled = (x * 10_000.0 + 0.5) as u32;
    number(print, (scaled / 10_000) as usize);
    let mut rest = scaled % 10_000;
    let mut text = *b".0000";
    for digit in text.iter_mut().skip(1).rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    print(&text);
}

/// Words in hexadecimal.
pub fn hex(print: Print, words: [u32; 8]) {
    for mut word in words {
        for _ in 0..8 {
            word = word.rotate_left(4);
            let digit = (word & 15) as u8;
            print(&[if digit < 10 { b'0' + digit } else { b'a' - 10 + digit }]);
        }
    }
}
