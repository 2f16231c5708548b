#!/usr/bin/env python3
"""Training and evaluation in 16 bits from outside: what a checkpoint holds, which precision is taken where none is given, what is refused.

usage: precision_test.py PROGRAM
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "parity"))
from read_safetensors import read  # noqa: E402

PROGRAM = ""
USAGE, CONFIG = 2, 3
DATA = ("--data", "synthetic", "--limit-train", "96", "--limit-test", "64", "--validation", "32")


class Precision(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)

    def run_program(self, *words):
        environment = dict(os.environ, OMP_WAIT_POLICY="passive")
        environment.pop("PLIANT_DATA", None)
        return subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=300, env=environment)

    def train(self, folder, *flags, code=0):
        out = os.path.join(self.temporary.name, folder)
        done = self.run_program("train", "lenet5", "--out", out, *DATA, "--batch", "32", "--device", "cpu", *flags)
        self.assertEqual(done.returncode, code, done.stderr)
        return done if code else os.path.join(out, "last.safetensors")

    def evaluate(self, file, *flags):
        done = self.run_program("eval", file, *DATA, "--json", "--device", "cpu", *flags)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["loss"]

    def test_a_run_in_bf16(self):
        file = self.train("run", "--epochs", "2", "--precision", "bf16")
        metadata, tensors = read(file)
        self.assertEqual(metadata["precision"], "bf16")
        self.assertEqual(json.loads(metadata["trainer"])["config"]["precision"], "bf16")
        self.assertEqual({kind for kind, _, _ in tensors.values()}, {"F32"})
        own, wide = self.evaluate(file), self.evaluate(file, "--precision", "f32")
        self.assertEqual(own, self.evaluate(file, "--precision", "bf16"))
        self.assertNotEqual(own, wide)
        self.assertAlmostEqual(own, wide, delta=0.1)

    def test_resuming(self):
        whole = self.train("whole", "--epochs", "2", "--precision", "f16", "--schedule", "constant")
        metadata, _ = read(whole)
        self.assertEqual(json.loads(metadata["trainer"])["config"]["loss-scale"], 1024.0)
        start = os.path.join(self.temporary.name, "start")
        done = self.run_program("train", "lenet5", "--out", start, "--resume", whole, "--precision", "f32", "--device", "cpu", *DATA)
        self.assertEqual(done.returncode, CONFIG, done.stderr)
        self.assertIn("precision differs from the run that is resumed", done.stderr)

    def test_what_cannot_be(self):
        self.assertIn("--precision tf32 needs a CUDA device, this is cpu", self.train("a", "--precision", "tf32", code=CONFIG).stderr)
        self.assertIn("a loss scale of 64 is for --precision f16", self.train("b", "--loss-scale", "64", code=CONFIG).stderr)
        self.train("c", "--precision", "f8", code=USAGE)
        self.train("d", "--precision", "f16", "--loss-scale", "0", code=USAGE)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
