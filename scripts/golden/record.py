"""What the families share: numbers on the way to a pair of files."""

from pathlib import Path

import numpy as np
import torch

OUT = Path(__file__).resolve().parent.parent.parent / "core/tests/golden/data"
lines, blobs = [], []


def begin():
    lines.clear()
    blobs.clear()
    torch.manual_seed(20)


def end(family):
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / f"{family}.f32").write_bytes(b"".join(blobs))
    header = f"# Written by scripts/golden with torch {torch.__version__.split('+')[0]}, numpy {np.__version__}.\n"
    (OUT / f"{family}.txt").write_text(header + "\n".join(lines) + "\n")
    print(f"{family}: {sum(map(len, blobs))} bytes, {len(lines)} entries")


def tensor(name, t):
    t = torch.as_tensor(t).detach()
    lines.append(" ".join([name, "tensor", *map(str, t.shape)]))
    blobs.append(t.numpy().astype("<f4").tobytes())


def number(name, *values):
    lines.append(" ".join([name, "number", *(repr(float(v)) for v in values)]))


def randn(*shape, scale=1.0):
    """Values that are f32, as f64."""
    return (torch.randn(*shape) * scale).double()


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
