#!/usr/bin/env python3
"""Runs `pliant plot` on small runs and reads the figures as XML. Python's standard library alone.

usage: plot_test.py PROGRAM [CLASS[.test]...]
"""
import os
import re
import sys
import unittest
import xml.etree.ElementTree as ElementTree

import program_test
from program_test import FILE, USAGE, ProgramTest

SVG = "{http://www.w3.org/2000/svg}"
HEADER = "epoch,step,learning_rate,train_loss,train_accuracy,validation_loss,validation_accuracy,images_per_second,seconds\n"


class PlotTest(ProgramTest):
    def run_folder(self, name, rates=(0.1, 0.1, 0.01, 0.004, 0.003), validation=True, **files):
        """The folder of a run with one row per rate, and more CSV files."""
        os.makedirs(self.path(name))
        rows = [f"{e},{10 * e},{rate},{2 / e},{0.1 * e},{3 / e if validation else ''},{0.15 * e if validation else ''},100,1\n"
                for e, rate in enumerate(rates, 1)]
        self.write(f"{name}/metrics.csv", (HEADER + "".join(rows)).encode())
        for file, text in files.items():
            self.write(f"{name}/{file}.csv", text.encode())
        return self.path(name)

    def plot(self, *arguments):
        """The figure, after checks that hold for all: XML, nothing active or outside, every text inside."""
        self.succeeds("plot", *arguments, "--output", self.path("f.svg"))
        text = self.content("f.svg")
        root = ElementTree.fromstring(text)
        self.assertEqual(root.tag, SVG + "svg")
        self.assertNotIn(b"href", text)
        left, top, width, height = (float(number) for number in root.get("viewBox").split())
        self.assertEqual((left, top), (0, 0))
        allowed = {SVG + tag for tag in ("svg", "title", "rect", "g", "line", "path", "text")}
        for element in root.iter():
            self.assertIn(element.tag, allowed)
            for names, limit in ((("x", "x1", "x2"), width), (("y", "y1", "y2"), height)):
                for name in names:
                    self.assertTrue(0 <= float(element.get(name, 0)) <= limit, ElementTree.tostring(element))
        return root

    def texts(self, root, group):
        return [text.text for g in root.iter(SVG + "g") if g.get("class") == group for text in g.iter(SVG + "text")]

    def curves(self, root):
        """The points of each curve: [[(x, y)...]...]."""
        paths = [g.find(SVG + "path") for g in root.iter(SVG + "g") if g.get("class") == "series"]
        return [[(float(x), float(y)) for x, y in re.findall(r"[ML]([-0-9.]+) ([-0-9.]+)", path.get("d"))] for path in paths]


class Metrics(PlotTest):
    def test_runs_are_overlaid_and_drops_are_marked(self):
        root = self.plot(self.run_folder("constant") + "/", self.run_folder("stochastic & co", rates=(0.5, 0.1)), "--title", "depth <b>")
        self.assertEqual(self.texts(root, "legend"), ["constant", "stochastic & co"])
        self.assertEqual(self.texts(root, "mark"), ["lr /10", "lr /2.5"])
        axes = self.texts(root, "axes")
        for text in ("epoch", "validation accuracy (%)", "depth <b>"):
            self.assertIn(text, axes)
        curves = self.curves(root)
        self.assertEqual([len(curve) for curve in curves], [5, 2])
        self.assertEqual(curves[0][:2], curves[1])  # the same figures in both
        for (x1, y1), (x2, y2) in zip(curves[0], curves[0][1:]):
            self.assertTrue(x1 < x2 and y1 > y2)
        marks = [float(g.find(SVG + "line").get("x1")) for g in root.iter(SVG + "g") if g.get("class") == "mark"]
        self.assertEqual(marks, [curves[0][2][0], curves[0][3][0]])  # where the lower rate begins

    def test_several_metrics_from_several_files(self):
        run = self.run_folder("run", depth="epoch,open_blocks\n1,54\n2,40\n3,\n4,39.5\n")
        root = self.plot(run, "--metric", "train_loss", "--metric", "open_blocks")
        self.assertEqual(self.texts(root, "legend"), ["run: train_loss", "run: open_blocks"])
        self.assertEqual([len(curve) for curve in self.curves(root)], [5, 3])
        self.assertIn("train loss, open blocks", self.texts(root, "axes"))
        root = self.plot(os.path.join(run, "depth.csv"), "--metric", "open_blocks")
        self.assertEqual((self.texts(root, "legend"), self.texts(root, "mark")), (["run/depth.csv"], []))

    def test_top_5_accuracies_share_a_figure_in_percent(self):
        run = self.run_folder("run", rows="epoch,width,exit,validation_top5_accuracy\n1,1,0,0.5\n1,0.5,0,0.25\n")
        names, rows = self.content("run/metrics.csv").decode().split("\n", 1)
        rows = "".join(f"{row},{0.19 * e}\n" for e, row in enumerate(rows.splitlines(), 1))
        self.write("run/metrics.csv", f"{names},validation_top5_accuracy\n{rows}".encode())
        root = self.plot(run, "--metric", "validation_accuracy", "--metric", "validation_top5_accuracy")
        self.assertEqual(self.texts(root, "legend"), ["run: validation_accuracy", "run: validation_top5_accuracy"])
        self.assertIn("validation accuracy, validation top5 accuracy (%)", self.texts(root, "axes"))
        for (_, y), (_, top5) in zip(*self.curves(root)):
            self.assertGreater(y, top5)  # drawn above

    def test_runs_of_one_name_are_told_apart(self):
        first, second = self.run_folder("a/run"), self.run_folder("b/run")
        self.assertEqual(self.texts(self.plot(first, second), "legend"), [first, second])

    def test_what_is_missing_is_named(self):
        run, out = self.run_folder("run", validation=False, other="name,value\na,1\n"), ("--output", self.path("f.svg"))
        self.fails(FILE, "plot", self.path("none"), *out, mentions="none: no such run folder")
        self.fails(FILE, "plot", run, self.path("none"), *out, mentions="none: no such run folder")
        os.mkdir(self.path("empty"))
        self.fails(FILE, "plot", self.path("empty"), *out, mentions="metrics.csv")
        self.fails(USAGE, "plot", run, *out, "--metric", "speed", mentions="train_loss train_accuracy")
        self.fails(USAGE, "plot", run, *out, "--metric", "value", mentions="value")
        self.fails(USAGE, "plot", run, *out, mentions="'validation_accuracy' is empty")
        self.fails(USAGE, "plot", run, "--output", self.path("f.png"), "--metric", "train_loss", mentions=".svg")
        self.fails(USAGE, "plot", "--output", self.path("f.svg"))
        self.fails(USAGE, "plot", run, mentions="--output")
        self.fails(1, "plot", run, "--metric", "train_loss", "--output", self.path("missing/f.svg"), mentions="missing")
        self.assertFalse(os.path.exists(self.path("f.svg")))

    def test_damaged_files(self):
        out = ("--metric", "a", "--output", self.path("f.svg"))
        for content in ("epoch,a\n1\n", "epoch,a\n1,x\n", "epoch,a\n1,nan\n", "epoch,a\n2,1\n1,1\n", "epoch,a\n,1\n", "epoch,a\n\"1,2\n", ""):
            self.fails(FILE, "plot", self.write("bad.csv", content.encode()), *out, mentions="bad.csv")
        self.assertFalse(os.path.exists(self.path("f.svg")))


class Layers(PlotTest):
    def test_the_last_epoch_over_the_layers(self):
        plain = self.run_folder("plain", gradients="epoch,conv1,layer1.conv,fc\n1,1,1,1\n2,0.1,0.01,0.001\n")
        exits = self.run_folder("exits", gradients="epoch,conv1,exit0,layer1.conv,fc\n1,0.1,0.2,0,0.05\n")
        root = self.plot(plain, exits, "--layers")
        self.assertEqual(self.texts(root, "legend"), ["plain", "exits"])
        axes = self.texts(root, "axes")
        at = axes.index("conv1")
        self.assertEqual(axes[at:at + 4], ["conv1", "exit0", "layer1.conv", "fc"])
        first, second = self.curves(root)
        self.assertEqual((len(first), len(second)), (3, 3))  # a gradient of 0 has no place on a logarithmic axis
        self.assertEqual(first[0], second[0])
        self.assertAlmostEqual(first[1][1] - first[0][1], first[2][1] - first[1][1], delta=0.02)
        note = self.run_program("plot", exits, "--layers", "--output", self.path("f.svg")).stderr
        self.assertIn("exits: 1 layers", note)

    def test_what_is_missing_is_named(self):
        out = ("--layers", "--output", self.path("f.svg"))
        self.fails(FILE, "plot", self.run_folder("run"), *out, mentions="gradients.csv")
        for text in ("epoch,a\n", "epoch\n1\n", "a,b\n1,2\n", "epoch,a\n1,0\n"):
            self.fails(FILE, "plot", self.write("bad.csv", text.encode()), *out, mentions="bad.csv")
        self.fails(USAGE, "plot", self.path("run"), *out, "--metric", "train_loss", mentions="--metric")
        self.assertFalse(os.path.exists(self.path("f.svg")))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    program_test.PROGRAM = os.path.abspath(sys.argv[1])
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
