"""Writes core/tests/golden/data: what PyTorch computes, for core/tests/golden.

    python3 -m venv venv && venv/bin/pip install torch==2.15.0 numpy==2.4.6
    venv/bin/python scripts/golden [FAMILY...]

NAME.f32 holds the tensors of a family one after another, little-endian f32. NAME.txt says what they are, a line each:
`name tensor dimensions...` for the next tensor of that file, `name number values...` for numbers.

Layers and losses are computed in f64 from inputs that are f32, so the files are the truth rounded once, the same on every
CPU. Optimizers and the training run are computed in f32, the precision they are about, by kernels of PyTorch that round
each operation once: those for vector units fuse multiply and add except in the last few elements of a tensor, and MKL's
square root for AVX-512 is off by an ULP in one of 140.
"""

import importlib
import os
import sys

os.environ.update(ATEN_CPU_CAPABILITY="default", MKL_ENABLE_INSTRUCTIONS="AVX2")

import record
import torch

FAMILIES = ["activation", "loss", "norm", "optim", "pool", "products", "train10"]

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
x = torch.rand(100_000)
assert torch.equal(x.sqrt(), x.double().sqrt().float()), "this build's square root is not rounded correctly"
for family in sys.argv[1:] or FAMILIES:
    record.begin()
    importlib.import_module(family).write()
    record.end(family)
