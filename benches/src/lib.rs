//! A package needs a library; the benchmarks themselves are in `benches/`.
