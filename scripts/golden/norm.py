"""Normalization."""

import torch
import torch.nn.functional as F

from record import backward, number, parameters, randn, tensor


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


def batch_norm_cumulative():
    """Three batches with momentum=None: running statistics are the average over all of them."""
    layer = torch.nn.BatchNorm1d(3, momentum=None).double()
    for i in range(3):
        x = (randn(4, 3, 5) + i).float().double()
        tensor(f"cumulative/{i}/x", x)
        layer(x)
        tensor(f"cumulative/{i}/mean", layer.running_mean)
        tensor(f"cumulative/{i}/var", layer.running_var)


def batch_norm_infer_backward():
    dy, scale, var = randn(3, 4, 5), randn(4), randn(4).square().float().double()
    x = randn(3, 4, 5).requires_grad_()
    y = F.batch_norm(x, randn(4), var, scale, randn(4))
    (dx,) = torch.autograd.grad(y, x, dy)
    for name, t in {"dy": dy, "scale": scale, "var": var, "dx": dx}.items():
        tensor(f"infer_backward/0/{name}", t)


def group_norm():
    # Images, vectors, one group, and a mean that dwarfs the deviation.
    for i, (shape, groups, mean) in enumerate(
        [((3, 6, 4, 5), 3, 0.5), ((3, 12), 2, 0.5), ((2, 5, 7), 1, 0.5), ((2, 4, 4, 4), 2, 1000.0)]
    ):
        name, c = f"group_norm/{i}", shape[1]
        x = (randn(*shape) + mean).float().double()
        x, scale, shift = parameters(name, x=x, scale=randn(c), shift=randn(c))
        number(f"{name}/groups", groups)
        backward(name, F.group_norm(x, groups, scale, shift), x=x, scale=scale, shift=shift)


def instance_norm():
    (x,) = parameters("instance_norm/0", x=(randn(3, 4, 5, 5) + 0.5).float().double())
    backward("instance_norm/0", torch.nn.InstanceNorm2d(4)(x), x=x)


def layer_norm():
    for i, (shape, mean) in enumerate([((5, 37), 0.5), ((3, 64), 1000.0)]):
        name, f = f"layer_norm/{i}", shape[1]
        x = (randn(*shape) + mean).float().double()
        x, scale, shift = parameters(name, x=x, scale=randn(f), shift=randn(f))
        y, saved_mean, saved_rstd = torch.native_layer_norm(x, (f,), scale, shift, 1e-5)
        tensor(f"{name}/mean", saved_mean.flatten())
        tensor(f"{name}/rstd", saved_rstd.flatten())
        backward(name, y, x=x, scale=scale, shift=shift)


def rms_norm():
    for i, (shape, mean) in enumerate([((5, 37), 0.5), ((3, 64), 1000.0)]):
        name, f = f"rms_norm/{i}", shape[1]
        x = (randn(*shape) + mean).float().double()
        x, scale = parameters(name, x=x, scale=randn(f))
        # The default of f32, which f64 inputs would replace by their own.
        backward(name, F.rms_norm(x, (f,), scale, eps=1.1920928955078125e-07), x=x, scale=scale)


def write():
    batch_norm()
    batch_norm_cumulative()
    batch_norm_infer_backward()
    group_norm()
    instance_norm()
    layer_norm()
    rms_norm()
