#!/usr/bin/env python3
"""Training that makes a net sparse, from outside: what a run leaves in its files, and what is refused with nothing written.

usage: sparsity_test.py PROGRAM [CLASS[.test]...]
"""
import csv
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

    def test_positions_of_kernels_after_every_pruning(self):
        tensors = self.best("--sparsity", "0.75", "--sparsity-schedule", "iterative", "--sparsity-end", "1", net="resnet20")
        with open(os.path.join(self.out, "positions.csv"), encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(list(rows[0]), ["pass", "stage", "kernel", "row", "column", "kept"])
        passes = list(dict.fromkeys(row["pass"] for row in rows))
        self.assertEqual(len(rows), 2 * 3 * 9)
        self.assertRegex(passes[0], r"^step 0: (50\.00|49\.99) % left$")
        self.assertRegex(passes[1], r"^step 4: (25\.00|24\.99) % left$")
        kernels = [values for name, values in tensors.items() if name.startswith("layer3.") and name.endswith(".mask")]
        for row in rows[-9:]:  # the file's masks are [K, C, R, S]
            place = 3 * (int(row["row"]) - 1) + int(row["column"]) - 1
            kept = [value for mask in kernels for value in mask[place::9]]
            self.assertAlmostEqual(float(row["kept"]), sum(kept) / len(kept), places=12)
        with open(os.path.join(self.out, "positions.svg"), encoding="utf-8") as file:
            picture = file.read()
        for text in (*passes, "stage 1 (32x32)", "stage 3 (8x8)"):
            self.assertIn(f">{text}<", picture)

    def test_soft_filter_pruning(self):
        tensors = self.best("--soft-pruning", "0.3")
        self.assertFalse(os.path.exists(os.path.join(self.out, "positions.csv")))
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
