"""Weights go to PyTorch and come from it: the same outputs within 1e-5.

    python3 -m venv venv && venv/bin/pip install torch==2.15.0 numpy==2.4.6 safetensors==0.8.0
    venv/bin/python scripts/check_pytorch.py [NETWORK...]

For each network by name: (1) `flatgrad train` makes weights, a module of PyTorch's with the same layers loads them with
`strict=True`, and both answer for the same samples; so does a module of what `flatgrad export --fold` makes of them, which has
no batch norm; (2) the module makes some steps of its own, its `state_dict()` is saved as
safetensors, and `flatgrad predict` answers with it. Probabilities are compared, which `predict` prints to six decimals.
"""

import csv
import io
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "target/release/flatgrad"
TOLERANCE = 1e-5
SAMPLES, CLASSES = 96, 5
SHAPES = {"mlp": (1, 9, 7), "tiny": (1, 8, 8), "cnn": (3, 16, 16), "lenet": (1, 28, 28), "vgg-small": (3, 16, 16),
          "resnet8": (3, 32, 32), "ds-cnn": (1, 49, 10), "mobilenet": (3, 48, 48)}


class Module(nn.Module):
    """The layers of a network file, with its names: conv1, bn1, fc1, ... in the file's order."""

    def __init__(self, network):
        super().__init__()
        self.counts = {}
        self.channels, *self.size = network["input"]
        self.steps = self.chain(network["layers"])

    def named(self, prefix, module):
        self.counts[prefix] = self.counts.get(prefix, 0) + 1
        self.add_module(f"{prefix}{self.counts[prefix]}", module)
        return module

    def chain(self, layers):
        return [self.layer(dict(layer)) for layer in layers]

    def layer(self, layer):
        kind = layer.pop("kind")
        match kind:
            case "conv2d" | "depthwise":
                inputs, groups = self.channels, layer.get("groups", self.channels)
                self.channels = layer.get("out_channels", inputs * layer.get("multiplier", 1))
                options = {key: layer[key] for key in ["stride", "padding", "dilation", "bias"]}
                conv = nn.Conv2d(inputs, self.channels, layer["kernel"], groups=groups, **options)
                self.size = conv(torch.zeros(1, inputs, *self.size)).shape[2:]
                return self.named("conv", conv)
            case "dense":
                inputs = self.channels * self.size[0] * self.size[1]
                self.channels, self.size = layer["outputs"], (1, 1)
                return self.named("fc", nn.Linear(inputs, self.channels, layer["bias"]))
            case "batch_norm":
                return self.named("bn", nn.BatchNorm2d(self.channels, layer["eps"], layer["momentum"]))
            case "max_pool":
                pool = nn.MaxPool2d(layer["kernel"], layer["stride"], layer["padding"])
                self.size = pool(torch.zeros(1, 1, *self.size)).shape[2:]
                return pool
            case "global_avg_pool":
                self.size = (1, 1)
                return lambda x: x.mean((2, 3))
            case "residual":
                before = self.channels, self.size
                body = self.chain(layer["body"])
                after, (self.channels, self.size) = (self.channels, self.size), before
                shortcut = self.chain(layer.get("shortcut", []))
                self.channels, self.size = after
                return lambda x: run(body, x) + run(shortcut, x)
            case "relu" | "flatten" | "dropout":
                # Dropout is left out: the modules are compared as they answer, and trained without.
                return {"relu": torch.relu, "flatten": lambda x: x.flatten(1), "dropout": lambda x: x}[kind]
        raise SystemExit(f"{kind} is not known here")

    def forward(self, x):
        return run(self.steps, x)


def run(steps, x):
    for step in steps:
        x = step(x)
    return x


def flatgrad(*options):
    line = [str(PROGRAM), *map(str, options)]
    return subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True).stdout


def predicted(weights, samples, *options):
    rows = list(csv.reader(io.StringIO(flatgrad("predict", "--weights", weights, *options, samples))))
    return np.array([[float(p) for p in row[2:]] for row in rows[1:]])


def probabilities(module, x):
    with torch.no_grad():
        return torch.softmax(module.eval()(x).double(), 1).numpy()


def check(name, folder):
    random = np.random.default_rng(1)
    x = random.normal(size=(SAMPLES, *SHAPES[name])).astype(np.float32)
    y = np.arange(SAMPLES) % CLASSES
    np.savez(folder / "data.npz", x=x, y=y)
    np.save(folder / "x.npy", x)
    flatgrad("train", "--data", folder / "data.npz", "--net", name, "--epochs", 2, "--batch", 16, "--quiet", "--out", folder)
    ours = folder / "weights.safetensors"

    with safe_open(ours, "pt") as file:
        text = file.metadata()["flatgrad.network"]
    network = tomllib.loads(text)
    module = Module(network)
    module.load_state_dict(load_file(ours), strict=True)
    mean, std = (torch.tensor(network["scaling"][key]).view(-1, 1, 1) for key in ["mean", "std"])
    there = np.abs(probabilities(module, (torch.from_numpy(x) - mean) / std) - predicted(ours, folder / "x.npy")).max()

    folded = folder / "folded.safetensors"
    flatgrad("export", "--weights", ours, "--fold", "--format", "safetensors", "--out", folded)
    with safe_open(folded, "pt") as file:
        lean = Module(tomllib.loads(file.metadata()["flatgrad.network"]))
    lean.load_state_dict(load_file(folded), strict=True)
    if any(isinstance(layer, nn.BatchNorm2d) for layer in lean.modules()):
        raise SystemExit(f"{name}: batch norm is left")
    scaled = (torch.from_numpy(x) - mean) / std
    fold = np.abs(probabilities(lean, scaled) - predicted(ours, folder / "x.npy")).max()

    # New weights, some steps to move running averages, and samples as they are.
    torch.manual_seed(2)
    module = Module(network).train()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.01)
    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(module(torch.from_numpy(x)), torch.from_numpy(y)).backward()
        optimizer.step()
    save_file(module.state_dict(), folder / "theirs.safetensors")
    channels = SHAPES[name][0]
    scaling = f"scaling = {{ white = 1.0, mean = {[0.0] * channels}, std = {[1.0] * channels} }}"
    lines = [scaling if line.startswith("scaling") else line for line in text.splitlines()]
    (folder / "net.toml").write_text("\n".join(lines) + "\n")
    back = predicted(folder / "theirs.safetensors", folder / "x.npy", "--net", folder / "net.toml")
    back = np.abs(probabilities(module, torch.from_numpy(x)) - back).max()
    print(f"{name:10}  to PyTorch {there:.1e}   folded {fold:.1e}   from PyTorch {back:.1e}")
    return max(there, fold, back)


def main():
    subprocess.run(["cargo", "build", "--release", "--quiet", "--package", "flatgrad"], cwd=ROOT, check=True)
    torch.set_num_threads(1)
    print("largest difference of probabilities")
    worst = 0.0
    for name in sys.argv[1:] or SHAPES:
        with tempfile.TemporaryDirectory() as folder:
            worst = max(worst, check(name, Path(folder)))
    if worst > TOLERANCE:
        raise SystemExit(f"more than {TOLERANCE}")


main()
