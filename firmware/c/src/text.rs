//! Messages without `core::fmt`, which is large and can panic.

use core::ffi::c_char;

/// A short text in `N` bytes, the last of which is 0; what does not fit is cut off.
pub(crate) struct Text<const N: usize> {
    bytes: [c_char; N],
    len: usize,
}

impl<const N: usize> Text<N> {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; N], len: 0 }
    }

    /// The text with a zero at its end.
    pub(crate) const fn finish(self) -> [c_char; N] {
        self.bytes
    }

    fn byte(&mut self, byte: u8) -> &mut Self {
        let end = self.len + 1;
        match self.bytes.get_mut(self.len) {
            Some(place) if end < N => {
                *place = byte as c_char;
                self.len = end;
            }
            _ => {}
        }
        self
    }

    // Errors are rare and texts many: calls, not copies.
    #[inline(never)]
    pub(crate) fn str(&mut self, s: &str) -> &mut Self {
        s.bytes().fold(self, |text, byte| text.byte(byte))
    }

    /// In decimal.
    #[inline(never)]
    pub(crate) fn num(&mut self, n: usize) -> &mut Self {
        let (mut digits, mut rest) = ([0; 20], n);
        let mut used = 0;
        for digit in digits.iter_mut().rev() {
            (*digit, rest, used) = (b'0' + (rest % 10) as u8, rest / 10, used + 1);
            if rest == 0 {
                break;
            }
        }
        digits.iter().skip(digits.len() - used).fold(self, |text, digit| text.byte(*digit))
    }

    /// Six digits after the point at most; an exponent where these would not do.
    #[inline(never)]
    pub(crate) fn float(&mut self, x: f32) -> &mut Self {
        if x.is_nan() {
            return self.str("NaN");
        }
        if x.is_sign_negative() {
            self.str("-");
        }
        let (mut x, mut exponent) = (f64::from(x.abs()), 0usize);
        if x == f64::INFINITY {
            return self.str("inf");
        }
        let small = x < 1e-4;
        while x != 0.0 && (!(1e-4..1e7).contains(&x) || exponent > 0 && if small { x < 1.0 } else { x >= 10.0 }) {
            x = if small { x * 10.0 } else { x / 10.0 };
            exponent += 1;
        }
        let millionths = (x * 1e6 + 0.5) as u64;
        self.num((millionths / 1_000_000) as usize);
        let (mut rest, mut place) = (millionths % 1_000_000, 100_000);
        if rest > 0 {
            self.str(".");
        }
        while rest > 0 {
            self.byte(b'0' + (rest / place) as u8);
            (rest, place) = (rest % place, (place / 10).max(1));
        }
        match (exponent, small) {
            (0, _) => self,
            (n, true) => self.str("e-").num(n),
            (n, false) => self.str("e").num(n),
        }
    }
}
