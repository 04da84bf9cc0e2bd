"""Pooling."""

import torch
import torch.nn.functional as F

from record import backward, number, parameters, randn


def max_pool2d():
    # n, c, h, w, kernel, stride, padding; whole numbers, so that windows have several maxima. The last is max_pool1d.
    cases = [
        (2, 3, 6, 8, (2, 2), (2, 2), (0, 0)),
        (1, 2, 7, 9, (3, 2), (2, 1), (1, 1)),
        (2, 1, 5, 5, (3, 3), (1, 1), (1, 1)),
        (1, 2, 9, 20, (3, 3), (2, 2), (1, 1)),
        (2, 2, 1, 21, (1, 3), (1, 2), (0, 1)),
    ]
    for i, (n, c, h, w, kernel, stride, padding) in enumerate(cases):
        name = f"max_pool2d/{i}"
        number(f"{name}/geometry", *kernel, *stride, *padding)
        (x,) = parameters(name, x=torch.randint(-3, 3, (n, c, h, w)).double())
        if h == 1:
            y = F.max_pool1d(x.squeeze(2), kernel[1], stride[1], padding[1]).unsqueeze(2)
        else:
            y = F.max_pool2d(x, kernel, stride, padding)
        backward(name, y, x=x)


def avg_pool2d():
    # n, c, h, w, kernel, stride, padding; the last is avg_pool1d
    cases = [
        (2, 3, 6, 8, (2, 2), (2, 2), (0, 0)),
        (1, 2, 7, 9, (3, 3), (1, 1), (1, 1)),
        (1, 2, 9, 20, (3, 3), (2, 2), (1, 1)),
        (1, 2, 7, 9, (3, 2), (2, 3), (1, 1)),
        (2, 2, 1, 21, (1, 3), (1, 2), (0, 1)),
    ]
    for i, (n, c, h, w, kernel, stride, padding) in enumerate(cases):
        for include in (True, False):
            name = f"avg_pool2d/{2 * i + (not include)}"
            number(f"{name}/geometry", *kernel, *stride, *padding, include)
            (x,) = parameters(name, x=randn(n, c, h, w))
            if h == 1:
                y = F.avg_pool1d(x.squeeze(2), kernel[1], stride[1], padding[1], count_include_pad=include).unsqueeze(2)
            else:
                y = F.avg_pool2d(x, kernel, stride, padding, count_include_pad=include)
            backward(name, y, x=x)


def global_avg_pool():
    for i, shape in enumerate([(2, 3, 7, 7), (3, 2, 5, 9)]):
        name = f"global_avg_pool/{i}"
        (x,) = parameters(name, x=randn(*shape))
        backward(name, F.adaptive_avg_pool2d(x, 1), x=x)


def write():
    max_pool2d()
    avg_pool2d()
    global_avg_pool()
