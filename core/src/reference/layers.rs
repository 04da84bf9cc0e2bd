//! Normalization, activation, pooling, loss, dropout and optimizers.
