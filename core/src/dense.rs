//! Fully connected layers.
