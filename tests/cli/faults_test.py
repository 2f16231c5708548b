#!/usr/bin/env python3
"""What a run leaves behind when it is killed, when the disk fills up while a checkpoint is written, and when memory runs out.

usage: faults_test.py PROGRAM [CLASS]    (LittleMemory limits the address space, which the address sanitizer cannot bear)
"""
import os
import pathlib
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "parity"))
from read_safetensors import read  # noqa: E402

PROGRAM = os.path.abspath(sys.argv.pop(1))
KILLS = 50
RUN = ["train", "mlp", "--data", "synthetic", "--limit-train", "240", "--limit-test", "60", "--batch", "30", "--threads", "1"]


class FaultTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def start(self, *arguments, **options):
        return subprocess.Popen([PROGRAM, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **options)

    def finish(self, code, *arguments, **options):
        process = self.start(*arguments, **options)
        said = process.communicate(timeout=600)[1]
        self.assertEqual(process.returncode, code, said)
        return said


class Faults(FaultTest):
    def test_a_killed_run_resumes_and_ends_like_one_that_was_not(self):
        whole, killed = self.folder / "whole", self.folder / "killed"
        flags = [*RUN, "--epochs", "60"]
        begin = time.monotonic()
        self.finish(0, *flags, "--out", whole)
        length = time.monotonic() - begin
        moments = random.Random(1)
        last, kills, loaded = killed / "last.safetensors", 0, 0
        while kills < KILLS:
            if not last.exists():
                shutil.rmtree(killed, ignore_errors=True)
            process = self.start(*flags, "--out", killed, *(["--resume", last] if last.exists() else []))
            time.sleep(moments.uniform(0.0, 0.3 * length))
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.stderr.close()
            kills += 1
            if last.exists():
                self.finish(0, "info", last)
                loaded += 1
                if process.returncode == 0:
                    shutil.rmtree(killed)  # it was done before the signal came: begin again
        self.assertGreater(loaded, KILLS // 2)
        self.finish(0, *flags, "--out", killed, *(["--resume", last] if last.exists() else []))
        for name in ("last.safetensors", "best.safetensors"):
            self.assertTrue(read(killed / name)[1] == read(whole / name)[1], f"{name} differs")
        self.assertEqual([path.name for path in killed.iterdir() if ".tmp-" in path.name], [])

    def test_a_full_disk_leaves_the_old_checkpoint(self):
        run, last = self.folder / "run", self.folder / "run" / "last.safetensors"
        process = self.start(*RUN, "--epochs", "400", "--out", run, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        while not last.exists():
            self.assertIsNone(process.poll())
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        process.communicate()
        self.assertEqual(process.returncode, 130)
        before = last.read_bytes()

        def no_room():  # writing past this size fails as a full disk does
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, len(before) // 2))

        said = self.finish(1, *RUN, "--epochs", "400", "--resume", last, "--out", run, preexec_fn=no_room)
        self.assertIn("an older file of this name is unchanged", said)
        self.assertEqual(last.read_bytes(), before)
        self.assertEqual([path.name for path in run.iterdir() if ".tmp-" in path.name], [])
        self.finish(0, "info", last)


class LittleMemory(FaultTest):
    def test_a_run_without_enough_memory_ends_with_code_6_wherever_it_is(self):
        train = ["train", "vgg16", "--data", "synthetic", "--limit-train", "100", "--limit-test", "20", "--batch", "50", "--epochs", "1",
                 "--threads", "2", "--device", "cpu"]
        refused = 0
        for megabytes in range(300, 1300, 100):
            def limit():
                resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
            with self.subTest(megabytes):
                process = self.start(*train, "--out", self.folder / str(megabytes), preexec_fn=limit)
                said = process.communicate(timeout=600)[1]
                self.assertIn(process.returncode, (0, 6), said)
                if process.returncode == 6:
                    refused += 1
                    self.assertIn("pliant: error: ", said)
                    self.assertIn("memory", said)
        self.assertGreater(refused, 2)


if __name__ == "__main__":
    unittest.main()
