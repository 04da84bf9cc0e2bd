//! The std side of flatgrad.
#![forbid(unsafe_code)]
