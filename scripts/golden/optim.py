"""Optimizers, in f32: fifty steps from one state."""

import torch
import torch.nn.functional as F

from record import number, tensor


def write():
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
