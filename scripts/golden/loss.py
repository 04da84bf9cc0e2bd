"""Losses."""

import torch
import torch.nn.functional as F

from record import number, parameters, randn, tensor


def result(name, loss, x):
    """The mean loss and its gradient."""
    number(f"{name}/mean_loss", loss.item())
    tensor(f"{name}/dx", torch.autograd.grad(loss, x)[0])


def cross_entropy():
    for i, scale in enumerate([1.0, 40.0]):
        name = f"cross_entropy/{i}"
        labels = torch.randint(0, 10, (7,))
        tensor(f"{name}/labels", labels.float())
        (x,) = parameters(name, x=randn(7, 10, scale=scale))
        number(f"{name}/smoothing", 0.0)
        number(f"{name}/correct", (x.argmax(1) == labels).sum())
        result(name, F.cross_entropy(x, labels), x)
    name = "cross_entropy/2"
    labels = torch.randint(0, 10, (7,))
    tensor(f"{name}/labels", labels.float())
    (x,) = parameters(name, x=randn(7, 10, scale=4.0))
    number(f"{name}/smoothing", 0.125)
    number(f"{name}/correct", (x.argmax(1) == labels).sum())
    result(name, F.cross_entropy(x, labels, label_smoothing=0.125), x)


def soft_cross_entropy():
    # Smoothing, and whether the probabilities add up to one.
    for i, (smoothing, normal) in enumerate([(0.0, True), (0.125, True), (0.0, False), (0.125, False)]):
        name = f"soft_cross_entropy/{i}"
        p = torch.rand(7, 10)
        p = (p / p.sum(1, keepdim=True) if normal else p).double()
        tensor(f"{name}/probabilities", p)
        (x,) = parameters(name, x=randn(7, 10, scale=4.0))
        number(f"{name}/smoothing", smoothing)
        number(f"{name}/correct", (x.argmax(1) == p.argmax(1)).sum())
        result(name, F.cross_entropy(x, p, label_smoothing=smoothing), x)


def regression():
    for i, scale in enumerate([1.0, 100.0]):
        for kind, loss in [
            ("mean_squared", F.mse_loss),
            ("huber", lambda x, t: F.huber_loss(x, t, delta=0.75)),
        ]:
            name = f"{kind}/{i}"
            x, t = parameters(name, x=randn(7, 23, scale=scale), target=randn(7, 23))
            result(name, loss(x, t), x)


def binary_cross_entropy():
    for i, scale in enumerate([1.0, 40.0]):
        name = f"binary_cross_entropy/{i}"
        t = torch.cat([torch.rand(7, 20), torch.zeros(7, 1), torch.ones(7, 2)], 1).double()
        tensor(f"{name}/target", t)
        (x,) = parameters(name, x=randn(7, 23, scale=scale))
        number(f"{name}/correct", ((x > 0) == (t > 0.5)).sum())
        result(name, F.binary_cross_entropy_with_logits(x, t), x)


def write():
    cross_entropy()
    soft_cross_entropy()
    regression()
    binary_cross_entropy()
