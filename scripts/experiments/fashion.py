"""What augmentation and crops are worth: the network `cnn` on Fashion-MNIST.

    python3 scripts/experiments/fashion.py FASHION_MNIST [--epochs 10] [--seeds 0 1 2] [--out runs/fashion]

FASHION_MNIST is the folder with the four IDX files. Trains on all images with flips and erasing, measures one crop beside the image
and its mirror image (ten crops of an image as large as the network's input), and trains on 5,000 images with and without
augmentation, several seeds each.
"""

import argparse
from pathlib import Path

from program import build, flatgrad, mean, table

METHOD = "--net cnn --schedule one-cycle --lr 3e-3".split()
AUGMENT = ["--augment", "fashion"]
FEW = 5_000


def percent(share):
    return f"{100 * share:.2f} %"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--few-epochs", type=int, default=60)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=Path("runs/fashion"))
    args = parser.parse_args()
    build()
    data = ["--data", args.data]
    whole = args.out / "all"
    run = flatgrad("train", *data, *METHOD, *AUGMENT, "--epochs", args.epochs, "--out", whole)
    print(f"all images, {args.epochs} epochs: {percent(run['test_accuracy'])}, {run['weights_sha256']}")
    crops = flatgrad("eval", *data, "--weights", whole / "weights.safetensors", "--crops", 10)
    print(f"one crop {percent(crops['one_crop']['accuracy'])}, ten {percent(crops['accuracy'])}")

    rows, means = [], []
    for name, options in [("none", []), ("flips, erasing", AUGMENT)]:
        accuracies = []
        for seed in args.seeds:
            out = args.out / f"few-{'augmented' if options else 'plain'}-{seed}"
            run = flatgrad("train", *data, *METHOD, *options, "--train-samples", FEW, "--epochs", args.few_epochs,
                           "--seed", seed, "--out", out)
            accuracies.append(run["test_accuracy"])
        means.append(mean(accuracies))
        rows.append([name, *map(percent, accuracies), percent(means[-1])])
    table([f"{FEW:,} images, augmentation", *(f"seed {seed}" for seed in args.seeds), "mean"], rows)
    print(f"margin {100 * (means[1] - means[0]):.2f} points")


main()
