#!/usr/bin/env python3
"""Trains small nets and fails unless docs/file-formats.md names every file, column, tensor and field that comes out.

usage: documented_formats.py PROGRAM docs/file-formats.md
"""
import csv
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

SMALL = ("--data", "synthetic", "--limit-train", "192", "--limit-test", "64", "--epochs", "1", "--batch", "64")
RUNS = {
    "plain": ("lenet5", "--log-test"),
    "adam": ("lenet5", "--optimizer", "adam", "--validation", "0"),
    "dynamic": ("resnet20", "--widths", "0.5,1.0", "--exits", "3", "--stochastic-depth", "0.8", "--block-scales", "--log-gradients", "--mask", "layer3=60-63"),
    "sparse": ("resnet20", "--sparsity", "0.5", "--sparsity-schedule", "one-shot", "--sparsity-begin", "0"),
}
# Tensors are documented by pattern: what stands for a name, and then the exact rest.
TENSORS = {
    r"optimizer\.(velocity|moment1|moment2)\.": "optimizer.{}.<parameter>",
    r"axis\..*\.mask$": "axis.<axis>.mask",
    r".*\.mask$": "<parameter>.mask",
    r".*\.set\d+\.": "<norm>.set1.*",
    r".*\.block_scale$": "<block>.block_scale",
    r".*\.(running_mean|running_var)$": "<norm>.{}",
    r".*\.(weight|bias)$": "<layer>.{}",
}


def header_of(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        return json.loads(file.read(length))


def tensor_word(name):
    for pattern, word in TENSORS.items():
        found = re.match(pattern, name)
        if found:
            return word.format(*found.groups())
    return name


def words_of_checkpoint(path):
    header = header_of(path)
    metadata = header.pop("__metadata__")
    words = set(metadata) | {tensor_word(name) for name in header}
    description, trainer = json.loads(metadata["net"]), json.loads(metadata["trainer"])
    return words | set(description) | set(description["input"]) | set(trainer) | set(json.loads(metadata["normalisation"]))


def words_of_run(folder):
    words = set(os.listdir(folder))
    for name in ("metrics.csv", "rows.csv", "depth.csv", "positions.csv"):
        path = os.path.join(folder, name)
        if os.path.exists(path):
            with open(path, newline="", encoding="utf-8") as file:
                words |= set(next(csv.reader(file)))
    for name in ("env.json", "depth.json"):
        path = os.path.join(folder, name)
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                words |= set(json.load(file))
    for name in ("last.safetensors", "best.safetensors"):
        words |= words_of_checkpoint(os.path.join(folder, name))
    return words


def fields_of_config(folder):
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
        return set(json.load(file)) - {"data", "net"}


def main(program, page):
    with open(page, encoding="utf-8") as file:
        text = file.read()
    with open(os.path.join(os.path.dirname(page), "cli.md"), encoding="utf-8") as file:
        flags = set(re.findall(r"--([a-z0-9-]+)", file.read()))
    documented = set(re.findall(r"`([^`\n]+)`", text)) | set(re.findall(r'"(\w+)":', text))
    words, fields = set(), set()
    with tempfile.TemporaryDirectory() as folder:
        for name, arguments in RUNS.items():
            out = os.path.join(folder, name)
            done = subprocess.run([program, "train", *arguments, *SMALL, "--out", out], capture_output=True, text=True,
                                  env=dict(os.environ, OMP_WAIT_POLICY="passive"), check=False)
            if done.returncode:
                print(done.stderr)
                return 1
            words |= words_of_run(out)
            fields |= fields_of_config(out)
    faults = [f"{page}: `{word}` is missing" for word in sorted(words - documented)]
    faults += [f"config.json: {field} is no flag of docs/cli.md" for field in sorted(fields - flags - {"decay-all", "normalisation"})]
    if len(words) < 70 or len(fields) < 40:
        faults.append(f"only {len(words)} words and {len(fields)} fields found: the comparison itself is broken")
    # And nothing that is documented as a file, a column or a key has gone.
    tables = re.findall(r"^\| (`[^|]*) \|", text.split("## Data sets")[0], re.M)
    promised = {word for cell in tables for word in re.findall(r"`([^`]+)`", cell)}
    faults += [f"{page}: nothing writes `{word}`" for word in sorted(promised - words - {"metrics.csv"})]
    print("\n".join(faults) or f"{len(words)} words, {len(fields)} fields, {len(promised)} promised")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
