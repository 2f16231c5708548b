#!/usr/bin/env python3
"""Early exits from outside: trains a tiny net on an image folder for a moment, then reads what `pliant exits` says about it.

usage: exits_test.py PROGRAM [CLASS[.test]...]
"""
import json
import math
import os
import random
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

PROGRAM = ""
USAGE, CONFIG, DATA = 2, 3, 4
CLASSES = ("dark", "stripes", "bright")


def png(pixels):
    """The bytes of a grey PNG; pixels: rows of numbers."""
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    rows = b"".join(b"\0" + bytes(row) for row in pixels)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">2I5B", len(pixels[0]), len(pixels), 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def picture(kind, rng):
    """16 x 16 grey pixels; the noise makes some pictures harder than others."""
    noise = rng.choice((20, 60, 160))
    level = {"dark": lambda row: 60, "stripes": lambda row: 60 + 120 * (row % 2), "bright": lambda row: 180}[kind]
    return [[min(255, max(0, level(row) + rng.randint(-noise, noise))) for _ in range(16)] for row in range(16)]


def image_folder(path, shown=CLASSES):
    """Images of `shown[i]` lie in the folder of class i of the test part; the training part is always right."""
    for part, count in (("train", 40), ("test", 20)):
        rng = random.Random(part)
        pictures = {kind: [png(picture(kind, rng)) for _ in range(count)] for kind in CLASSES}
        for label, kind in zip(CLASSES, CLASSES if part == "train" else shown):
            folder = os.path.join(path, part, label)
            os.makedirs(folder)
            for i, content in enumerate(pictures[kind]):
                with open(os.path.join(folder, f"{i:03}.png"), "wb") as file:
                    file.write(content)
    return path


def run(*arguments):
    environment = dict(os.environ, OMP_WAIT_POLICY="passive")
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=300, env=environment)


class EarlyExits(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = cls.temporary.name
        cls.data = image_folder(os.path.join(cls.folder, "pictures"))
        cls.plain, cls.net = cls.train("plain"), cls.train("exits", "--exits", "0")

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    @classmethod
    def train(cls, name, *flags):
        out = os.path.join(cls.folder, name)
        result = run("train", "lenet5", "--data", cls.data, "--out", out, "--epochs", "4", "--batch", "16", "--augment", "none", "--schedule", "constant",
                     "--lr", "0.02", "--validation", "30", "--json", *flags)
        if result.returncode != 0:
            raise RuntimeError(result.stderr)
        return os.path.join(out, "last.safetensors")

    def exits(self, *flags, data=None, net=None):
        result = run("exits", net or self.net, "--data", data or self.data, "--timed", "10", "--batch", "16", *flags, "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)

    def fails(self, code, *flags, mentions="", net=None):
        result = run("exits", net or self.net, "--data", self.data, *flags)
        self.assertEqual((result.returncode, result.stdout), (code, ""), result.stderr)
        self.assertIn(mentions, result.stderr.splitlines()[-1])

    def check_row(self, row, exits=2):
        self.assertEqual((len(row["thresholds"]), len(row["shares"]), len(row["simulated_shares"])), (exits - 1, exits, exits))
        self.assertAlmostEqual(sum(row["shares"]), 1.0)
        self.assertTrue(0.0 <= row["accuracy"] <= 1.0)
        self.assertAlmostEqual(row["accuracy"], row["simulated_accuracy"], delta=0.02)  # rounding may move a sample
        self.assertAlmostEqual(row["shares"][0], row["simulated_shares"][0], delta=0.02)
        for name in ("median_ms", "p90_ms", "mean_ms", "parts_ms", "simulated_ms", "batch_ms_per_image"):
            self.assertGreater(row[name], 0.0)
        self.assertGreaterEqual(row["p90_ms"], row["median_ms"])

    def test_chosen_by_the_last_exit(self):
        report = self.exits()
        self.assertEqual(len(report["rows"]), 1)
        row = report["rows"][0]
        self.check_row(row)
        evaluated = json.loads(run("eval", self.net, "--data", self.data, "--split", "validation", "--json").stdout)
        self.assertGreaterEqual(row["validation_accuracy"], evaluated["accuracy"] - 1e-9)
        whole = json.loads(run("eval", self.net, "--data", self.data, "--json").stdout)
        self.assertAlmostEqual(report["full"]["accuracy"], whole["accuracy"])
        self.assertEqual([round(e["accuracy"], 9) for e in report["exits"]], [round(e["accuracy"], 9) for e in whole["exits"]])
        self.assertEqual((report["samples"], report["timed_samples"], report["data"]), (60, 10, "pictures"))

    def test_ends_of_the_scale(self):
        for flags, share in ((["--thresholds", "0"], 0.0), (["--thresholds", "1.2"], 1.0), (["--measure", "margin", "--thresholds", "1"], 0.0),
                             (["--measure", "max-probability", "--thresholds", "-0.1"], 1.0)):
            report = self.exits(*flags)
            row = report["rows"][0]
            self.check_row(row)
            self.assertEqual(row["shares"], [share, 1.0 - share])
            self.assertAlmostEqual(row["accuracy"], report["exits"][0 if share else 1]["accuracy"])
            self.assertEqual(row["mean_macs"], report["exits"][0 if share else 1]["macs"])
        self.assertLess(report["full"]["macs"], report["exits"][1]["macs"])  # the heads on the way cost, too

    def test_sweep_budget_and_baseline(self):
        rows = self.exits("--sweep", "--baseline", self.plain)
        self.assertEqual(len(rows["rows"]), 18)
        for row in rows["rows"]:
            self.check_row(row)
        shares = [row["shares"][0] for row in rows["rows"]]
        self.assertEqual(shares, sorted(shares))
        self.assertEqual((shares[0], shares[-1]), (0.0, 1.0))
        self.assertEqual(rows["baseline"]["macs"], rows["full"]["macs"])
        self.assertGreater(rows["baseline"]["median_ms"], 0.0)
        row = self.exits("--budget", "0.6", "--measure", "max-probability")["rows"][0]
        self.check_row(row)
        self.assertLessEqual(row["validation_mean_macs"], 0.6 * rows["full"]["macs"])

    def test_labels_decide_nothing(self):
        shuffled = image_folder(os.path.join(self.folder, "shuffled", "pictures"), shown=CLASSES[1:] + CLASSES[:1])
        threshold = self.exits("--sweep")["rows"][9]["thresholds"][0]
        right, wrong = (self.exits("--thresholds", repr(threshold), data=data) for data in (self.data, shuffled))
        for a, b in zip(right["rows"][0]["shares"], wrong["rows"][0]["shares"]):
            self.assertTrue(math.isclose(a, b, abs_tol=0.02), (a, b))
        self.assertGreater(right["rows"][0]["accuracy"], wrong["rows"][0]["accuracy"])

    def test_refused(self):
        self.fails(USAGE, "--thresholds", "0.1,0.2", mentions="2 exits and needs 1 threshold (all leave at the last exit), got 2")
        self.fails(USAGE, "--thresholds", "some")
        self.fails(USAGE, "--thresholds", "0.1", "--sweep")
        self.fails(USAGE, "--measure", "luck")
        self.fails(USAGE, "--target-accuracy", "1.5")
        self.fails(USAGE, "--budget", "0")
        self.fails(USAGE, "--width", "0.5", mentions="0.5")
        self.fails(CONFIG, "--budget", "1000", mentions="the cheapest need")
        self.fails(CONFIG, net=self.plain, mentions="has a single exit")
        self.fails(DATA, "--validation", "0", mentions="validation part is empty")

    def test_table_and_sheet(self):
        sheet = os.path.join(self.folder, "sheet.png")
        result = run("exits", self.net, "--data", self.data, "--thresholds", "0.3", "--timed", "5", "--sheet", sheet)
        self.assertEqual(result.returncode, 0, result.stderr)
        for word in ("accuracy", "mean MACs", "median", "without exits", "simulated"):
            self.assertIn(word, result.stdout)
        with open(sheet, "rb") as file:
            width, height = struct.unpack(">2I", file.read(24)[16:])
        self.assertGreater(width, 24 * 32)  # 24 pictures of 16 pixels, doubled
        self.assertGreaterEqual(height, 2 * 32)
        self.fails(USAGE, "--sweep", "--sheet", sheet)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROGRAM = sys.argv[1]
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
