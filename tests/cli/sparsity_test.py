#!/usr/bin/env python3
"""Training that makes a net sparse, from outside: what a run leaves in its files, and what is refused with nothing written.

usage: sparsity_test.py PROGRAM [CLASS[.test]...]
"""
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "parity"))
from read_safetensors import read  # noqa: E402

PROGRAM = ""
USAGE, CONFIG = 2, 3
SMALL = ("--data", "synthetic", "--limit-train", "128", "--limit-test", "64", "--validation", "32", "--batch", "32", "--epochs", "2")


class Sparsity(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)
        self.out = os.path.join(self.temporary.name, "run")

    def train(self, net, *flags):
        environment = dict(os.environ, OMP_WAIT_POLICY="passive")
        environment.pop("PLIANT_DATA", None)
        command = [PROGRAM, "train", net, "--out", self.out, *SMALL, *flags]
        return subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)

    def best(self, *flags, net="lenet5"):
        done = self.train(net, *flags)
        self.assertEqual(done.returncode, 0, done.stderr)
        _, tensors = read(os.path.join(self.out, "best.safetensors"))
        return {name: values for name, (_, _, values) in tensors.items()}

    def refused(self, code, saying, *flags, net="lenet5"):
        done = self.train(net, *flags)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(saying, done.stderr)
        self.assertFalse(os.path.exists(self.out) and os.listdir(self.out), "something was written")

    def test_gradual_magnitude_pruning(self):
        tensors = self.best("--sparsity", "0.7", "--sparsity-schedule", "gradual", "--sparsity-end", "1", "--sparsity-every", "1")
        names = [name for name in tensors if name.startswith("conv") and name.endswith(".weight")]
        values = [value for name in names for value in tensors[name]]
        self.assertEqual(sum(value == 0.0 for value in values), int(len(values) * 0.7) + 1)
        self.assertEqual({name for name in tensors if name.endswith(".mask")}, {name + ".mask" for name in names})

    def test_soft_filter_pruning(self):
        tensors = self.best("--soft-pruning", "0.3")
        masks = {name: values for name, values in tensors.items() if name.startswith("axis.")}
        self.assertEqual(len(masks), 2)
        for mask in masks.values():
            self.assertEqual(mask.count(0), int(0.3 * len(mask)))

    def test_refusals(self):
        for share in ("1", "1.5", "0", "-0.5", "nan"):
            self.refused(USAGE, "sparsity", "--sparsity", share)
            self.refused(USAGE, "soft-pruning", "--soft-pruning", share)
        self.refused(USAGE, "sparsity-end", "--sparsity", "0.5", "--sparsity-schedule", "gradual", "--sparsity-begin", "2", "--sparsity-end", "1")
        self.refused(USAGE, "sparsity-every", "--sparsity", "0.5", "--sparsity-every", "often")
        self.refused(USAGE, "--sparsity", "--dense-at", "1")
        self.refused(CONFIG, "sparsity-begin", "--sparsity", "0.5", "--sparsity-begin", "2")
        self.refused(CONFIG, "dense-at", "--sparsity", "0.5", "--dense-at", "2")
        self.refused(CONFIG, "mlp", "--sparsity", "0.5", net="mlp")
        self.refused(CONFIG, "mlp", "--soft-pruning", "0.5", net="mlp")
        self.refused(CONFIG, "scale sparsity", "--scale-sparsity", "1e-4")
        self.refused(CONFIG, "block scales", "--block-sparsity", "0.01", net="resnet20")
        self.refused(CONFIG, "lenet5", "--block-scales")
        self.refused(CONFIG, "adam", "--block-scales", "--optimizer", "adam", "--lr", "0.001", net="resnet20")


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=2)
