"""Optimizers, in f32: fifty steps from one state."""

import numpy as np
import torch
import torch.nn.functional as F

from record import number, tensor


# Ours are f32, but for the weights of averages.
ROUNDED = ("lr", "lr_decay", "eps", "weight_decay", "momentum", "dampening", "initial_accumulator_value")


class Lion(torch.optim.Optimizer):
    """PyTorch has none. The rule of the paper (Chen et al., 2023, algorithm 2), in the order of the authors' code."""

    def __init__(self, params, lr, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            (beta1, beta2), lr = group["betas"], group["lr"]
            for p in group["params"]:
                m = self.state[p].setdefault("exp_avg", torch.zeros_like(p))
                c = m.clone().mul_(beta1).add_(p.grad * (1 - beta1))
                p.mul_(1 - lr * group["weight_decay"]).add_(c.sign(), alpha=-lr)
                m.mul_(beta2).add_(p.grad * (1 - beta2))


def write():
    steps, n = 50, 61
    # Sizes from 1e-4 to 1e2, some zeros.
    grads = torch.randn(steps, n) * 10.0 ** torch.linspace(-4, 2, n)
    grads[torch.rand(steps, n) < 0.05] = 0.0
    start = torch.randn(n)
    tensor("optim/grads", grads)
    tensor("optim/start", start)

    def trained(dtype, make, state):
        p = start.clone().to(dtype).requires_grad_()
        optimizer = make([p])
        for step, g in enumerate(grads, 1):
            p.grad = g.to(dtype, copy=True)
            optimizer.step()
            yield step, {"params": p, **{s: optimizer.state[p][s] for s in state}}

    def rounded(options):
        return {k: float(np.float32(v)) if k in ROUNDED else v for k, v in options.items()}

    def run(name, make, state):
        for step, tensors in trained(torch.float32, make, state):
            if step in (1, 2, steps):
                for key, t in tensors.items():
                    tensor(f"{name}/{step}/{key}", t)
        # The truth, rounded once.
        for step, tensors in trained(torch.float64, make, state):
            if step == steps:
                for key, t in tensors.items():
                    tensor(f"{name}/exact/{key}", t)

    sgds = [
        dict(lr=0.1),
        dict(lr=0.05, momentum=0.9),
        dict(lr=0.05, momentum=0.9, dampening=0.25, weight_decay=0.01),
        dict(lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
    ]
    for i, o in enumerate(map(rounded, sgds)):
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
    for i, o in enumerate(map(rounded, adams)):
        values = [o["lr"], *o.get("betas", (0.9, 0.999)), o.get("eps", 1e-8), o.get("weight_decay", 0)]
        number(f"adam/{i}/options", *values)
        run(f"adam/{i}", lambda p: torch.optim.Adam(p, foreach=False, **o), ["exp_avg", "exp_avg_sq"])
    adams = [
        (torch.optim.Adam, dict(lr=1e-2, amsgrad=True)),
        (torch.optim.AdamW, dict(lr=1e-2)),
        (torch.optim.AdamW, dict(lr=1e-2, weight_decay=0.3, amsgrad=True)),
    ]
    for i, (kind, o) in enumerate((kind, rounded(o)) for kind, o in adams):
        default = 1e-2 if kind is torch.optim.AdamW else 0
        decay = o.get("weight_decay", default)
        number(f"adam_kinds/{i}/options", o["lr"], decay, kind is torch.optim.AdamW, o.get("amsgrad", False))
        state = ["exp_avg", "exp_avg_sq"] + (["max_exp_avg_sq"] if "amsgrad" in o else [])
        run(f"adam_kinds/{i}", lambda p: kind(p, foreach=False, **o), state)
    adagrads = [
        dict(lr=0.1),
        dict(lr=0.1, lr_decay=0.05, weight_decay=0.1, initial_accumulator_value=0.25, eps=1e-6),
    ]
    for i, o in enumerate(map(rounded, adagrads)):
        values = [o.get(k, 0) for k in ("lr", "lr_decay", "weight_decay", "initial_accumulator_value")]
        number(f"adagrad/{i}/options", *values, o.get("eps", 1e-10))
        run(f"adagrad/{i}", lambda p: torch.optim.Adagrad(p, foreach=False, **o), ["sum"])
    rmsprops = [
        dict(lr=1e-2),
        dict(lr=1e-2, alpha=0.9, eps=1e-4, weight_decay=0.1),
        dict(lr=1e-2, centered=True, eps=1e-3),
        dict(lr=1e-2, momentum=0.9),
        dict(lr=1e-2, alpha=0.95, eps=1e-3, momentum=0.5, centered=True, weight_decay=0.01),
    ]
    for i, o in enumerate(map(rounded, rmsprops)):
        values = [o["lr"], o.get("alpha", 0.99), o.get("eps", 1e-8)]
        number(f"rmsprop/{i}/options", *values, *(o.get(k, 0) for k in ("weight_decay", "momentum", "centered")))
        state = ["square_avg"] + ["grad_avg"] * ("centered" in o) + ["momentum_buffer"] * ("momentum" in o)
        run(f"rmsprop/{i}", lambda p: torch.optim.RMSprop(p, foreach=False, **o), state)

    for i, decay in enumerate([0.999, 0.3]):
        number(f"ema/{i}/decay", decay)
        average = [start.clone()]
        for g in grads:
            torch.optim.swa_utils.get_ema_multi_avg_fn(decay)(average, [g], None)
        tensor(f"ema/{i}/average", average[0])

    for i, limit in enumerate([1.0, 1e4]):
        p = torch.zeros(steps, n, requires_grad=True)
        p.grad = grads.clone()
        norm = torch.nn.utils.clip_grad_norm_([p], limit)
        number(f"clip_norm/{i}/limit_norm", limit, norm)
        tensor(f"clip_norm/{i}/grads", p.grad[:5])
    p.grad = grads.clone()
    torch.nn.utils.clip_grad_value_([p], 0.25)
    tensor("clip_value/grads", p.grad[:5])
    tensor("max_norm/rows", torch.renorm(grads, 2, 0, 60.0)[:5])
    tensor("max_norm/columns", torch.renorm(grads, 2, 1, 60.0)[:, -5:])
    lions = [dict(lr=1e-3), dict(lr=1e-2, betas=(0.95, 0.98), weight_decay=0.1), dict(lr=1e-3, betas=(0.0, 0.5))]
    for i, o in enumerate(map(rounded, lions)):
        number(f"lion/{i}/options", o["lr"], *o.get("betas", (0.9, 0.99)), o.get("weight_decay", 0))
        run(f"lion/{i}", lambda p: Lion(p, **o), ["exp_avg"])
