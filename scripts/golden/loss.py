"""Losses."""

import torch
import torch.nn.functional as F

from record import number, parameters, randn, tensor


def cross_entropy():
    for i, scale in enumerate([1.0, 40.0]):
        name = f"cross_entropy/{i}"
        labels = torch.randint(0, 10, (7,))
        tensor(f"{name}/labels", labels.float())
        (x,) = parameters(name, x=randn(7, 10, scale=scale))
        loss = F.cross_entropy(x, labels)
        number(f"{name}/mean_loss", loss.item())
        number(f"{name}/correct", (x.argmax(1) == labels).sum())
        tensor(f"{name}/dx", torch.autograd.grad(loss, x)[0])


def write():
    cross_entropy()
