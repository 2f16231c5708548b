#!/usr/bin/env python3
"""Runs benchmarks/time_to_accuracy.py on a small set of squares in IDX files; with PyTorch too where it is installed.

usage: accuracy_test.py PROGRAM BENCHMARKS
"""
import json
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import unittest

PROGRAM, BENCHMARKS = sys.argv.pop(1), pathlib.Path(sys.argv.pop(1))
PYTHON = "/usr/bin/python3"


def write_squares(folder, part, count):
    """28 x 28 images of noise with a bright square, whose place is the label."""
    draw, pixels, labels = random.Random(count), bytearray(), bytearray()
    for i in range(count):
        label = i % 10
        top, left = 2 + label // 5 * 14, label % 5 * 5
        image = bytearray(draw.randrange(60) for _ in range(28 * 28))
        for y in range(8):
            image[(top + y) * 28 + left:(top + y) * 28 + left + 8] = bytes(draw.randrange(200, 255) for _ in range(8))
        pixels += image
        labels.append(label)
    (folder / f"{part}-images-idx3-ubyte").write_bytes(struct.pack(">4B3I", 0, 0, 8, 3, count, 28, 28) + pixels)
    (folder / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">4BI", 0, 0, 8, 1, count) + labels)


def has_torch():
    return subprocess.run([PYTHON, "-c", "import torch, numpy"], capture_output=True).returncode == 0


class TimeToAccuracy(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.TemporaryDirectory()
        self.addCleanup(self.place.cleanup)
        self.folder = pathlib.Path(self.place.name)
        write_squares(self.folder, "train", 600)
        write_squares(self.folder, "t10k", 100)

    def run_script(self, *arguments):
        command = [sys.executable, BENCHMARKS / "time_to_accuracy.py", "--pliant", PROGRAM, "--net", "lenet5", "--dataset", "mnist", "--data",
                   self.folder, "--device", "cpu", "--lr", "0.05", "--batch", "32", "--threads", "2", "--python", PYTHON, "--json",
                   self.folder / "report", *arguments]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120)
        return done, json.loads((self.folder / "report").read_text())

    def test_runs_end_where_they_arrive(self):
        done, report = self.run_script("--target", "0.9", "--epochs", "8", "--runs", "2", *([] if has_torch() else ["--no-peer"]))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(set(report["summary"]), {"Pliant", "PyTorch"} if has_torch() else {"Pliant"})
        for name, summary in report["summary"].items():
            self.assertEqual((summary["runs"], summary["arrived"]), (2, 2), done.stderr)
            self.assertGreater(summary["median_seconds"], 0)
            for run in report["runs"][name]:
                self.assertGreaterEqual(run["accuracies"][-1], 0.9)
                self.assertTrue(all(accuracy < 0.9 for accuracy in run["accuracies"][:-1]), run)

    def test_a_run_that_does_not_arrive_has_no_time(self):
        done, report = self.run_script("--target", "1.1", "--epochs", "1", "--runs", "1", "--no-peer")
        self.assertEqual(done.returncode, 1)
        self.assertEqual((report["summary"]["Pliant"]["arrived"], report["summary"]["Pliant"]["median_seconds"]), (0, None))
        self.assertIn("none: not all arrived", done.stdout)


if __name__ == "__main__":
    unittest.main()
