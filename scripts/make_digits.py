#!/usr/bin/env python3
"""Makes std-shim/data/digits-*-ubyte, the embedded handwritten digits, from the wheel of scikit-learn.

    pip download --no-deps --only-binary :all: -d target/wheel scikit-learn
    python3 scripts/make_digits.py target/wheel/scikit_learn-*.whl

Needs nothing but Python's standard library. The wheel holds sklearn/datasets/data/digits.csv.gz: 1,797 lines of 64
pixels (0 to 16, row by row) and the label. They become two IDX files, the format of MNIST, in the same order.
"""

import gzip
import hashlib
import pathlib
import struct
import sys
import zipfile

CSV = "sklearn/datasets/data/digits.csv.gz"
SAMPLES, SIDE, LEVELS, CLASSES = 1797, 8, 17, 10


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    text = gzip.decompress(zipfile.ZipFile(sys.argv[1]).read(CSV)).decode("ascii")
    rows = [[int(float(field)) for field in line.split(",")] for line in text.split()]
    images = bytes(pixel for row in rows for pixel in row[:-1])
    labels = bytes(row[-1] for row in rows)
    assert len(rows) == SAMPLES and all(len(row) == SIDE * SIDE + 1 for row in rows)
    assert max(images) < LEVELS and max(labels) < CLASSES

    folder = pathlib.Path(__file__).parent.parent / "std-shim" / "data"
    for name, content in (
        ("digits-images-idx3-ubyte", struct.pack(">4B3I", 0, 0, 8, 3, SAMPLES, SIDE, SIDE) + images),
        ("digits-labels-idx1-ubyte", struct.pack(">4BI", 0, 0, 8, 1, SAMPLES) + labels),
    ):
        (folder / name).write_bytes(content)
        print(f"{hashlib.sha256(content).hexdigest()}  {name}")


if __name__ == "__main__":
    main()
