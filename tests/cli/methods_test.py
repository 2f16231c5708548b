#!/usr/bin/env python3
"""Runs the commands of docs/methods and of the README's pruning session, shortened: one epoch on a few synthetic images.

usage: methods_test.py PROGRAM ROOT
"""
import glob
import os
import shlex
import subprocess
import sys
import tempfile
import unittest

PROGRAM, ROOT = "", ""
SHORT = {"--epochs": "1", "--fine-tune": "1", "--limit-train": "192", "--sparsity-begin": "0", "--sparsity-end": "1", "--seeds": "1",
         "--data": "synthetic", "--net-epochs": "1", "--fine-tune-epochs": "1"}


def commands(page, marked=""):
    """The lines of a page's shell blocks that call the program."""
    inside, found = False, []
    with open(page, encoding="utf-8") as file:
        for line in file:
            if line.startswith("```"):
                inside = line.startswith("```sh")
            elif inside and line.startswith("pliant ") and marked in line:
                found.append(shlex.split(line.split("   #")[0])[1:])
    return found


def shortened(words):
    """The command with small numbers, and with limits where it reads data."""
    short = list(words)
    for i, word in enumerate(words[:-1]):
        if word in SHORT:
            short[i + 1] = SHORT[word]
    if "--data" in short:
        for flag, value in (("--limit-train", "192"), ("--limit-test", "64")):
            if flag not in short:
                short += [flag, value]
    return short


class Pages(unittest.TestCase):
    def follow(self, folder, lines):
        for words in lines:
            environment = dict(os.environ, OMP_WAIT_POLICY="passive")
            done = subprocess.run([PROGRAM, *shortened(words)], capture_output=True, text=True, timeout=300, env=environment, cwd=folder)
            self.assertEqual(done.returncode, 0, f"pliant {' '.join(words)}\n{done.stdout[-400:]}{done.stderr[-1000:]}")

    def test_pages_of_methods(self):
        pages = os.path.join(ROOT, "docs", "methods")
        with tempfile.TemporaryDirectory() as folder:
            self.follow(folder, commands(os.path.join(pages, "README.md")))
            names = sorted(glob.glob(os.path.join(pages, "[a-z]*.md")))
            self.assertGreaterEqual(len(names), 7)
            for page in names:
                lines = commands(page)
                self.assertGreaterEqual(len(lines), 1, page)
                self.follow(folder, lines)

    def test_the_pruning_session_of_the_readme(self):
        lines = commands(os.path.join(ROOT, "README.md"), "pruning")
        self.assertGreaterEqual(len(lines), 3)
        with tempfile.TemporaryDirectory() as folder:
            self.follow(folder, lines)


if __name__ == "__main__":
    PROGRAM, ROOT = os.path.abspath(sys.argv.pop(1)), os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
