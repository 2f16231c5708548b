#!/usr/bin/env python3
"""Installs the build and uses it as the README says; and builds the examples in a project that contains Pliant's sources.

usage: install_test.py SOURCES BUILD Installed|Embedded
"""
import glob
import os
import re
import subprocess
import sys
import tempfile
import unittest

SOURCES, BUILD = "", ""
HERE = os.path.dirname(os.path.abspath(__file__))


def cache():
    """The settings of the build, by name."""
    values = {}
    with open(os.path.join(BUILD, "CMakeCache.txt"), encoding="utf-8") as file:
        for line in file:
            found = re.match(r"([\w-]+):\w+=(.*)$", line)
            if found:
                values[found.group(1)] = found.group(2)
    return values


def generator():
    settings = cache()
    same = ["-G", settings["CMAKE_GENERATOR"], f"-DCMAKE_CXX_COMPILER={settings['CMAKE_CXX_COMPILER']}"]
    for name in ("CMAKE_CXX_COMPILER_LAUNCHER", "CMAKE_CUDA_COMPILER_LAUNCHER"):
        if settings.get(name):
            same.append(f"-D{name}={settings[name]}")
    return same


class Project(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, *names):
        return os.path.join(self.folder.name, *names)

    def command(self, *words, expect=0, shell=False, **environment):
        done = subprocess.run(words[0] if shell else words, shell=shell, capture_output=True, text=True, cwd=self.folder.name, timeout=800,
                              env=dict(os.environ, OMP_WAIT_POLICY="passive", **environment))
        text = done.stdout + done.stderr
        self.assertEqual(done.returncode, expect, f"{' '.join(words)}\n{text[-3000:]}")
        return text

    def check_own_net(self, text):
        """Four rows, better than guessing, and a smaller net."""
        rows = {(width, exit): float(accuracy) for width, exit, accuracy in re.findall(r"width ([\d.]+), exit (\d): accuracy ([\d.]+)", text)}
        self.assertEqual(set(rows), {("1", "0"), ("1", "1"), ("0.5", "0"), ("0.5", "1")}, text)
        self.assertGreater(rows["1", "1"], 0.2, text)  # of ten classes
        small = re.search(r"small.safetensors: (\d+) parameters, (\d+) multiply-accumulates instead of (\d+) and (\d+)", text)
        self.assertTrue(small, text)
        self.assertLess(3 * int(small.group(1)), int(small.group(3)))
        self.assertLess(2 * int(small.group(2)), int(small.group(4)))

    def check_own_operation(self, build, program):
        """CTest runs check_swish and looks for its kernels; then a short training."""
        listed = self.command("ctest", "--test-dir", build, "--show-only")
        self.assertIn("check_swish: kernels", listed)
        self.assertIn("Total Tests: 1", listed)
        self.assertIn("100% tests passed", self.command("ctest", "--test-dir", build, "--output-on-failure"))
        text = self.command(program, "synthetic", self.path("swish-run"), "2")
        widths = re.findall(r"^width ([\d.]+): accuracy ([\d.]+)", text, re.MULTILINE)
        self.assertEqual([width for width, _ in widths], ["1", "0.75", "0.5", "0.25"], text)
        self.assertGreater(float(widths[0][1]), 0.2, text)
        slopes = re.search(r"slopes of the first group are now (.*)", text).group(1).split()
        self.assertEqual(len(slopes), 16)
        self.assertTrue(all(float(slope) != 1.0 for slope in slopes), text)


class Installed(Project):
    """Everything is used from a place to which the tree was moved after it was installed; the first place is gone."""

    def setUp(self):
        super().setUp()
        self.command("cmake", "--install", BUILD, "--prefix", self.path("first"))
        os.rename(self.path("first"), self.path("pliant"))
        self.package, = glob.glob(self.path("pliant", "lib*", "**", "cmake", "pliant"), recursive=True)

    def test_the_installed_tree(self):
        for name in ("core/tensor.h", "core/gpu/launch.h", "kernels/gpu/warp.cuh", "layers/op_cases/check.h", "nets/builder.h", "train/trainer.h"):
            self.assertTrue(os.path.exists(self.path("pliant", "include", "pliant", name)), name)
        for name in ("train/cli", "core/gpu/simt_fiber.h", "kernels/gpu/cudnn_graph.h", "core/tensor.cpp"):
            self.assertFalse(os.path.exists(self.path("pliant", "include", "pliant", name)), name)
        self.assertIn("0.1.0", self.command(self.path("pliant", "bin", "pliant"), "--version"))
        texts = glob.glob(os.path.join(self.package, "*")) + glob.glob(os.path.join(self.package, "..", "..", "pkgconfig", "*.pc"))
        self.assertEqual(len(texts), 7, texts)
        for name in texts:
            with open(name, encoding="utf-8") as file:
                text = file.read()
            for place in (SOURCES, BUILD, self.path("first")):
                self.assertNotIn(place, text, name)
        self.include_every_header()
        self.refuse_another_version()
        self.link_by_pkg_config()

    def include_every_header(self):
        """Installed headers need no header that is not, and no header of another library; in kernels too."""
        root = self.path("pliant", "include", "pliant")
        headers = sorted(os.path.relpath(name, root) for name in glob.glob(os.path.join(root, "**", "*.*h"), recursive=True))
        self.assertGreater(len(headers), 100)
        lines = [f'#include "{name}"\n' for name in headers]
        os.mkdir(self.path("headers"))
        host = [line for line in lines if ".cuh" not in line]
        device = [line for line in lines if not re.search('"(train|kernels/cpu)/', line)]  # what no kernel needs
        for name, chosen in (("all.cpp", host), ("all.cu", device)):
            with open(self.path("headers", name), "w", encoding="utf-8") as file:
                file.writelines(chosen)
        with open(self.path("headers", "CMakeLists.txt"), "w", encoding="utf-8") as file:
            file.write("cmake_minimum_required(VERSION 3.25)\nproject(headers LANGUAGES CXX)\nfind_package(pliant 0.1 REQUIRED)\n"
                       "add_library(headers STATIC all.cpp)\npliant_add_kernels(headers all.cu)\ntarget_link_libraries(headers pliant::pliant)\n")
        self.command("cmake", "-S", self.path("headers"), "-B", self.path("headers-build"), *generator(), f"-DCMAKE_PREFIX_PATH={self.path('pliant')}")
        self.command("cmake", "--build", self.path("headers-build"))

    def refuse_another_version(self):
        os.mkdir(self.path("version"))
        for version, code in (("0.1.0", 0), ("0.2", 1), ("1.0", 1)):
            with open(self.path("version", "CMakeLists.txt"), "w", encoding="utf-8") as file:
                file.write(f"cmake_minimum_required(VERSION 3.25)\nproject(version LANGUAGES CXX)\nfind_package(pliant {version} REQUIRED)\n")
            text = self.command("cmake", "-S", self.path("version"), "-B", self.path("version-build"), *generator(),
                                f"-Dpliant_DIR={self.package}", expect=code)
            self.assertEqual("compatible with requested version" in " ".join(text.split()), code == 1, text)

    def link_by_pkg_config(self):
        folder = os.path.abspath(os.path.join(self.package, "..", "..", "pkgconfig"))
        source = os.path.join(SOURCES, "examples", "one_block", "one_block.cpp")
        compiler = cache()["CMAKE_CXX_COMPILER"]
        self.command(f"{compiler} {source} $(pkg-config --cflags --libs pliant) -o one_block", shell=True, PKG_CONFIG_PATH=folder)
        self.assertRegex(self.command(self.path("one_block")), r"recorded conv2d[\s\S]*loss [\d.]+ -> [\d.]+\nwithout the block: ")

    def test_the_readmes_section(self):
        """Its commands, with this build in the place of build/release, this prefix in that of the one it installs to, and fewer epochs."""
        with open(os.path.join(SOURCES, "README.md"), encoding="utf-8") as file:
            section = file.read().split("## Use it as a library\n")[1].split("\n## ")[0]
        lines = [line.split("   #")[0].strip() for line in re.search(r"```sh\n(.*?)```", section, re.DOTALL).group(1).splitlines()]
        self.assertRegex(lines[0], r"^cmake --install build/release --prefix \S+pliant\"?$")
        os.symlink(os.path.join(SOURCES, "examples"), self.path("examples"))
        printed = ""
        for line in lines[1:]:
            if line.startswith("cmake -S"):
                line += " " + " ".join(f"'{word}'" for word in generator())
            if line.startswith("build/own_net/own_net"):
                line += " 2"
            printed += self.command(line, shell=True, HOME=self.folder.name)
        self.check_own_net(printed)
        self.check_own_operation(self.path("build", "own_operation"), self.path("build", "own_operation", "train_swish"))
        self.miss_a_kernel(self.path("build", "own_operation", "check_swish"))

    def miss_a_kernel(self, program):
        """The test that the package offers fails for a kernel that did not run."""
        with open(self.path("missed.cu"), "w", encoding="utf-8") as file:
            file.write("__global__ void swish_forward_kernel(float* x) {}\n__global__ void missed_kernel(float* x) {}\n")
        text = self.command("cmake", f"-DPROGRAM={program}", f"-DSOURCES={self.path('missed.cu')}", f"-DLOG={self.path('missed.log')}",
                            "-P", os.path.join(self.package, "PliantKernelCoverage.cmake"), expect=1)
        self.assertIn("missed_kernel", text)
        self.assertNotIn("swish_forward_kernel", text.split("no test ran")[1])


class Embedded(Project):
    def test_a_project_that_contains_pliant(self):
        """Built with this build's settings, so that its objects serve again: that they do shows that both builds run the same commands."""
        settings = cache()
        same = [f"-D{name}={settings[name]}" for name in settings
                if name in ("CMAKE_BUILD_TYPE", "CMAKE_CUDA_ARCHITECTURES") or name.startswith(("CMAKE_CXX_FLAGS", "CMAKE_CUDA_FLAGS"))
                or (name.startswith("PLIANT_") and name not in ("PLIANT_TESTS", "PLIANT_PROGRAM", "PLIANT_INSTALL", "PLIANT_BENCHMARKS"))]
        log = self.path("compiled.log")
        launcher = f"{sys.executable};{os.path.join(HERE, 'reuse_objects.py')};{BUILD};{log}"
        self.command("cmake", "-S", os.path.join(HERE, "embedded"), "-B", self.path("build"), *generator(), *same, f"-DPLIANT_SOURCES={SOURCES}",
                     f"-DCMAKE_CXX_COMPILER_LAUNCHER={launcher}", f"-DCMAKE_CUDA_COMPILER_LAUNCHER={launcher}")
        self.command("cmake", "--build", self.path("build"), "--parallel", "2")
        with open(log, encoding="utf-8") as file:
            lines = file.read().splitlines()
        compiled = [line for line in lines if line.startswith("compiled ") and "/examples/" not in line]
        self.assertEqual(compiled, [])
        self.assertGreater(len(lines), 150)
        self.check_own_net(self.command(self.path("build", "own_net", "own_net"), "synthetic", self.path("net-run"), "2"))
        self.check_own_operation(self.path("build"), self.path("build", "own_operation", "train_swish"))

    def test_settings_that_nobody_gave(self):
        """Without a build type the project has none afterwards either (embedded/CMakeLists.txt looks), nor a test or a rule to install."""
        text = self.command("cmake", "-S", os.path.join(HERE, "embedded"), "-B", self.path("build"), *generator(), f"-DPLIANT_SOURCES={SOURCES}",
                            f"-DPLIANT_CUDA={cache()['PLIANT_CUDA']}", f"-DPLIANT_DEPS_DIR={cache()['PLIANT_DEPS_DIR']}")
        self.assertIn("-- Pliant 0.1.0\n", text)
        self.assertNotIn("build type", text)
        self.assertIn("Total Tests: 1\n", self.command("ctest", "--test-dir", self.path("build"), "--show-only"))
        self.command("cmake", "--install", self.path("build"), "--prefix", self.path("prefix"))
        self.assertFalse(os.path.exists(self.path("prefix")))


if __name__ == "__main__":
    SOURCES, BUILD = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
