#!/usr/bin/env python3
"""scripts/gpu_check.sh without a card: fake tools stand for the driver, CMake and what it builds, so that the script's own logic runs.

usage: gpu_check_test.py REPOSITORY
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(sys.argv.pop(1))
PROGRAMS = ("kernels", "core", "layers", "nets", "train", "fuzz", "ladder", "libraries")
# Stands for a doctest program: as many test cases as CASES says, of which MISSING write no result and FAILING fail.
TEST_PROGRAM = """#!/bin/bash
cases=2 missing=${MISSING:-0} failing=${FAILING:-0}
for argument in "$@"; do
  case $argument in
    --count) echo "[doctest] unskipped test cases passing the current filters: $cases"; exit 0 ;;
    --out=*) out=${argument#--out=} ;;
  esac
done
{
  echo '<testsuites><testsuite>'
  for ((i = missing; i < cases; ++i)); do
    if [ $i -lt $((missing + failing)) ]; then echo "<testcase name='case $i' time='0.1'><failure message='no'/></testcase>"
    else echo "<testcase name='case $i' time='0.1'/>"; fi
  done
  echo '</testsuite></testsuites>'
} > "$out"
exit $((failing > 0))
"""
BENCHMARK = """#!/bin/bash
for argument in "$@"; do case $argument in --benchmark_out=*) out=${argument#--benchmark_out=} ;; esac; done
echo '{"benchmarks": [{"name": "cuda/add/manual_time", "median_ms": 0.5, "gbytes_per_s": 900.0, "of_copy": 0.91}]}' > "$out"
"""


class GpuCheck(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.tools, self.build, self.report = (self.folder / name for name in ("tools", "build", "report"))
        self.tools.mkdir()
        self.build.mkdir()
        self.tool("nvidia-smi", """#!/bin/bash
case "$*" in *=compute_cap*) echo 9.0 ;; *) echo "Card, 580.1, 141 GiB, 345 MHz, 1980 MHz, 3201 MHz, 3201 MHz" ;; esac
""")
        self.tool("nvcc", "#!/bin/bash\necho 'Cuda compilation tools, release 13.0, V13.0.1'\n")
        self.tool("cmake", "#!/bin/bash\nexit ${CMAKE_FAILS:-0}\n")
        for name in PROGRAMS:
            self.program(f"test_{name}", TEST_PROGRAM)
        self.program("pliant", "#!/bin/bash\necho 'CUDA 13.0, cuDNN 9.1.2'\n")
        for name in ("bench_kernels", "bench_conv"):
            self.program(name, BENCHMARK)

    def tool(self, name, text):
        (self.tools / name).write_text(text)
        (self.tools / name).chmod(0o755)

    def program(self, name, text):
        (self.build / name).write_text(text)
        (self.build / name).chmod(0o755)

    def run_check(self, *arguments, **environment):
        variables = dict(os.environ, PATH=f"{self.tools}:{os.environ['PATH']}", CUDACXX=str(self.tools / "nvcc"), CUDNN_HOME=str(self.folder), **environment)
        return subprocess.run([ROOT / "scripts" / "gpu_check.sh", *arguments, "--report", self.report, "--build", self.build],
                              capture_output=True, text=True, env=variables)

    def expect(self, code, done):
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)

    def test_everything_passes(self):
        self.expect(0, self.run_check("quick", "--stages", "build,tests,benchmarks"))
        report = json.loads((self.report / "report.json").read_text())
        self.assertEqual(report["counts"], {"passed": 2 * len(PROGRAMS), "failed": 0, "skipped": 0})
        self.assertTrue(report["passed"])
        self.assertEqual([stage["outcome"] for stage in report["stages"]], ["passed"] * 3)
        self.assertEqual(report["versions"]["device"], "Card")
        self.assertEqual(report["versions"]["cudnn"], "9.1.2")
        self.assertEqual({row["of_copy"] for row in report["benchmarks"]}, {0.91})
        text = (self.report / "report.md").read_text()
        self.assertIn(f"{2 * len(PROGRAMS)} passed, 0 failed, 0 skipped", text)
        self.assertIn("| cuda/add | 0.5000 | 900 | 91% |", text)

    def test_failed_and_left_out_tests_fail_the_check(self):
        self.expect(1, self.run_check("quick", "--stages", "build,tests", FAILING="1"))
        self.assertIn("- failed: test_nets: case 0", (self.report / "report.md").read_text())
        self.expect(1, self.run_check("quick", "--stages", "build,tests", MISSING="1"))
        self.expect(0, self.run_check("quick", "--stages", "build,tests"))
        (self.build / "test_nets").unlink()
        self.expect(1, self.run_check("quick", "--stages", "build,tests"))
        self.assertIn("test_nets was not built", (self.report / "tests.log").read_text())

    def test_an_earlier_stage_stays_in_the_report(self):
        self.expect(0, self.run_check("quick", "--stages", "build,tests"))
        self.expect(0, self.run_check("full", "--stages", "benchmarks"))
        report = json.loads((self.report / "report.json").read_text())
        self.assertEqual([stage["stage"] for stage in report["stages"]], ["build", "tests", "benchmarks"])

    def test_benchmarks_that_were_not_built_fail(self):
        (self.build / "bench_kernels").unlink()
        self.expect(1, self.run_check("quick", "--stages", "build,tests,benchmarks"))

    def test_a_build_that_fails_ends_the_check(self):
        self.expect(1, self.run_check("quick", "--stages", "build,tests", CMAKE_FAILS="1"))
        (self.build / "pliant").unlink()
        done = self.run_check("quick", CMAKE_FAILS="1")
        self.expect(1, done)
        self.assertIn("nothing was built", done.stderr)

    def test_no_card_and_bad_arguments(self):
        self.tool("nvidia-smi", "#!/bin/bash\necho 'No devices were found'\nexit 6\n")
        done = self.run_check("quick")
        self.expect(5, done)
        self.assertIn("No devices were found", done.stderr)
        for arguments in ((), ("slow",), ("quick", "--stages", "build,dance"), ("quick", "--jobs")):
            self.expect(2, subprocess.run([ROOT / "scripts" / "gpu_check.sh", *arguments], capture_output=True, text=True))


if __name__ == "__main__":
    unittest.main()
