"""Activation functions, softmax, and the functions of `math`."""

import torch
import torch.nn.functional as F

from record import backward, number, parameters, randn, tensor

# From the far negative tail to where everything is linear; no corner but 0, which randn does not hit.
GRID = torch.cat([torch.linspace(-12, 12, 97) + 0.01, torch.tensor([-90.0, -30.0, -1e-3, 1e-3, 30.0, 90.0])])


def activations():
    # name, parameters, function
    cases = [
        ("relu", [], F.relu),
        ("leaky_relu", [0.01], lambda x: F.leaky_relu(x)),
        ("leaky_relu", [-0.5], lambda x: F.leaky_relu(x, -0.5)),
        ("elu", [1.0], lambda x: F.elu(x)),
        ("elu", [0.25], lambda x: F.elu(x, 0.25)),
        ("elu", [-0.5], lambda x: F.elu(x, -0.5)),
        ("sigmoid", [], torch.sigmoid),
        ("tanh", [], torch.tanh),
        ("gelu", [], F.gelu),
        ("gelu_tanh", [], lambda x: F.gelu(x, approximate="tanh")),
        ("silu", [], F.silu),
        ("hard_swish", [], F.hardswish),
        ("softplus", [1.0, 20.0], lambda x: F.softplus(x)),
        ("softplus", [2.5, 8.0], lambda x: F.softplus(x, 2.5, 8.0)),
    ]
    counts = {}
    for kind, values, function in cases:
        name = f"{kind}/{counts.setdefault(kind, 0)}"
        counts[kind] += 1
        number(f"{name}/parameters", *values)
        (x,) = parameters(name, x=GRID.double())
        backward(name, function(x), x=x)


def mish():
    """Apart from the others: the random numbers of those behind it stay what they are."""
    number("mish/0/parameters")
    (x,) = parameters("mish/0", x=GRID.double())
    backward("mish/0", F.mish(x), x=x)


def softmaxes():
    for kind, function in [("softmax", F.softmax), ("log_softmax", F.log_softmax)]:
        for i, scale in enumerate([1.0, 20.0]):
            name = f"{kind}/{i}"
            (x,) = parameters(name, x=randn(5, 13, scale=scale))
            backward(name, function(x, dim=1), x=x)


def math():
    x = (GRID / 2).double()
    functions = [torch.exp, torch.expm1, torch.tanh, torch.sigmoid, torch.erf]
    tensor("math/x", x)
    for f in functions:
        tensor(f"math/{f.__name__}", f(x))
    tensor("math/positive", x.abs())
    for f in [torch.log, torch.log1p, torch.rsqrt]:
        tensor(f"math/{f.__name__}", f(x.abs()))


def write():
    activations()
    softmaxes()
    math()
    mish()
