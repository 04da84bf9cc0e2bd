//! Initialization.
