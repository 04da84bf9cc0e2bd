"""Writes core/tests/golden/: what PyTorch computes, for core/tests/golden_kernels.rs.

    python3 -m venv venv && venv/bin/pip install torch==2.15.0 numpy==2.4.6
    venv/bin/python scripts/golden.py

golden.f32 holds all tensors one after another, little-endian f32. golden.txt says what they are, a line each: `name
tensor dimensions...` for the next tensor of that file, `name number values...` for numbers.

Layers and losses are computed in f64 from inputs that are f32, so the file is the truth rounded once, the same on every
CPU. Optimizers and the training run are computed in f32, the precision they are about.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

OUT = Path(__file__).resolve().parent.parent / "core/tests/golden"
lines, blobs = [], []


def tensor(name, t):
    t = torch.as_tensor(t).detach()
    lines.append(" ".join([name, "tensor", *map(str, t.shape)]))
    blobs.append(t.numpy().astype("<f4").tobytes())


def number(name, *values):
    lines.append(" ".join([name, "number", *(repr(float(v)) for v in values)]))


def randn(*shape, scale=1.0):
    """Values that are f32, as f64."""
    return (torch.randn(*shape) * scale).double()


def optimizers():
    steps, n = 50, 61
    # Sizes from 1e-4 to 1e2, some zeros.
    grads = torch.randn(steps, n) * 10.0 ** torch.linspace(-4, 2, n)
    grads[torch.rand(steps, n) < 0.05] = 0.0
    start = torch.randn(n)
    tensor("optim/grads", grads)
    tensor("optim/start", start)

    def run(name, make, state):
        p = start.clone().requires_grad_()
        optimizer = make([p])
        for step, g in enumerate(grads, 1):
            p.grad = g.clone()
            optimizer.step()
            if step in (1, 2, steps):
                tensor(f"{name}/{step}/params", p)
                for s in state:
                    tensor(f"{name}/{step}/{s}", optimizer.state[p][s])

    sgds = [
        dict(lr=0.1),
        dict(lr=0.05, momentum=0.9),
        dict(lr=0.05, momentum=0.9, dampening=0.25, weight_decay=0.01),
        dict(lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
    ]
    for i, o in enumerate(sgds):
        values = [o.get(k, 0) for k in ("lr", "momentum", "dampening", "weight_decay", "nesterov")]
        number(f"sgd/{i}/options", *values)
        state = ["momentum_buffer"] if "momentum" in o else []
        run(f"sgd/{i}", lambda p: torch.optim.SGD(p, foreach=False, **o), state)
    adams = [
        dict(lr=1e-3),
        dict(lr=1e-2, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1),
        dict(lr=1e-2, betas=(0.4, 0.9)),
        dict(lr=1e-2, betas=(0.0, 0.999)),
    ]
    for i, o in enumerate(adams):
        values = [o["lr"], *o.get("betas", (0.9, 0.999)), o.get("eps", 1e-8), o.get("weight_decay", 0)]
        number(f"adam/{i}/options", *values)
        run(f"adam/{i}", lambda p: torch.optim.Adam(p, foreach=False, **o), ["exp_avg", "exp_avg_sq"])


def backward(name, y, **inputs):
    """Saves y, a random dy, and the gradients of the inputs that have one."""
    dy = randn(*y.shape)
    grads = torch.autograd.grad(y, list(inputs.values()), dy)
    tensor(f"{name}/y", y)
    tensor(f"{name}/dy", dy)
    for key, grad in zip(inputs, grads):
        tensor(f"{name}/d{key}", grad)


def parameters(name, **tensors):
    for key, t in tensors.items():
        tensor(f"{name}/{key}", t)
        t.requires_grad_()
    return tensors.values()


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
    ]
    for i, (n, (c, h, w), oc, kernel, stride, padding, dilation, groups) in enumerate(cases):
        name = f"conv2d/{i}"
        number(f"{name}/geometry", *stride, *padding, *dilation, groups)
        x, weight, bias = parameters(name, x=randn(n, c, h, w), weight=randn(oc, c // groups, *kernel), bias=randn(oc))
        y = F.conv2d(x, weight, bias, stride, padding, dilation, groups)
        backward(name, y, x=x, weight=weight, bias=bias)


def linear():
    name = "linear/0"
    x, weight, bias = parameters(name, x=randn(5, 19), weight=randn(13, 19), bias=randn(13))
    backward(name, F.linear(x, weight, bias), x=x, weight=weight, bias=bias)


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


def train10():
    """conv 1 -> 8, batch norm, ReLU, max pool 2, linear 128 -> 10 on 8 x 8 images; Adam, ten batches of 16."""
    # No bias: batch normalization removes it, so its gradient is rounding noise, and Adam makes full steps of that.
    conv, norm = torch.nn.Conv2d(1, 8, 3, padding=1, bias=False), torch.nn.BatchNorm2d(8)
    head = torch.nn.Linear(128, 10)
    net = torch.nn.Sequential(conv, norm, torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(), head)
    templates = torch.randn(10, 1, 8, 8)
    labels = torch.randint(0, 10, (10, 16))
    x = templates[labels] + 0.5 * torch.randn(10, 16, 1, 8, 8)
    tensor("train10/x", x)
    tensor("train10/labels", labels.float())

    def save(when):
        for key, value in net.state_dict().items():
            if value.ndim > 0:
                tensor(f"train10/{when}/{key}", value)

    save("start")
    adam = torch.optim.Adam(net.parameters(), lr=1e-3, foreach=False)
    losses = []
    for images, classes in zip(x, labels):
        loss = F.cross_entropy(net(images), classes)
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    number("train10/losses", *losses)
    save("end")


torch.manual_seed(20)
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
for part in (optimizers, conv2d, linear, batch_norm, max_pool2d, cross_entropy, train10):
    part()
OUT.mkdir(parents=True, exist_ok=True)
(OUT / "golden.f32").write_bytes(b"".join(blobs))
header = f"# Written by scripts/golden.py with torch {torch.__version__.split('+')[0]}, numpy {np.__version__}.\n"
(OUT / "golden.txt").write_text(header + "\n".join(lines) + "\n")
print(sum(map(len, blobs)), "bytes,", len(lines), "entries")
