"""Writes std-shim/tests/golden/augment.{f32,txt}: what torchvision computes, for std-shim/tests/augment_golden.rs.

    python3 -m venv venv && venv/bin/pip install torch==2.15.0 torchvision==0.29.2 numpy==2.4.6 pillow==13.0.0
    venv/bin/python scripts/golden_augment

augment.f32 holds tensors one after another, little-endian f32. augment.txt says what they are, a line each: `name tensor
dimensions...` for the next tensor, `name number values...` for numbers. Kernels of PyTorch that round each operation once.
"""

import os
from pathlib import Path

os.environ.update(ATEN_CPU_CAPABILITY="default")

import numpy as np
import torch
import torchvision
from torchvision.transforms import v2
from torchvision.transforms import InterpolationMode as Mode
from torchvision.transforms.v2 import functional as F

OUT = Path(__file__).resolve().parent.parent.parent / "std-shim/tests/golden"
lines, blobs, counts = [], [], {}
torch.set_num_threads(1)
torch.manual_seed(20)


def tensor(name, t):
    lines.append(" ".join([name, "tensor", *map(str, t.shape)]))
    blobs.append(t.detach().contiguous().numpy().astype("<f4").tobytes())


def case(kind, image, result, *numbers):
    name = f"{kind}/{counts.setdefault(kind, 0)}"
    counts[kind] += 1
    lines.append(" ".join([f"{name}/parameters", "number", *(repr(float(n)) for n in numbers)]))
    tensor(f"{name}/x", image)
    tensor(f"{name}/y", result)


def affine():
    # degrees, translation, scale, shear, fill
    maps = [
        (17.0, (0, 0), 1.0, (0.0, 0.0), 0.0),
        (-33.0, (2, -1), 1.2, (0.0, 0.0), 0.0),
        (8.0, (-1, 3), 0.75, (11.0, -6.0), 0.0),
        (0.0, (0, 0), 1.0, (20.0, 0.0), 0.25),
        (125.0, (1, 1), 0.9, (5.0, 5.0), 0.5),
        (90.0, (0, 0), 1.0, (0.0, 0.0), 0.0),
    ]
    for shape in [(1, 9, 9), (3, 7, 10)]:
        for degrees, translate, scale, shear, fill in maps:
            if degrees == 90.0 and shape[1] != shape[2]:
                continue  # the rounding of halves
            x = torch.rand(shape)
            for mode in [Mode.NEAREST, Mode.BILINEAR]:
                # With a fill, torchvision weighs the edge twice: here the fill is subtracted and added.
                y = F.affine(x - fill, degrees, translate, scale, shear, interpolation=mode) + fill
                bilinear = mode == Mode.BILINEAR
                case("affine", x, y, bilinear, degrees, *translate, scale, *shear, fill)
    for degrees in [90.0, 180.0, 270.0, 37.5]:
        x = torch.rand(2, 8, 8)
        case("rotate", x, F.rotate(x, degrees), degrees)


def resize():
    for shape in [(1, 8, 8), (3, 13, 7)]:
        for size in [(4, 4), (5, 11), (16, 16), (3, 2), (13, 5), (1, 1)]:
            x = torch.rand(shape)
            for antialias in [True, False]:
                case("resize", x, F.resize(x, list(size), antialias=antialias), *size, antialias)
    x = torch.rand(1, 12, 15)
    for region, size in [((2, 3, 7, 8), (5, 5)), ((0, 0, 12, 15), (6, 6)), ((1, 10, 4, 5), (9, 9))]:
        for antialias in [True, False]:
            case("resized_crop", x, F.resized_crop(x, *region, list(size), antialias=antialias), *region, *size, antialias)
    for size in [5, 9, 20]:
        case("resize_short", x, F.resize(x, [size]), size)
    for size in [(8, 8), (7, 9), (16, 20), (5, 18)]:
        case("center_crop", x, F.center_crop(x, list(size)), *size)
    case("five_crop", x, torch.stack(F.five_crop(x, [5, 7])), 5, 7)
    case("ten_crop", x, torch.stack(F.ten_crop(x, [5, 7])), 5, 7, 0)
    case("ten_crop", x, torch.stack(F.ten_crop(x, [4, 4], vertical_flip=True)), 4, 4, 1)


def pad():
    x = torch.rand(2, 5, 6)
    for i, mode in enumerate(["constant", "edge", "reflect", "symmetric"]):
        for left, top, right, bottom in [(2, 1, 3, 4), (0, 0, 5, 0)]:
            y = F.pad(x, [left, top, right, bottom], fill=0.5 if i == 0 else None, padding_mode=mode)
            case("pad", x, y, i, left, top, right, bottom)


def color():
    for channels in [3, 1]:
        x = torch.rand(channels, 6, 7)
        x[:, 0, 0] = 0.5  # gray
        x[:, 0, 1] = 0.0
        for factor in [0.0, 0.4, 1.0, 1.7]:
            case("brightness", x, F.adjust_brightness(x, factor), factor)
            case("contrast", x, F.adjust_contrast(x, factor), factor)
            case("saturation", x, F.adjust_saturation(x, factor), factor)
        for turn in [-0.5, -0.1, 0.0, 0.25, 0.5]:
            case("hue", x, F.adjust_hue(x, turn), turn)
        for out in [1, 3]:
            case("grayscale", x, F.rgb_to_grayscale(x, out), out)
    x = torch.rand(3, 4, 4)
    case("normalize", x, F.normalize(x, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))


def other():
    x = torch.rand(3, 8, 9)
    case("horizontal_flip", x, F.horizontal_flip(x))
    case("vertical_flip", x, F.vertical_flip(x))
    case("erase", x, F.erase(x, 1, 2, 4, 5, torch.tensor([0.1, 0.2, 0.3])[:, None, None]), 1, 2, 4, 5)


def mix():
    x, labels = torch.rand(4, 2, 5, 6), torch.tensor([2, 0, 1, 1])
    mixup, cutmix = v2.MixUp(num_classes=3), v2.CutMix(num_classes=3)
    for lam in [0.3, 1.0]:
        params = {"lam": lam, "labels": labels, "batch_size": 4}
        case("mixup", x, mixup.transform(x, params), lam)
        tensor(f"mixup/{counts['mixup'] - 1}/labels", mixup.transform(labels, params))
    x1, y1, x2, y2 = box = (1, 2, 4, 5)
    lam = 1 - 9 / 30
    params = {"box": box, "lam_adjusted": lam, "labels": labels, "batch_size": 4}
    case("cutmix", x, cutmix.transform(x, params), y1, x1, y2 - y1, x2 - x1, lam)
    tensor("cutmix/0/labels", cutmix.transform(labels, params))


for family in [affine, resize, pad, color, other, mix]:
    family()
OUT.mkdir(parents=True, exist_ok=True)
(OUT / "augment.f32").write_bytes(b"".join(blobs))
versions = f"torch {torch.__version__.split('+')[0]}, torchvision {torchvision.__version__.split('+')[0]}"
header = f"# Written by scripts/golden_augment with {versions}, numpy {np.__version__}.\n"
(OUT / "augment.txt").write_text(header + "\n".join(lines) + "\n")
print(f"{sum(map(len, blobs))} bytes, {len(lines)} entries")
