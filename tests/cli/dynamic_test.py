#!/usr/bin/env python3
"""Runs the real program on nets with several widths, exits and gates: parts by name, extraction, reports, statistics.

usage: dynamic_test.py PROGRAM [CLASS[.test]...]
"""
import json
import os
import random
import struct
import sys
import unittest

import program_test
from program_test import CONFIG, FILE, USAGE, ProgramTest, read, safetensors

SMALL = ("--data", "synthetic", "--limit-train", "300", "--limit-test", "60", "--validation", "0")
DYNAMIC = ("--widths", "0.25,0.5,1.0", "--exits", "3,6", "--stochastic-depth", "0.5")


class DynamicTest(ProgramTest):
    def net(self, name="net", net="resnet20", flags=DYNAMIC):
        return self.checkpoint(name, net, *flags)

    def report(self, *arguments):
        return json.loads(self.succeeds(*arguments, "--json"))

    def images(self, side=32, count=3):
        draw = random.Random(1)
        values = [draw.uniform(-1, 1) for _ in range(count * 3 * side * side)]
        return self.write("in", safetensors({"input": ("F32", [count, 3, side, side], struct.pack(f"<{len(values)}f", *values))}))

    def logits(self, net, given, *flags):
        self.succeeds("forward", net, "--input", given, "--output", self.path("out"), "--device", "cpu", *flags)
        return read(self.path("out"))[1]["logits"]


class Folded(DynamicTest):
    def test_a_folded_net_gives_the_logits_of_eval_mode(self):
        net, given, out = self.net(flags=()), self.images(), self.path("folded")
        report = self.report("fold", net, "--output", out)
        self.assertEqual((report["checkpoint"], report["folded"]), (out, 19))
        self.assertEqual(report["parameters"], self.report("info", out)["parameters"])
        expected, folded = (self.logits(file, given)[2] for file in (net, out))
        self.assertEqual((len(expected), len(folded)), (30, 30))
        self.assertTrue(all(abs(a - b) < 1e-4 for a, b in zip(expected, folded)), (expected[:3], folded[:3]))
        self.assertIn("19 batch norms folded", self.succeeds("fold", net, "--output", out))

    def test_a_net_with_several_widths_or_a_folded_one_is_refused(self):
        out = self.path("folded")
        self.fails(CONFIG, "fold", self.net(), "--output", out, mentions="extract one first")
        self.succeeds("fold", self.net("plain", flags=()), "--output", out)
        self.fails(CONFIG, "fold", out, "--output", self.path("again"), mentions="folded already")


class Parts(DynamicTest):
    def test_an_extracted_part_gives_the_bits_of_its_width_and_exit(self):
        net, given, out = self.net(), self.images(), self.path("part")
        whole = self.report("info", net)
        for width, exit_ in (("0.5", "0"), ("0.25", "2"), ("1.0", "1")):
            report = self.report("extract", net, "--width", width, "--exit", exit_, "--output", out)
            self.assertEqual(self.logits(out, given), self.logits(net, given, "--width", width, "--exit", exit_))
            row = next(row for row in whole["rows"] if row["width"] == float(width) and row["exit"] == int(exit_))
            alone = self.report("info", out)
            self.assertEqual(report["extracted"], {"parameters": row["parameters"], "macs": row["macs"]})
            self.assertEqual((alone["parameters"], alone["macs"], alone["exits"]), (row["parameters"], row["macs"], 1))
            self.assertEqual(report["source"]["parameters"], whole["held_parameters"])
        self.assertEqual(self.report("extract", net, "--exit", "1", "--keep-exits", "--output", out)["checkpoint"], out)
        self.assertEqual(self.report("info", out)["exits"], 2)

    def test_parts_that_the_net_does_not_have(self):
        net, given, out = self.net(), self.images(), self.path("none")
        for verb in (["forward", net, "--input", given, "--output", out], ["eval", net, *SMALL], ["extract", net, "--output", out],
                     ["latency", net, "--output", out], ["predict", net, self.path("none.png")]):
            if verb[0] != "predict":  # which looks at its images first
                self.fails(USAGE, *verb, "--width", "0.3", mentions="1, 0.5, 0.25")
                self.fails(USAGE, *verb, "--exit", "3", mentions="exits 0 to 2")
            self.fails(USAGE, *verb, "--width", "wide")
            self.fails(USAGE, *verb, "--exit", "-1")
        self.assertFalse(os.path.exists(out))

    def test_structures_that_cannot_be(self):
        for flags in (["--widths", "0.5,1.5"], ["--widths", "0"], ["--widths", "0.5,0.5"], ["--exits", ""], ["--exits", "40"],
                      ["--stochastic-depth", "0"], ["--stochastic-depth", "1.5"]):
            self.fails(USAGE, "info", "resnet20", *flags)
        self.fails(CONFIG, "info", "vgg16", "--stochastic-depth", "0.5", mentions="residual")


class Reports(DynamicTest):
    def test_eval_has_a_row_for_every_width_and_exit(self):
        net = self.net()
        curve = self.path("curve.svg")
        report = self.report("eval", net, *SMALL, "--curve", curve, "--gate-samples", "2")
        rows = report["rows"]
        self.assertEqual([(row["width"], row["exit"]) for row in rows], [(w, e) for w in (1, 0.5, 0.25) for e in (0, 1, 2)])
        info = self.report("info", net)["rows"]
        for row, cost in zip(rows, info):
            self.assertEqual((row["parameters"], row["macs"]), (cost["parameters"], cost["macs"]))
            self.assertGreater(row["milliseconds"], 0)
            self.assertTrue(0 <= row["accuracy"] <= 1 and 0 <= row["gate_accuracy"] <= 1 and row["loss"] > 0)
        self.assertEqual((report["accuracy"], report["loss"]), (rows[2]["accuracy"], rows[2]["loss"]))
        self.assertEqual([exit_["accuracy"] for exit_ in report["exits"]], [row["accuracy"] for row in rows[:3]])
        for path in (curve, self.path("curve-time.svg")):
            with open(path, encoding="utf-8") as file:
                text = file.read()
            self.assertIn("Pareto front", text)
            self.assertIn("width 0.25", text)
        one = self.report("eval", net, *SMALL, "--width", "0.5", "--exit", "1")
        self.assertEqual(len(one["rows"]), 1)
        self.assertEqual(one["accuracy"], rows[4]["accuracy"])
        self.fails(USAGE, "eval", net, *SMALL, "--curve", self.path("curve.png"))
        plain = self.net("plain", flags=())
        self.fails(CONFIG, "eval", plain, *SMALL, "--gate-samples", "2", mentions="stochastic depth")

    def test_images_of_another_size_are_resized_on_the_fly(self):
        net = self.checkpoint("net", "lenet5", "--input", "3x20x20")
        result = self.run_program("eval", net, *SMALL)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("32 x 32 are resized on the fly to 20 x 20", result.stderr)
        self.fails(CONFIG, "eval", self.checkpoint("grey"), *SMALL, mentions="1 channels")

    def test_latency_and_the_choice_within_a_budget(self):
        net, table = self.net(), self.path("table.json")
        report = self.report("latency", net, "--output", table, "--seconds", "0.2", "--budget", "100000")
        self.assertEqual(len(report["rows"]), 9)
        self.assertEqual((report["choice"]["width"], report["choice"]["exit"]), (1, 2))
        for row in report["rows"]:
            self.assertLessEqual(row["median_ms"], row["p90_ms"])
            self.assertAlmostEqual(row["overhead"], row["median_ms"] / row["plain_ms"])
        with open(table, encoding="utf-8") as file:
            self.assertEqual(json.load(file)["rows"], report["rows"])
        accuracies = [{"width": row["width"], "exit": row["exit"], "accuracy": 0.9 if row is report["rows"][4] else 0.5} for row in report["rows"]]
        rated = self.write("eval.json", json.dumps({"rows": accuracies}).encode())
        report = self.report("latency", net, "--seconds", "0.1", "--budget", "100000", "--accuracy", rated)
        self.assertEqual((report["choice"]["width"], report["choice"]["exit"]), (0.5, 1))
        self.fails(CONFIG, "latency", net, "--seconds", "0.1", "--budget", "1e-9", mentions="fastest")
        for damaged in (b"{}", b"text", json.dumps({"rows": accuracies[:3]}).encode()):
            self.fails(FILE, "latency", net, "--seconds", "0.1", "--accuracy", self.write("bad.json", damaged))
        self.fails(FILE, "latency", net, "--seconds", "0.1", "--accuracy", self.path("missing.json"))

    def test_info_of_widths_exits_and_gates(self):
        report = self.report("info", "resnet20", *DYNAMIC)
        self.assertEqual(len(report["rows"]), 9)
        self.assertEqual([row["width"] for row in report["batch_norm"]], [1, 0.5, 0.25])
        self.assertEqual([row["batch_norm_scalars"] for row in report["batch_norm"]], [1376, 688, 344])
        self.assertAlmostEqual(sum(row["share"] for row in report["batch_norm"]), (1376 + 688 + 344) / report["held_parameters"])
        self.assertAlmostEqual(report["stochastic_depth"]["expected_open_blocks"], (3 * 9 - 1) / 4)
        self.assertTrue(0.5 < report["stochastic_depth"]["expected_macs"] < 1)
        text = self.succeeds("info", "resnet20", *DYNAMIC)
        self.assertIn("6.50 of 9 blocks", text)
        self.assertNotIn("Stochastic", self.succeeds("info", "resnet20"))

    def test_depth_table_of_the_paper(self):
        report = self.report("info", "densenet169", "--classes", "100", "--flatten-head", "--exits", "elastic", "--depth", "--beside", "densenet121",
                             "--counting", "keras")
        self.assertEqual([row["net"] for row in report["depth"]], ["densenet169"] * 4 + ["densenet121"])
        self.assertEqual([row["convolutions"] for row in report["depth"]], [14, 39, 104, 168, 120])
        self.assertEqual([row["parameters"] for row in report["depth"]], [394660, 1470628, 6705828, 20796580, 12055204])
        self.fails(USAGE, "info", "densenet169", "--beside", "densenet121", mentions="--depth")


class Readme(DynamicTest):
    def test_the_two_commands_of_the_combined_net(self):
        page = os.path.join(os.path.dirname(__file__), "..", "..", "README.md")
        with open(page, encoding="utf-8") as file:
            lines = [line.split("#")[0].split() for line in file if line.startswith("pliant ") and "combined" in line]
        self.assertEqual([line[1] for line in lines], ["train", "eval"])
        for flag in ("--widths", "--exits", "--stochastic-depth", "--mask"):
            self.assertIn(flag, lines[0])
        places = {'"$PLIANT_DATA"': "synthetic"}
        train, evaluate = ([places.get(word, self.path(word) if "combined" in word else word) for word in line[1:]] for line in lines)
        self.succeeds(*train, "--limit-train", "256", "--limit-test", "64", "--epochs", "1")
        report = self.report(*evaluate, "--limit-test", "64")
        self.assertEqual([(row["width"], row["exit"]) for row in report["rows"]], [(w, e) for w in (1, 0.75, 0.5, 0.25) for e in (0, 1, 2)])
        for row in report["rows"]:
            self.assertTrue({"accuracy", "parameters", "macs", "milliseconds"} <= set(row))
        for drawing in ("combined.svg", "combined-time.svg"):
            self.assertTrue(os.path.getsize(self.path(drawing)) > 2000)


class Statistics(DynamicTest):
    def test_calibrate(self):
        net, out = self.net(flags=("--widths", "0.5,1.0", "--batch-norm", "shared")), self.path("calibrated")
        report = self.report("calibrate", net, *SMALL, "--widths", "0.75,0.5", "--batches", "3", "--batch", "20", "--output", out)
        self.assertEqual((report["widths"], report["batch_norm_sets"], report["images"]), ([1, 0.75, 0.5], 3, 60))
        tensors, before = read(out)[1], read(net)[1]
        self.assertIn("bn1.set2.running_var", tensors)
        self.assertNotIn("bn1.set2.weight", tensors)
        self.assertEqual(tensors["layer1.0.conv1.weight"], before["layer1.0.conv1.weight"])
        self.assertNotEqual(tensors["bn1.running_mean"], before["bn1.running_mean"])
        self.assertEqual([row["width"] for row in self.report("eval", out, *SMALL)["rows"]], [1, 0.75, 0.5])
        none = self.path("none")
        self.fails(USAGE, "calibrate", net, *SMALL, "--batches", "30", "--batch", "20", "--output", none, mentions="600 images, the training part has 300")
        switchable = self.net("switchable", flags=("--widths", "0.5,1.0"))
        self.fails(USAGE, "calibrate", switchable, *SMALL, "--widths", "0.75", "--output", none, mentions="1, 0.5")
        self.assertFalse(os.path.exists(none))

    def test_sensitivity(self):
        net, drawing = self.net(flags=()), self.path("blocks.svg")
        report = self.report("sensitivity", net, *SMALL, "--blocks", "--random", "2,9", "--repeats", "2", "--output", drawing)
        self.assertEqual([row["block"] for row in report["blocks"]], list(range(9)))
        self.assertEqual([row["blocks"] for row in report["random"]], [2, 9])
        self.assertEqual(report["random"][1]["deviation"], 0)
        for row in report["blocks"]:
            self.assertAlmostEqual(row["loss_of_accuracy"], report["accuracy"] - row["accuracy"])
        self.assertTrue(os.path.exists(drawing) and os.path.exists(self.path("blocks-random.svg")))
        self.fails(CONFIG, "sensitivity", self.checkpoint("lenet"), *SMALL, "--blocks", mentions="no residual blocks")
        self.fails(USAGE, "sensitivity", net, *SMALL, "--blocks", "--random", "10", mentions="9 residual blocks")
        self.fails(USAGE, "sensitivity", net, *SMALL, mentions="--blocks")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    program_test.PROGRAM = os.path.abspath(sys.argv[1])
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])


if __name__ == "__main__":
    main()
