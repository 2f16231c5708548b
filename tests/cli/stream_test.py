#!/usr/bin/env python3
"""Trains and measures on a folder of images that is streamed, and on the same one in memory. Python's standard library alone.

usage: stream_test.py PROGRAM [CLASS[.test]...]
"""
import json
import os
import struct
import sys
import unittest
import zlib

import program_test
from program_test import CONFIG, DATA, USAGE, ProgramTest


def png(number, side):
    """A colour image whose pixels depend on its number."""
    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
    rows = b"".join(b"\0" + bytes((number * 37 + y * 11 + x * 5) % 256 for x in range(3 * side)) for y in range(side))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b""))


class Streams(ProgramTest):
    CLASSES, EACH = 6, 8

    def setUp(self):
        super().setUp()
        for part in ("train", "test"):
            for label in range(self.CLASSES):
                os.makedirs(self.path(f"set/{part}/{label}"))
                for i in range(self.EACH):
                    self.write(f"set/{part}/{label}/{i}.png", png(self.EACH * label + i + (part == "test"), 24))

    def train(self, run, *flags):
        return ("train", "lenet5", "--data", self.path("set"), "--epochs", "2", "--batch", "8", "--augment", "resized-crop:0.3,flip,jitter:0.4/0.4/0.4/0.1",
                "--threads", "1", "--seed", "3", "--out", self.path(run), "--json", *flags)

    def test_a_run_is_the_same_in_memory_and_streamed_by_any_number_of_threads(self):
        kept = json.loads(self.succeeds(*self.train("kept", "--stream", "off")))
        self.assertGreaterEqual(kept["test_top5_accuracy"], kept["test_accuracy"])
        for threads in ("1", "3"):
            run = "streamed" + threads
            streamed = json.loads(self.succeeds(*self.train(run, "--stream", "on", "--decode-threads", threads)))
            self.assertEqual(self.content("kept/last.safetensors"), self.content(run + "/last.safetensors"))
            self.assertEqual({**kept, "checkpoint": 0}, {**streamed, "checkpoint": 0})
        header = self.content("kept/metrics.csv").decode().splitlines()[0]
        self.assertIn("train_top5_accuracy", header)
        self.assertIn('"augment":"resized-crop:0.3,flip,jitter:0.4/0.4/0.4/0.1"', self.content("kept/config.json").decode().replace(" ", ""))
        measured = []
        for mode in ("on", "off"):
            measured.append(json.loads(self.succeeds("eval", self.path("kept/last.safetensors"), "--data", self.path("set"), "--stream", mode, "--json")))
            self.assertEqual(measured[-1]["rows"][0]["top5_accuracy"], measured[-1]["top5_accuracy"])
        for name in ("accuracy", "top5_accuracy", "loss", "samples"):
            self.assertEqual(measured[0][name], measured[1][name])
        self.assertIn("top 5 ", self.succeeds("eval", self.path("kept/last.safetensors"), "--data", self.path("set")))

    def test_a_damaged_image_ends_the_run_with_its_name(self):
        self.write("set/train/4/5.png", png(1, 24)[:-20])
        for flags in (("--stream", "off"), ("--stream", "on", "--decode-threads", "2")):
            self.fails(DATA, *self.train("run" + flags[1], *flags), mentions="train/4/5.png: PNG")

    def test_what_cannot_be_streamed_is_refused(self):
        run = ("train", "lenet5", "--data", "synthetic", "--limit-train", "20", "--out", self.path("run"))
        self.fails(CONFIG, *run, "--stream", "on", mentions="only a folder of image files")
        for flags in (("--stream", "perhaps"), ("--memory-limit", "0"), ("--decode-threads", "0"), ("--augment", "crop,resized-crop")):
            self.fails(USAGE, *run, *flags)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    program_test.PROGRAM = os.path.abspath(sys.argv[1])
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
