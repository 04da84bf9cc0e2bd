//! Messages built in `const` evaluation, where `format!` does not exist: a wrong network is a compile error that names
//! the layer and the numbers.

/// A short text that can be written in `const` functions; what does not fit is cut off.
#[derive(Clone, Copy)]
pub struct Text {
    bytes: [u8; Self::CAPACITY],
    len: usize,
}

impl Text {
    const CAPACITY: usize = 240;

    pub(crate) const fn new() -> Self {
        Self { bytes: [0; Self::CAPACITY], len: 0 }
    }

    /// Appends `s`.
    pub(crate) const fn str(&mut self, s: &str) -> &mut Self {
        let (s, mut i) = (s.as_bytes(), 0);
        while i < s.len() && self.len < Self::CAPACITY {
            self.bytes[self.len] = s[i];
            self.len += 1;
            i += 1;
        }
        self
    }

    /// Appends `n` in decimal.
    pub(crate) const fn num(&mut self, n: usize) -> &mut Self {
        let (mut digits, mut rest, mut at) = ([0u8; 20], n, 20);
        while at > 0 && (rest > 0 || at == 20) {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        // Nothing here may panic: C's archive has this code.
        let Some((_, digits)) = digits.split_at_checked(at) else { return self };
        match core::str::from_utf8(digits) {
            Ok(s) => self.str(s),
            Err(_) => self,
        }
    }

    /// Appends the numbers with `x` between them: `64x7x7`.
    pub(crate) const fn dims(&mut self, dims: &[usize]) -> &mut Self {
        let mut i = 0;
        while i < dims.len() {
            if i > 0 {
                self.str("x");
            }
            self.num(dims[i]);
            i += 1;
        }
        self
    }

    /// The text.
    pub const fn as_str(&self) -> &str {
        let Some((text, _)) = self.bytes.split_at_checked(self.len) else { return "" };
        match core::str::from_utf8(text) {
            Ok(s) => s,
            Err(_) => "",
        }
    }
}
