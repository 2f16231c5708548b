#!/usr/bin/env python3
"""Runs small comparisons with the real program: table, JSON, figure, resume, refusals. Python's standard library alone.

usage: compare_test.py PROGRAM
"""
import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree

PROGRAM = ""
SMALL = ("--data", "synthetic", "--limit-train", "96", "--limit-test", "40", "--validation", "40", "--batch", "32")


class Comparisons(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.out = os.path.join(self.folder.name, "out")

    def command(self, *arguments):
        return [PROGRAM, "compare", *arguments, *SMALL, "--out", self.out]

    def run_program(self, *arguments):
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=300)

    def rows(self, *arguments):
        result = self.run_program(*arguments, "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        report = json.loads(result.stdout)
        with open(os.path.join(self.out, "comparison.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file), report)
        return report, {(row["run"], row["width"], row["exit"]): row for row in report["rows"]}

    def test_slimmable_net_without_batch_norm(self):
        arguments = ("slimmable", "lenet5", "--widths", "0.5,1.0", "--seeds", "2", "--epochs", "1")
        report, rows = self.rows(*arguments)
        self.assertEqual(sorted(rows), [("alone-0.5", 0.5, 0), ("alone-1", 1, 0), ("slimmable", 0.5, 0), ("slimmable", 1, 0)])
        self.assertEqual((report["comparison"], report["net"], report["seeds"]), ("slimmable", "lenet5", [1, 2]))
        self.assertEqual([line.split(":")[0] for line in report["left_out"]], ["naive", "incremental"])
        for (run, width, _), row in rows.items():
            self.assertEqual(len(row["accuracies"]), 2)
            self.assertAlmostEqual(row["accuracy"], sum(row["accuracies"]) / 2)
            self.assertAlmostEqual(row["deviation"], abs(row["accuracies"][0] - row["accuracies"][1]) / 2 ** 0.5)
            self.assertAlmostEqual(row["error"], 1 - row["accuracy"])
            self.assertGreater(row["seconds"], 0)
            alone = rows[(f"alone-{width:g}", width, 0)]
            self.assertEqual((row["parameters"], row["macs"]), (alone["parameters"], alone["macs"]))
            if run == "slimmable":
                self.assertAlmostEqual(row["improvement"], (alone["error"] - row["error"]) / alone["error"])
            else:
                self.assertIsNone(row["improvement"])
        with open(os.path.join(self.out, "comparison.csv"), encoding="utf-8", newline="") as file:
            self.assertEqual([row["run"] for row in csv.DictReader(file)], [row["run"] for row in report["rows"]])
        xml.etree.ElementTree.parse(os.path.join(self.out, "comparison.svg"))

        again = self.run_program(*arguments)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertNotIn("run slimmable, seed", again.stderr)
        with open(os.path.join(self.out, "comparison.txt"), encoding="utf-8") as file:
            self.assertEqual(file.read(), again.stdout)
        self.assertIn("left out: naive", again.stdout)

        other = self.run_program(*arguments, "--lr", "0.01")
        self.assertEqual(other.returncode, 3)
        self.assertIn("runs/alone-0.5/training/lr was 0.05 and is 0.01 now", other.stderr)

    def test_one_seed_has_no_deviation(self):
        report, rows = self.rows("elastic", "lenet5", "--exits", "0", "--seeds", "1", "--epochs", "1")
        self.assertEqual(sorted(rows), [("with", 1, 0), ("with", 1, 1), ("without", 1, 0)])
        self.assertTrue(all(row["deviation"] is None for row in report["rows"]))
        self.assertIsNone(rows[("with", 1, 0)]["improvement"])

    def test_interrupt_and_continue(self):
        arguments = ("branchy", "lenet5", "--exits", "0", "--seeds", "1", "--epochs", "30")
        process = subprocess.Popen(self.command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        metrics = os.path.join(self.out, "trunk", "seed1", "metrics.csv")
        while not (os.path.exists(metrics) and os.path.getsize(metrics) > 200):
            self.assertIsNone(process.poll())
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=120)
        self.assertEqual((process.returncode, stdout), (130, ""), stderr)
        self.assertFalse(os.path.exists(os.path.join(self.out, "comparison.json")))
        _, rows = self.rows(*arguments)
        self.assertEqual(sorted(rows), [("branchy", 1, 0), ("branchy", 1, 1), ("trunk", 1, 0)])
        with open(metrics, encoding="utf-8") as file:
            self.assertEqual(len(file.readlines()), 31)

    def test_pruning_against_training_from_scratch(self):
        arguments = ("pruning", "lenet5", "--ratios", "0.5,0.25", "--seeds", "2", "--epochs", "2", "--fine-tune-epochs", "1", "--lr", "0.01",
                     "--schedule", "constant")
        result = self.run_program(*arguments, "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        report = json.loads(result.stdout)
        for column in ("unpruned", "finetuned", "scratch_e", "scratch_b"):
            entry = report[column]
            self.assertEqual(len(entry["runs"]), 2)
            self.assertAlmostEqual(entry["mean"], sum(entry["runs"]) / 2)
            self.assertAlmostEqual(entry["std"], abs(entry["runs"][0] - entry["runs"][1]) / 2 ** 0.5)
        self.assertEqual([report[column]["epochs"] for column in ("unpruned", "finetuned", "scratch_e")], [2, 1, 2])
        self.assertGreater(report["scratch_b"]["epochs"], 2)
        self.assertEqual([entry["architecture"] for entry in report["architectures"]], ["0.5", "0.25"])
        self.assertLess(report["finetuned"]["parameters"], report["architectures"][1]["finetuned"]["parameters"])
        finetuned, unpruned = report["finetuned"], report["unpruned"]
        self.assertEqual(finetuned["training_macs_with_big"], finetuned["training_macs"] + unpruned["training_macs"])
        self.assertEqual(unpruned["training_macs"], 3 * unpruned["macs"] * 96 * 2)
        for name in ("comparison.svg", "kept-0.5.svg", "kept-0.5-stages.svg"):
            xml.etree.ElementTree.parse(os.path.join(self.out, name))
        again = self.run_program(*arguments)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertNotIn("run unpruned, seed", again.stderr)
        with open(os.path.join(self.out, "comparison.txt"), encoding="utf-8") as file:
            self.assertEqual(file.read(), again.stdout)
        other = self.run_program(*arguments, "--budget", "macs")
        self.assertEqual(other.returncode, 3)
        self.assertIn("prepared/how", other.stderr)

    def test_structure_and_lottery(self):
        few = ("--ratios", "0.5", "--seeds", "1", "--epochs", "1")
        result = self.run_program("structure", "lenet5", "--what", "weights", "--from", "lenet5", "--from-data", "synthetic", *few, "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual([row["run"] for row in json.loads(result.stdout)["rows"]],
                         ["big", "source", "uniform-0.5", "discovered-0.5", "guided-0.5", "transferred-0.5"])
        self.out += "-lottery"
        result = self.run_program("lottery", "lenet5", "--rates", "0.05", *few, "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        rows = json.loads(result.stdout)["rows"]
        self.assertEqual([row["run"] for row in rows], ["big-0.05", "ticket-0.05-0.5", "random-0.05-0.5"])
        self.assertEqual(rows[1]["parameters"], rows[2]["parameters"])

    def test_flags_of_another_comparison(self):
        for code, arguments, mentions in ((2, ("slimmable", "lenet5", "--ratios", "0.5"), "--ratios"), (2, ("pruning", "lenet5", "--rates", "0.1"), "--rates"),
                                          (2, ("lottery", "lenet5", "--lr", "0.1"), "--rates"), (2, ("pruning", "lenet5", "--ratios", "1.5"), "1.5"),
                                          (2, ("pruning", "lenet5", "--method", "guess"), "guess"),
                                          (3, ("pruning", "lenet5", "--method", "slimming"), "batch norm"),
                                          (2, ("structure", "lenet5", "--from-data", "synthetic"), "--from"),
                                          (3, ("structure", "resnet20", "--from", "vgg16"), "stage")):
            result = self.run_program(*arguments)
            self.assertEqual(result.returncode, code, result.stderr)
            self.assertIn(mentions, result.stderr)
            self.assertFalse(os.path.exists(self.out))

    def test_nothing_to_compare(self):
        for code, arguments, mentions in ((3, ("depth", "lenet5"), "residual"), (3, ("slimmable", "lenet5", "--widths", "1.0"), "--widths"),
                                          (3, ("elastic", "lenet5", "--exits", "none", "--exit-dropout", "0"), "--exits"),
                                          (3, ("branchy", "resnet20"), "--exits"), (3, ("depth", "resnet20", "--mask", "layer2=0"), "--mask"),
                                          (2, ("width", "lenet5"), "width"),
                                          (2, ("depth", "resnet21"), "resnet20"), (2, ("depth", "resnet20", "--seeds", "0"), "--seeds")):
            result = self.run_program(*arguments)
            self.assertEqual(result.returncode, code, result.stderr)
            self.assertIn(mentions, result.stderr)
            self.assertFalse(os.path.exists(self.out))


def main():
    global PROGRAM
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROGRAM = os.path.abspath(sys.argv[1])
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])


if __name__ == "__main__":
    main()
