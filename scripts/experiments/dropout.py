"""What dropout is worth: a 784-800-800-10 network on MNIST, without and with it, three seeds each.

    python3 scripts/experiments/dropout.py MNIST [--epochs 40] [--seeds 0 1 2] [--out runs/dropout]

MNIST is the folder with the four IDX files. Everything but dropout and max-norm is the same for both: optimizer, learning rate,
schedule, batches, epochs. Rate and batch were chosen among nine by the errors of the network with dropout on 10,000 images held out
of the training part. The published errors are those of Hinton et al., "Improving neural networks by preventing co-adaptation of
feature detectors" (2012): 160 for a standard network, about 130 with dropout 0.5 of the hidden units and a limit of the norm of
their incoming weights, about 110 with dropout 0.2 of the pixels as well; their networks trained for far longer.
"""

import argparse
from pathlib import Path

from program import build, flatgrad, mean, table

PLAIN = """input = [1, 28, 28]
layers = ["flatten",
  { kind = "dense", outputs = 800 }, "relu",
  { kind = "dense", outputs = 800 }, "relu",
  { kind = "dense", outputs = 10 }]
"""
DROPOUT = """input = [1, 28, 28]
layers = ["flatten", { kind = "dropout", p = 0.2 },
  { kind = "dense", outputs = 800, max_norm = MAX_NORM }, "relu", { kind = "dropout", p = 0.5 },
  { kind = "dense", outputs = 800, max_norm = MAX_NORM }, "relu", { kind = "dropout", p = 0.5 },
  { kind = "dense", outputs = 10 }]
"""
METHOD = "--normalize unit --optimizer adam --lr 3e-4 --schedule cosine --batch 32".split()
IMAGES = 10_000


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mnist", type=Path)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--max-norm", type=float, default=3)
    parser.add_argument("--method", nargs=argparse.REMAINDER, default=METHOD, help="options of `flatgrad train`")
    parser.add_argument("--out", type=Path, default=Path("runs/dropout"))
    args = parser.parse_args()
    build()
    args.out.mkdir(parents=True, exist_ok=True)
    networks = {"plain": PLAIN, "dropout": DROPOUT.replace("MAX_NORM", str(args.max_norm))}
    rows = []
    for name, text in networks.items():
        net = args.out / f"{name}.toml"
        net.write_text(text)
        errors = []
        for seed in args.seeds:
            out = args.out / f"{name}-{seed}"
            run = flatgrad("train", "--data", args.mnist, "--net", net, "--seed", seed, "--epochs", args.epochs,
                           "--out", out, *args.method)
            errors.append(round(IMAGES * (1 - run["test_accuracy"])))
        rows.append([name, *errors, f"{mean(errors):.1f}"])
    table(["test errors of 10,000", *(f"seed {seed}" for seed in args.seeds), "mean"], rows)
    print("\npublished: 160 without, about 130 with dropout of hidden units and max-norm, about 110 with dropout of pixels as well")


main()
