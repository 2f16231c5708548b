#!/usr/bin/env python3
"""What the program says where a CUDA device cannot be used: both sides by name, exit code 5; --device auto takes the CPU with one warning.

usage: availability_test.py PROGRAM FAKE_RUNTIME
"""
import os
import subprocess
import sys
import tempfile
import unittest

PROGRAM, FAKE = sys.argv.pop(1), sys.argv.pop(1)
MACHINES = {
    "old_driver": r"the NVIDIA driver supports CUDA 12\.2, this build needs CUDA 13\.\d; install a newer driver",
    "no_device": r"the NVIDIA driver finds no CUDA device",
    "other_architecture": r"Tesla V100 has compute capability 7\.0, this build has code for \S+; configure with -DCMAKE_CUDA_ARCHITECTURES=70",
}


class Availability(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.net = os.path.join(place.name, "net")
        subprocess.run([PROGRAM, "init", "lenet5", "--output", self.net], check=True, capture_output=True)

    def latency(self, machine, device, **more):
        environment = dict(os.environ, LD_PRELOAD=FAKE, FAKE_CUDA=machine, OMP_WAIT_POLICY="passive", **more)
        return subprocess.run([PROGRAM, "latency", self.net, "--device", device, "--seconds", "0.01"], capture_output=True, text=True,
                              env=environment, timeout=120)

    def test_a_device_that_cannot_be_used_is_refused_with_the_reason(self):
        for machine, reason in MACHINES.items():
            with self.subTest(machine):
                done = self.latency(machine, "cuda")
                self.assertEqual(done.returncode, 5, done.stderr)
                self.assertRegex(done.stderr, r"^pliant: error: device cuda cannot be used: " + reason)
                self.assertEqual(done.stdout, "")

    def test_auto_takes_the_cpu_with_one_warning(self):
        for machine, reason in MACHINES.items():
            with self.subTest(machine):
                done = self.latency(machine, "auto")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(len([line for line in done.stderr.splitlines() if "warning" in line]), 1, done.stderr)
                self.assertRegex(done.stderr, reason)

    def test_a_hidden_device_names_what_hides_it(self):
        self.assertRegex(self.latency("no_device", "cuda", CUDA_VISIBLE_DEVICES="7").stderr, 'no CUDA device; CUDA_VISIBLE_DEVICES is "7"')


if __name__ == "__main__":
    unittest.main()
