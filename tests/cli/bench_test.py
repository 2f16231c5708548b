#!/usr/bin/env python3
"""`pliant bench` from outside: what it lists, what it times, what it refuses. No time is judged.

usage: bench_test.py PROGRAM
"""
import json
import os
import subprocess
import sys
import unittest

PROGRAM = ""
USAGE, DEVICE = 2, 5
QUICK = ("--device", "cpu", "--seconds", "0.001")


def run(*arguments):
    environment = dict(os.environ, OMP_WAIT_POLICY="passive")
    return subprocess.run([PROGRAM, "bench", *arguments], capture_output=True, text=True, timeout=300, env=environment)


def result(*arguments):
    done = run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Bench(unittest.TestCase):
    def fails(self, code, *arguments, mentions=()):
        done = run(*arguments)
        self.assertEqual((done.returncode, done.stdout), (code, ""), done.stderr)
        for text in mentions:
            self.assertIn(text, done.stderr.splitlines()[-1])

    def test_list(self):
        rows = {row["operation"]: row for row in result("--list")}
        self.assertGreaterEqual(len(rows), 20)
        self.assertEqual(rows["conv2d 3x3"]["shape"], "NxHxWxC[xK]")
        self.assertEqual(rows["conv2d 3x3"]["passes"], "forward forward+backward")
        self.assertEqual(rows["sgd_step"]["passes"], "call")
        self.assertAlmostEqual(int(rows["sgd_step"]["default"]), 1e7, delta=1e4)
        self.assertEqual([row["operation"] for row in result("--list", "--filter", "sgd")], ["sgd_step"])
        self.assertIn("conv2d 3x3", run("--list").stdout)

    def test_memory(self):
        report = result("--filter", "relu", "--shape", "4x8x8x16", *QUICK, "--threads", "1")
        self.assertEqual((report["device"], report["threads"], report["dtype"]), ("cpu", 1, "f32"))
        self.assertGreater(report["copy_gbytes_per_s"], 0.0)
        relu = [row for row in report["rows"] if row["operation"] == "relu"]
        self.assertEqual([row["pass"] for row in relu], ["forward", "forward+backward"])
        for row, passes in zip(relu, (2, 5)):
            self.assertEqual(row["shape"], "4x8x8x16")
            self.assertAlmostEqual(row["gbytes_per_s"] * row["median_ms"] * 1e6, passes * 4 * 4 * 8 * 8 * 16, delta=1)
            self.assertAlmostEqual(row["of_copy"] * report["copy_gbytes_per_s"], row["gbytes_per_s"], places=6)
            self.assertIsNone(row["gflops_per_s"])
            self.assertTrue(0 <= row["quiet"] <= row["samples"] and row["samples"] >= 1)

    def test_arithmetic(self):
        report = result("--filter", "conv2d 3x3", "--shape", "2x8x8x4x6", *QUICK)
        self.assertGreater(report["product_gflops_per_s"], 0.0)
        self.assertEqual({row["operation"] for row in report["rows"]}, {"conv2d 3x3", "conv2d 3x3 fused"})
        plain = [row for row in report["rows"] if row["operation"] == "conv2d 3x3"]
        self.assertEqual(len(plain), 2)
        for row, times in zip(plain, (1, 3)):
            self.assertAlmostEqual(row["gflops_per_s"] * row["median_ms"] * 1e6, times * 2 * 2 * 8 * 8 * 6 * 9 * 4, delta=1)
            self.assertAlmostEqual(row["of_product"] * report["product_gflops_per_s"], row["gflops_per_s"], places=6)
            self.assertIsNone(row["of_copy"])

    def test_16_bits(self):
        report = result("--filter", "add", "--shape", "2x4x4x8", "--dtype", "bf16", *QUICK)
        self.assertEqual(report["dtype"], "bf16")
        self.assertAlmostEqual(report["rows"][0]["gbytes_per_s"] * report["rows"][0]["median_ms"] * 1e6, 3 * 2 * 2 * 4 * 4 * 8, delta=1)
        self.fails(USAGE, "--filter", "sgd_step", "--dtype", "bf16", mentions=("--dtype bf16", "sgd_step"))

    def test_table(self):
        done = run("--filter", "_step", "--shape", "6400", *QUICK)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("sgd_step", done.stdout)
        self.assertIn("adam_step", done.stdout)
        self.assertRegex(done.stdout, r"copy: [0-9.]+ GB/s, of 512 MiB")
        self.assertIn(" %", done.stdout)

    def test_others_are_left_out_aloud(self):
        done = run("--filter", "soft", "--shape", "8x10", *QUICK)
        self.assertEqual((done.returncode, "left out" in done.stderr), (0, False), done.stderr)
        done = run("--filter", "a", "--shape", "64", *QUICK)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("left out, as they take another shape: ", done.stderr)
        self.assertIn("linear (NxCxK)", done.stderr)

    def test_refusals(self):
        self.fails(USAGE, "--filter", "convolve", *QUICK, mentions=('--filter "convolve"', "conv2d 3x3", "sgd_step"))
        self.fails(USAGE, "--list", "--filter", "convolve", mentions=("conv2d 3x3",))
        self.fails(USAGE, "--shape", "128x", *QUICK, mentions=("128x", "such as 128x32x32x64"))
        self.fails(USAGE, "--filter", "conv2d", "--shape", "3x4", *QUICK, mentions=("--shape 3x4", "NxHxWxC[xK]"))
        self.fails(USAGE, "--filter", "sgd_step", "--shape", "100", *QUICK, mentions=("sgd_step (P)", "64"))
        self.fails(USAGE, "--dtype", "f64", mentions=("f64",))
        self.fails(USAGE, "--seconds", "0", mentions=("--seconds",))

    def test_devices(self):
        devices = {f["name"]: f["state"] for f in json.loads(subprocess.run([PROGRAM, "doctor", "--json"], capture_output=True, text=True).stdout)["findings"]}
        if devices["device cuda"] != "usable":
            self.fails(DEVICE, "--device", "cuda", "--filter", "relu", mentions=("device cuda cannot be used",))
        self.fails(DEVICE, "--device", "emulated", "--filter", "relu", mentions=("emulated",))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROGRAM = sys.argv.pop(1)
    unittest.main()
