//! Shapes and data shared by the benchmarks.
