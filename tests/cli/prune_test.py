#!/usr/bin/env python3
"""Pruning from outside: trains tiny nets on the built-in set for a moment, prunes them by every method and reads what is told.

usage: prune_test.py PROGRAM [CLASS[.test]...]
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

PROGRAM = ""
USAGE, CONFIG, DATA = 2, 3, 4
SMALL = ("--data", "synthetic", "--limit-train", "256", "--limit-test", "128", "--validation", "64")


def run(*arguments):
    environment = dict(os.environ, OMP_WAIT_POLICY="passive")
    environment.pop("PLIANT_DATA", None)
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=300, env=environment)


def result(*arguments):
    done = run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Pruning(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = cls.temporary.name
        cls.net = cls.file("resnet20.safetensors")
        assert run("train", "resnet20", "--out", cls.file("run"), "--epochs", "1", "--batch", "64", *SMALL).returncode == 0
        cls.net = os.path.join(cls.file("run"), "best.safetensors")

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    @classmethod
    def file(cls, name):
        return os.path.join(cls.folder, name)

    def refused(self, code, *arguments, saying=""):
        output = self.file("refused.safetensors")
        done = run("prune", *arguments, "--output", output)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(saying, done.stderr)
        self.assertFalse(os.path.exists(output))

    def test_masked_and_removed(self):
        masked, smaller = self.file("masked.safetensors"), self.file("smaller.safetensors")
        told = result("prune", self.net, "--method", "l1", "--ratio", "0.5", "--output", masked)
        again = result("prune", self.net, "--method", "l1", "--ratio", "0.5", "--output", smaller, "--remove")
        self.assertEqual(told["kept"], again["kept"])
        self.assertLessEqual(told["largest_difference"], 1e-4)
        self.assertEqual(len(told["kept"]), 9)
        self.assertEqual(len(told["kept"]["layer1.0.conv1"]), 8)
        self.assertEqual(told["kept"]["layer1.0.conv1"], sorted(told["kept"]["layer1.0.conv1"]))
        self.assertEqual(result("info", masked)["macs"], told["before"]["macs"])
        info = result("info", smaller)
        self.assertEqual((info["parameters"], info["macs"]), (told["after"]["parameters"], told["after"]["macs"]))
        # Half of the inner channels halve every convolution of a block.
        self.assertLess(told["after"]["macs"], 0.52 * told["before"]["macs"])
        figures = [result("eval", file, *SMALL[:2], "--limit-test", "128")["accuracy"] for file in (masked, smaller)]
        self.assertAlmostEqual(figures[0], figures[1], delta=1.0 / 128.0)

    def test_every_score_and_method(self):
        for method in ("l2", "random", "geometric-median", "outgoing", "gamma", "taylor", "change1", "slimming", "thinet", "regression"):
            images = "100" if method in ("thinet", "regression") else "8"
            told = result("prune", self.net, "--method", method, "--ratio", "0.3", "--floor", "1", "--images", images, "--output", self.file("one.safetensors"),
                          "--remove", *SMALL)
            self.assertLess(told["after"]["parameters"], told["before"]["parameters"], method)
            self.assertIn("accuracy", told["after"])

    def test_single_weights(self):
        told = result("prune", self.net, "--method", "magnitude", "--ratio", "0.8", "--output", self.file("sparse.safetensors"))
        self.assertEqual(told["weights"]["kept"], told["weights"]["total"] - int(0.8 * told["weights"]["total"]) - 1)
        self.assertEqual(told["before"]["nonzero"] - told["after"]["nonzero"], told["weights"]["total"] - told["weights"]["kept"])
        self.refused(USAGE, self.net, "--method", "magnitude", saying="needs a ratio")

    def test_fine_tuning_in_one_command(self):
        tuned = self.file("tuned.safetensors")
        told = result("prune", self.net, "--ratio", "0.5", "--remove", "--output", tuned, "--fine-tune", "1", "--run", self.file("tuning"), *SMALL)
        self.assertIn("accuracy", told["fine_tuned"])
        self.assertEqual(told["fine_tuned"]["parameters"], told["after"]["parameters"])
        self.assertEqual(result("info", tuned)["parameters"], told["after"]["parameters"])

    def test_explanation_and_dry_run(self):
        done = run("prune", self.net, "--ratio", "0.25", "--dry-run", "--explain", "layer2.1.conv1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("layer2.1.conv2", done.stdout)
        self.assertIn("24 stay", done.stdout)
        self.assertIsNone(result("prune", self.net, "--ratio", "0.25", "--dry-run")["checkpoint"])

    def test_rewinding_resets_what_is_left(self):
        start, ticket = self.file("start.safetensors"), self.file("ticket.safetensors")
        self.assertEqual(run("init", "resnet20", "--output", start, "--seed", "5").returncode, 0)
        result("prune", self.net, "--ratio", "0.5", "--rewind", start, "--output", ticket)
        again = result("prune", self.net, "--ratio", "0.5", "--rewind", start, "--output", self.file("ticket2.safetensors"), "--remove")
        self.assertLessEqual(again["largest_difference"], 1e-4)
        self.refused(CONFIG, self.net, "--ratio", "0.5", "--rewind", ticket_of_another_net(self), saying="another structure")

    def test_plans_and_ratios(self):
        plan = self.file("plan.json")
        with open(plan, "w") as file:
            json.dump({"layer1.0.conv1": 0.5, "layer3.2.conv1": 0.25}, file)
        told = result("prune", self.net, "--plan", plan, "--dry-run")
        self.assertEqual({axis: len(kept) for axis, kept in told["kept"].items()}, {"layer1.0.conv1": 8, "layer3.2.conv1": 48})
        told = result("prune", self.net, "--ratios", "layer2.1.conv1=0.4", "--round-to", "8", "--dry-run")
        self.assertEqual({axis: len(kept) for axis, kept in told["kept"].items()}, {"layer2.1.conv1": 24})

    def test_a_masked_file_is_pruned_again_like_the_smaller_one(self):
        files = [self.file("first-masked.safetensors"), self.file("first-smaller.safetensors")]
        for file, flags in zip(files, ((), ("--remove",))):
            result("prune", self.net, "--ratio", "0.25", "--output", file, *flags)
        masked, smaller = (result("prune", file, "--ratio", "0.5", "--dry-run") for file in files)
        self.assertEqual(masked["kept"], smaller["kept"])
        self.assertEqual(len(masked["kept"]["layer1.0.conv1"]), 6)
        self.assertEqual(masked["after"]["parameters"], smaller["after"]["parameters"])
        self.assertGreater(masked["constants_difference"], 0.0)
        self.assertAlmostEqual(masked["constants_difference"], smaller["constants_difference"], places=3)

    def test_bad_input(self):
        self.refused(USAGE, self.net, "--ratio", "1.0", saying="between 0 and 1")
        self.refused(USAGE, self.net, "--ratio", "0", saying="between 0 and 1")
        self.refused(USAGE, self.net, saying="needs a ratio")
        self.refused(USAGE, self.net, "--ratios", "layer9=0.5", saying="layer1.0.conv1")
        self.refused(USAGE, self.net, "--ratios", "layer1.0.conv1", saying="LAYER=RATIO")
        self.refused(USAGE, self.net, "--method", "taylor", "--ratio", "0.5", saying="--data")
        self.refused(CONFIG, self.net, "--ratios", "layer1.0.conv1=0.99", saying="layer1.0.conv1")
        self.refused(CONFIG, self.net, "--method", "sss", saying="block scales")
        self.assertEqual(run("prune", self.net, "--ratio", "0.5").returncode, USAGE)


def ticket_of_another_net(test):
    other = test.file("other.safetensors")
    assert run("init", "resnet20", "--shortcut", "B", "--output", other).returncode == 0
    return other


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=2)
