"""Pooling."""

import torch
import torch.nn.functional as F

from record import backward, number, parameters


def max_pool2d():
    # n, c, h, w, kernel, stride, padding; whole numbers, so that windows have several maxima
    cases = [
        (2, 3, 6, 8, (2, 2), (2, 2), (0, 0)),
        (1, 2, 7, 9, (3, 2), (2, 1), (1, 1)),
        (2, 1, 5, 5, (3, 3), (1, 1), (1, 1)),
    ]
    for i, (n, c, h, w, kernel, stride, padding) in enumerate(cases):
        name = f"max_pool2d/{i}"
        number(f"{name}/geometry", *kernel, *stride, *padding)
        (x,) = parameters(name, x=torch.randint(-3, 3, (n, c, h, w)).double())
        backward(name, F.max_pool2d(x, kernel, stride, padding), x=x)


def write():
    max_pool2d()
