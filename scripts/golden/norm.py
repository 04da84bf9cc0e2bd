"""Normalization."""

import torch
import torch.nn.functional as F

from record import backward, parameters, randn, tensor


def batch_norm():
    # The last two: a dense layer's, and a mean that dwarfs the deviation.
    for i, (shape, mean) in enumerate([((4, 3, 5, 6), 0.5), ((8, 5), 0.5), ((2, 3, 4, 4), 1000.0)]):
        name = f"batch_norm/{i}"
        c = shape[1]
        x = (randn(*shape) + mean).float().double()
        x, scale, shift = parameters(name, x=x, scale=randn(c), shift=randn(c))
        running_mean, running_var = randn(c), randn(c).square().float().double()
        tensor(f"{name}/old_mean", running_mean)
        tensor(f"{name}/old_var", running_var)
        tensor(f"{name}/infer", F.batch_norm(x, running_mean, running_var, scale, shift))
        y = F.batch_norm(x, running_mean, running_var, scale, shift, training=True)
        tensor(f"{name}/new_mean", running_mean)
        tensor(f"{name}/new_var", running_var)
        backward(name, y, x=x, scale=scale, shift=shift)


def write():
    batch_norm()
