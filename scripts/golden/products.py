"""Convolutions and dense layers."""

import torch
import torch.nn.functional as F

from record import backward, number, parameters, randn, tensor


def conv2d():
    # n, [c, h, w], out_channels, kernel, stride, padding, dilation, groups
    cases = [
        (2, (3, 7, 8), 4, (3, 3), (1, 1), (1, 1), (1, 1), 1),
        (2, (4, 9, 8), 6, (3, 2), (2, 1), (1, 0), (1, 1), 2),
        (1, (5, 11, 10), 7, (3, 3), (2, 2), (2, 2), (2, 2), 1),
        (2, (6, 7, 7), 6, (3, 3), (1, 1), (1, 1), (1, 1), 6),
        (3, (8, 5, 5), 16, (1, 1), (1, 1), (0, 0), (1, 1), 1),
        (1, (1, 12, 12), 3, (5, 5), (3, 3), (2, 2), (1, 1), 1),
        (2, (2, 6, 5), 4, (1, 3), (1, 2), (0, 2), (1, 2), 2),
        # depthwise with a multiplier; dilation with stride and a remainder
        (2, (3, 6, 9), 6, (3, 3), (2, 2), (1, 1), (1, 1), 3),
        (1, (3, 13, 12), 5, (3, 2), (3, 2), (2, 3), (2, 3), 1),
    ]
    for i, (n, (c, h, w), oc, kernel, stride, padding, dilation, groups) in enumerate(cases):
        name = f"conv2d/{i}"
        number(f"{name}/geometry", *stride, *padding, *dilation, groups)
        x, weight, bias = parameters(name, x=randn(n, c, h, w), weight=randn(oc, c // groups, *kernel), bias=randn(oc))
        y = F.conv2d(x, weight, bias, stride, padding, dilation, groups)
        backward(name, y, x=x, weight=weight, bias=bias)


def conv1d():
    # n, [c, length], out_channels, kernel, stride, padding, dilation, groups
    cases = [
        (3, (4, 37), 6, 5, 1, 2, 1, 1),
        (2, (1, 50), 8, 7, 2, 3, 1, 1),
        (2, (6, 33), 12, 3, 3, 4, 4, 6),
    ]
    for i, (n, (c, length), oc, kernel, stride, padding, dilation, groups) in enumerate(cases):
        name = f"conv1d/{i}"
        number(f"{name}/geometry", stride, padding, dilation, groups)
        x, weight, bias = parameters(name, x=randn(n, c, length), weight=randn(oc, c // groups, kernel), bias=randn(oc))
        backward(name, F.conv1d(x, weight, bias, stride, padding, dilation, groups), x=x, weight=weight, bias=bias)


def linear():
    name = "linear/0"
    x, weight, bias = parameters(name, x=randn(5, 19), weight=randn(13, 19), bias=randn(13))
    backward(name, F.linear(x, weight, bias), x=x, weight=weight, bias=bias)


def write():
    conv2d()
    conv1d()
    linear()
