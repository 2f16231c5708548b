#!/usr/bin/env python3
"""Costs, coupled channels and sensitivity from outside: makes and trains tiny nets and reads what the program says of them.

usage: cost_test.py PROGRAM [CLASS[.test]...]
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml

PROGRAM = ""
USAGE, CONFIG, DATA, FILE = 2, 3, 4, 7
SMALL = ("--data", "synthetic", "--limit-train", "64", "--limit-test", "48", "--validation", "48")


def run(*arguments):
    environment = dict(os.environ, OMP_WAIT_POLICY="passive")
    environment.pop("PLIANT_DATA", None)
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=300, env=environment)


def result(*arguments):
    done = run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Case(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)

    def file(self, name):
        return os.path.join(self.temporary.name, name)

    def made(self, *flags, net="resnet20"):
        path = self.file("net.safetensors")
        done = run("init", net, "--output", path, *flags)
        self.assertEqual(done.returncode, 0, done.stderr)
        return path

    def fails(self, code, *arguments, mentions=""):
        done = run(*arguments)
        self.assertEqual((done.returncode, done.stdout), (code, ""), done.stderr)
        self.assertIn(mentions, done.stderr.splitlines()[-1])


class Cost(Case):
    def test_plain_net(self):
        path = self.made(net="lenet5")
        report = result("cost", path, "--batches", "1,4", "--seconds", "0.1")
        info = result("info", "lenet5")
        self.assertEqual(report["total"]["parameters"], info["parameters"])
        self.assertEqual(report["total"]["macs"], report["total"]["effective_macs"])
        self.assertEqual(report["total"]["parameters"], sum(row["parameters"] for row in report["rows"]))
        self.assertEqual([one["batch"] for one in report["total"]["batches"]], [1, 4])
        self.assertEqual(report["file_size"], os.path.getsize(path))
        self.assertLess(report["total"]["file_bytes"], report["file_size"])
        self.assertEqual(report["notes"], [])
        self.assertNotIn("removed", report)

    def test_masked_beside_removed(self):
        path = self.made("--mask", "layer1.0.conv1=0-7", "--mask", "layer3.1.conv1=0-31")
        report = result("cost", path, "--seconds", "0.1")
        total, removed = report["total"], report["removed"]["total"]
        self.assertEqual((total["effective_parameters"], total["effective_macs"]), (removed["parameters"], removed["macs"]))
        self.assertLess(removed["macs"], total["macs"])
        self.assertLess(removed["memory_bytes"], total["memory_bytes"])
        for table in (total, removed, report["unmasked"]):
            self.assertGreater(table["batches"][0]["median_ms"], 0.0)
        half = {row["name"]: row for row in report["rows"]}["layer1.0.conv1"]
        self.assertEqual(2 * half["effective_macs"], half["macs"])
        text = run("cost", path, "--seconds", "0.1")
        self.assertEqual(text.returncode, 0, text.stderr)
        for words in ("without masks", "removed_macs", "as fast as without masks", "Only removal takes them away"):
            self.assertIn(words, text.stdout)

    def test_refused(self):
        path = self.made(net="lenet5")
        self.fails(USAGE, "cost", path, "--batches", "0")
        self.fails(USAGE, "cost", path, "--seconds", "0")
        with open(self.file("text"), "w", encoding="utf-8") as file:
            file.write("no net")
        self.fails(FILE, "cost", self.file("text"))


class Graph(Case):
    def test_three_nets(self):
        for net, groups in (("vgg16", 13), ("resnet20", 21), ("mobilenet-v1", 14)):
            svg = self.file(net + ".svg")
            report = result("graph", net, "--output", svg)
            self.assertEqual((report["net"], len(report["groups"])), (net, groups))
            drawn = xml.parse(svg).getroot().iter("{http://www.w3.org/2000/svg}g")
            self.assertEqual(sum(one.get("class") == "group" for one in drawn), groups)
            text = run("graph", net)
            self.assertEqual(text.returncode, 0, text.stderr)
            for group in report["groups"]:
                self.assertIn(group["axis"], text.stdout)
                self.assertEqual(group["kept"], group["channels"])
                self.assertGreater(group["macs_per_channel"]["read"], 0.0)

    def test_masks_of_a_file_and_of_a_name(self):
        for report in (result("graph", self.made("--mask", "layer2=0-3,8")), result("graph", "resnet20", "--mask", "layer2=0-3,8")):
            kept = {group["axis"]: group["kept"] for group in report["groups"]}
            self.assertEqual((kept["layer2"], kept["layer1"]), (27, 16))
            stream = next(group for group in report["groups"] if group["axis"] == "layer2")
            self.assertEqual((stream["kind"], stream["shared"]), ("shared", True))
            self.assertEqual(stream["writers"], [f"layer2.{i}.conv2" for i in range(3)])

    def test_refused(self):
        self.fails(USAGE, "graph", "resnet21")
        self.fails(USAGE, "graph", "resnet20", "--output", "a.png")
        self.fails(USAGE, "graph", self.made(), "--shortcut", "B", mentions="structure")
        self.fails(USAGE, "graph", "resnet20", "--mask", "layer9=1")
        self.fails(CONFIG, "graph", "lenet5", "--shortcut", "B")


class Sensitivity(Case):
    def trained(self):
        done = run("train", "resnet20", "--out", self.file("run"), "--epochs", "1", "--batch", "32", *SMALL)
        self.assertEqual(done.returncode, 0, done.stderr)
        return os.path.join(self.file("run"), "last.safetensors")

    def test_layers(self):
        path, svg = self.trained(), self.file("curves.svg")
        report = result("sensitivity", path, *SMALL, "--layers", "--ratios", "0.25,0.75", "--output", svg)
        self.assertEqual((report["samples"], report["split"], len(report["layers"])), (48, "validation", 9))
        whole = result("eval", path, *SMALL, "--split", "validation")
        self.assertAlmostEqual(report["accuracy"], whole["accuracy"])
        for layer in report["layers"]:
            self.assertEqual([point["kept"] for point in layer["points"]], [layer["channels"] * 3 // 4, layer["channels"] // 4])
            self.assertEqual(layer["norms"], sorted(layer["norms"], reverse=True))
            mean = sum(report["accuracy"] - point["accuracy"] for point in layer["points"]) / 2
            self.assertAlmostEqual(layer["loss_of_accuracy"], mean)
        for drawn in (svg, self.file("curves-norms.svg")):
            series = [one for one in xml.parse(drawn).getroot().iter("{http://www.w3.org/2000/svg}g") if one.get("class") == "series"]
            self.assertEqual(len(series), 9)
        pruned = self.file("pruned.safetensors")  # the same layer, pruned by the other verb
        done = run("prune", path, "--method", "l1", "--ratios", "layer1.0.conv1=0.75", "--output", pruned)
        self.assertEqual(done.returncode, 0, done.stderr)
        other = result("eval", pruned, *SMALL, "--split", "validation")
        self.assertAlmostEqual(report["layers"][0]["points"][1]["accuracy"], other["accuracy"], delta=0.021)
        runs = self.file("retrained")
        report = result("sensitivity", path, *SMALL, "--layers", "--ratios", "0.5", "--retrain", "1", "--run", runs, "--score", "random", "--split", "test")
        self.assertEqual((report["split"], report["score"], report["retrain"]), ("test", "random", 1))
        self.assertEqual(len(os.listdir(runs)), 9)
        self.assertIn("metrics.csv", os.listdir(os.path.join(runs, "layer1.0.conv1-0.5")))
        self.fails(CONFIG, "sensitivity", path, *SMALL, "--layers", "--ratios", "0.5", "--retrain", "1", "--run", runs)

    def test_refused(self):
        path = self.made()
        self.fails(USAGE, "sensitivity", path, *SMALL, mentions="--layers")
        self.fails(USAGE, "sensitivity", path, *SMALL, "--layers", "--blocks")
        self.fails(USAGE, "sensitivity", path, *SMALL, "--layers", "--random", "1")
        self.fails(USAGE, "sensitivity", path, *SMALL, "--blocks", "--ratios", "0.5")
        for ratio in ("0", "1", "-0.5", "nan", "much"):
            self.fails(USAGE, "sensitivity", path, *SMALL, "--layers", "--ratios", ratio)
        self.fails(USAGE, "sensitivity", path, *SMALL, "--layers", "--score", "luck")
        self.fails(USAGE, "sensitivity", path, *SMALL, "--layers", "--retrain", "1", mentions="--run")
        self.fails(DATA, "sensitivity", path, "--data", "synthetic", "--validation", "0", "--layers", mentions="validation part")
        self.fails(CONFIG, "sensitivity", self.made("--input", "1x28x28", net="lenet5"), *SMALL, "--layers")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROGRAM = sys.argv[1]
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
