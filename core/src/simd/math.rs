//! Vector mathematics, written once from add, multiply, divide and integer operations.
