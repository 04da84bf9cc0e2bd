"""Writes std-shim/tests/golden/schedules.json: the learning rates of PyTorch's schedulers, step by step.

    python3 -m venv venv && venv/bin/pip install torch==2.15.0
    venv/bin/python scripts/make_schedules.py
"""

import json
from pathlib import Path

import torch
from torch.optim import lr_scheduler as s

OUT = Path(__file__).resolve().parent.parent / "std-shim/tests/golden/schedules.json"
STEPS = 60


def rates(make, lr=0.25, losses=None):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    scheduler, rates = make(optimizer), []
    for step in range(STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step(*([losses[step]] if losses else []))
    return rates


def warm(start, after):
    def make(o):
        warmup = s.LinearLR(o, start_factor=start, total_iters=7)
        return s.SequentialLR(o, [warmup, after(o)], milestones=[7])
    return make


losses = [1 / (1 + min(i, 20) % 9) + (i % 4) * 1e-5 for i in range(STEPS)]
cases = {
    "step": rates(lambda o: s.StepLR(o, 9)),
    "step 0.5": rates(lambda o: s.StepLR(o, 4, gamma=0.5)),
    "exponential": rates(lambda o: s.ExponentialLR(o, 0.9)),
    "cosine": rates(lambda o: s.CosineAnnealingLR(o, STEPS)),
    "cosine min": rates(lambda o: s.CosineAnnealingLR(o, STEPS, eta_min=0.01)),
    "one cycle": rates(lambda o: s.OneCycleLR(o, 0.25, total_steps=STEPS + 1)),
    "one cycle 0.1": rates(lambda o: s.OneCycleLR(o, 0.25, total_steps=STEPS + 1, pct_start=0.1, div_factor=10, final_div_factor=100)),
    "warm constant": rates(s.LinearLR),
    "warm cosine": rates(warm(1 / 3, lambda o: s.CosineAnnealingLR(o, STEPS - 7))),
    "warm step": rates(warm(0.01, lambda o: s.StepLR(o, 9))),
    "plateau": rates(s.ReduceLROnPlateau, losses=losses),
    "plateau 2": rates(lambda o: s.ReduceLROnPlateau(o, factor=0.5, patience=2, threshold=1e-3, cooldown=3, min_lr=0.03), losses=losses),
}
OUT.parent.mkdir(exist_ok=True)
version = torch.__version__.split("+")[0]
lines = [f'"{name}": {json.dumps(values)}' for name, values in cases.items()]
OUT.write_text(f'{{"torch": "{version}", "losses": {json.dumps(losses)},\n' + ",\n".join(lines) + "}\n")
