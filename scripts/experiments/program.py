"""Runs the program and prints tables."""

import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAM = ROOT / "target/release/flatgrad"


def build():
    subprocess.run(["cargo", "build", "--release", "--quiet", "--package", "flatgrad"], cwd=ROOT, check=True)


def flatgrad(command, *options):
    """The program's answer; its progress goes to the terminal."""
    line = [str(PROGRAM), command, *map(str, options), "--json"]
    out = subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(out.splitlines()[-1])


def table(head, rows):
    """A table in Markdown."""
    for row in [head, ["---"] * len(head), *rows]:
        print("| " + " | ".join(map(str, row)) + " |", flush=True)


def mean(values):
    return sum(values) / len(values)
