#!/usr/bin/env python3
"""Structures by --architecture, --head and --stem from outside: published ones, what a pruning left, and what does not fit.

usage: architecture_test.py PROGRAM [CLASS[.test]...]
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

PROGRAM = ""
USAGE, CONFIG, FILE = 2, 3, 7


def run(*arguments):
    environment = dict(os.environ, OMP_WAIT_POLICY="passive")
    environment.pop("PLIANT_DATA", None)
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=120, env=environment)


def info(*arguments):
    done = run("info", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Architecture(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()

    def tearDown(self):
        self.temporary.cleanup()

    def file(self, name, text=None):
        path = os.path.join(self.temporary.name, name)
        if text is not None:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        return path

    def refused(self, code, words, *arguments):
        done = run(*arguments)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(words, done.stderr)

    def test_published(self):
        self.assertEqual(info("resnet56", "--architecture", "resnet56-b")["parameters"], 735712)
        self.assertEqual(info("vgg16", "--architecture", "vgg16-a", "--head", "l1")["macs"], 206279680)
        self.assertEqual(info("vgg16", "--head", "l1")["parameters"], 14987722)
        self.assertEqual(info("densenet40", "--stem", "16")["parameters"], 1019722)

    def test_files(self):
        wanted = {"kept": {"layer1.0.conv1": [1, 5, 6], "layer2.0.select": 7}, "removed_blocks": [4]}
        pruned = self.file("pruned.json", json.dumps(dict(wanted, method="l1")))
        checkpoint = self.file("net.safetensors")
        done = run("init", "resnet20", "--architecture", pruned, "--output", checkpoint)
        self.assertEqual(done.returncode, 0, done.stderr)
        expected = info("resnet20", "--architecture", pruned)
        self.assertLess(expected["parameters"], 269722)
        self.assertEqual(info(checkpoint)["parameters"], expected["parameters"])
        again = info("resnet20", "--architecture", checkpoint, "--classes", "100")
        self.assertEqual(again["parameters"], expected["parameters"] + 90 * 65)
        description = self.file("net.json", json.dumps(dict(wanted, name="resnet20", kept={"layer2": [0, 1, 2]})))
        self.assertLess(info("resnet20", "--architecture", description)["parameters"], expected["parameters"])

    def test_what_does_not_fit(self):
        self.refused(CONFIG, "structure of resnet56", "info", "resnet20", "--architecture", "resnet56-a")
        self.refused(USAGE, "resnet50-2x", "info", "resnet20", "--architecture", "resnet20-a")
        self.refused(CONFIG, "has no axis layer9", "info", "resnet20", "--architecture", self.file("a.json", '{"axis_sizes": {"layer9": 3}}'))
        self.refused(CONFIG, "layer1", "info", "resnet20", "--architecture", self.file("b.json", '{"kept": {"layer1": [99]}}'))
        self.refused(FILE, "a.txt", "info", "resnet20", "--architecture", self.file("a.txt", "hello there"))
        self.refused(FILE, "c.json", "info", "resnet20", "--architecture", self.file("c.json", '{"rows": []}'))
        self.refused(FILE, "d.json", "info", "resnet20", "--architecture", self.file("d.json", '{"kept": {"layer1": -1}}'))
        self.refused(CONFIG, "head", "info", "resnet20", "--head", "l1")
        self.refused(CONFIG, "head", "info", "vgg16", "--architecture", "vgg16-a", "--head", "bias")
        self.refused(CONFIG, "stem", "info", "vgg16", "--stem", "16")
        self.refused(CONFIG, "shortcut", "info", "vgg16", "--shortcut", "B")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROGRAM = sys.argv[1]
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
