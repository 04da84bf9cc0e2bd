//! The flatgrad program.
fn main() {}
