#!/usr/bin/env python3
"""Shows that a run which was interrupted twice and resumed ends bit for bit like one that was not.

usage: resume.py PROGRAM [FLAGS OF train...]     the default flags are those of a small run on the synthetic set

Compares every tensor of last.safetensors and best.safetensors, and metrics.csv without its columns of times.
"""
import os
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "parity"))
from read_safetensors import read  # noqa: E402


def heed_interrupts():
    """What a shell starts in the background ignores them, and so would its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def train(program, flags, folder, resume=False):
    command = [program, "train", "resnet20", *flags, "--out", folder]
    if resume:
        command += ["--resume", os.path.join(folder, "last.safetensors")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=heed_interrupts)


def finish(process, expected, what):
    output, _ = process.communicate(timeout=900)
    if process.returncode != expected:
        sys.exit(f"{what}: exit code {process.returncode}, expected {expected}\n{output}")


def interrupt_when(process, condition, what):
    """Waits for the condition, then interrupts; the program must save and end with 130."""
    while not condition():
        if process.poll() is not None:
            sys.exit(f"{what}: the run ended before ({process.returncode})\n{process.communicate()[0]}")
        time.sleep(0.02)
    time.sleep(0.05)  # so that steps of the epoch have been done
    process.send_signal(signal.SIGINT)
    finish(process, 130, what)


def table(folder):
    """The cells of metrics.csv without the columns of times."""
    try:
        with open(os.path.join(folder, "metrics.csv"), encoding="utf-8") as file:
            header, *rows = [line.split(",") for line in file.read().splitlines()]
    except (OSError, ValueError):
        return []
    kept = [i for i, name in enumerate(header) if name not in ("images_per_second", "seconds")]
    return [[row[i] for i in kept] for row in [header, *rows]]


def epochs_done(folder):
    return len(table(folder)) - 1


def compare(one, other):
    _, left = read(one)
    _, right = read(other)
    if left.keys() != right.keys():
        sys.exit(f"{other}: other tensors than in {one}: {sorted(left.keys() ^ right.keys())}")
    if len(left) < 100:
        sys.exit(f"{one}: only {len(left)} tensors")
    for name, tensor in left.items():
        if repr(tensor) != repr(right[name]):  # repr tells 0 from -0 and finds NaN equal to NaN
            sys.exit(f"{other}: {name} differs from {one}")
    return len(left)


def main(arguments):
    if not arguments or arguments[0] in ("-h", "--help"):
        sys.exit(__doc__)
    program, flags = arguments[0], arguments[1:] or ["--data", "synthetic", "--limit-train", "640", "--limit-test", "100"]
    flags += ["--epochs", "3", "--batch", "32", "--seed", "5", "--validation", "100"]
    with tempfile.TemporaryDirectory() as folder:
        whole, parts = os.path.join(folder, "whole"), os.path.join(folder, "parts")
        finish(train(program, flags, whole), 0, "the uninterrupted run")

        last = os.path.join(parts, "last.safetensors")
        begun = os.path.join(parts, "config.json")
        interrupt_when(train(program, flags, parts), lambda: os.path.exists(begun), "the interrupt in the first epoch")
        if not os.path.exists(last):
            sys.exit("the interrupt in the first epoch left no last.safetensors")
        interrupt_when(train(program, flags, parts, resume=True), lambda: epochs_done(parts) == 1, "the interrupt in the second epoch")
        if epochs_done(parts) != 1:
            sys.exit("the second interrupt came too late: give the run more images")
        finish(train(program, flags, parts, resume=True), 0, "the resumed run")

        count = compare(os.path.join(whole, "last.safetensors"), last)
        compare(os.path.join(whole, "best.safetensors"), os.path.join(parts, "best.safetensors"))
        if len(table(whole)) != 4 or table(whole) != table(parts):
            sys.exit(f"metrics.csv differs:\n{table(whole)}\n{table(parts)}")
    print(f"interrupted twice and resumed: {count} tensors and metrics.csv equal the uninterrupted run's")


if __name__ == "__main__":
    main(sys.argv[1:])
