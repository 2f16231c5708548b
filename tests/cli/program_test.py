#!/usr/bin/env python3
"""Runs the real program: exit codes, one-line errors, JSON fields, damaged files. Python's standard library alone.

usage: program_test.py PROGRAM [CLASS[.test]...]
"""
import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "parity"))
from read_safetensors import read  # noqa: E402

PROGRAM = ""
USAGE, CONFIG, DATA, DEVICE, FILE = 2, 3, 4, 5, 7


def safetensors(tensors, metadata=None):
    """The bytes of a file; tensors: {name: (dtype, shape, bytes)}."""
    header, data = {}, b""
    if metadata is not None:
        header["__metadata__"] = metadata
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def floats(count, value=0.5):
    return struct.pack(f"<{count}f", *([value] * count))


def png(side, grey):
    """A grey PNG, uncompressed blocks, by the standard library."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    rows = b"".join(b"\0" + bytes([grey] * side) for _ in range(side))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b""))


class ProgramTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content)
        return self.path(name)

    def content(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def run_program(self, *arguments):
        return subprocess.run([PROGRAM, *arguments], capture_output=True, encoding="utf-8", errors="surrogateescape", timeout=120)

    def succeeds(self, *arguments):
        result = self.run_program(*arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def fails(self, code, *arguments, mentions=""):
        """The exit code, one line on stderr beside the notes, nothing on stdout."""
        result = self.run_program(*arguments)
        self.assertEqual(result.returncode, code, f"{arguments}: {result.stderr}")
        errors = [line for line in result.stderr.splitlines() if line.startswith("pliant: error: ")]
        self.assertEqual(len(errors), 1, result.stderr)
        self.assertTrue(result.stderr.endswith(errors[0] + "\n"), result.stderr)
        self.assertIn(mentions, errors[0])
        self.assertEqual(result.stdout, "")

    def checkpoint(self, name="net", net="lenet5", *flags):
        self.succeeds("init", net, "--output", self.path(name), *flags)
        return self.path(name)


class Usage(ProgramTest):
    def test_help_and_version(self):
        self.assertRegex(self.succeeds("--version"), r"^pliant \d+\.\d+\.\d+\n$")
        self.assertIn("130 interrupted", self.succeeds("--help"))
        for verb in ("info", "init", "import", "forward", "step", "predict", "data", "doctor"):
            self.assertIn(verb, self.succeeds("--help"))
            self.assertIn("--help", self.succeeds(verb, "--help"))

    def test_unknown_words(self):
        self.fails(USAGE, mentions="no verb")
        self.fails(USAGE, "fly", mentions="fly")
        self.fails(USAGE, "info", "resnet21", mentions="resnet20")
        self.fails(USAGE, "info", "resnet20", "--colour", mentions="--colour")
        self.fails(USAGE, "--colour")
        self.fails(USAGE, "data", "shred", self.folder.name)

    def test_malformed_values(self):
        out = ("--output", self.path("net"))
        for flags in (["--classes", "ten"], ["--classes", "0"], ["--classes", "2.5"], ["--shortcut", "C"], ["--seed", "-1"], ["--seed", "18446744073709551616"],
                      ["--input", "32x32"], ["--input", "3x0x32"], ["--input", "3x32x32x1"], ["--initialisation", "zeros"],
                      ["--scale-init", "0"], ["--scale-init", "nan"], ["--exits", "one"],
                      ["--exits", "9,3"], ["--exits", "99"], ["--precision", "f16"], ["--seed"]):
            self.fails(USAGE, "init", "resnet20", *out, *flags)
        self.fails(USAGE, "init", "resnet20", mentions="--output")
        self.assertFalse(os.path.exists(self.path("net")))
        for flags in (["--lr", "fast"], ["--lr", "nan"], ["--lr", "0.1", "--momentum", "-1"], []):
            self.fails(USAGE, "step", self.checkpoint(), "--batches", "x", "--output", "y", *flags)
        self.fails(USAGE, "forward", self.checkpoint(), "--input", "x", "--output", "y", "--mode", "dream")
        self.fails(USAGE, "forward", self.checkpoint(), "--input", "x", "--output", "y", "--threads", "0")

    def test_combinations_that_cannot_be_built(self):
        for flags in (["resnet20", "--input", "3x30x30"], ["vgg16", "--input", "3x8x8"], ["lenet5", "--input", "1x12x12"],
                      ["vgg16", "--shortcut", "B"], ["mlp", "--classes", "1"]):
            self.fails(CONFIG, "info", *flags)

    def test_replayed_steps_need_a_device_that_records(self):
        small = ("train", "lenet5", "--data", "synthetic", "--limit-train", "20", "--out", self.path("run"), "--device", "cpu")
        self.fails(CONFIG, *small, "--step-graphs", "on", mentions="the cpu records no graphs")
        self.fails(USAGE, *small, "--step-graphs", "perhaps")

    def test_devices(self):
        device = "cuda" if "not usable" in self.succeeds("doctor").split("device cuda")[1].splitlines()[0] else "emulated"
        self.fails(DEVICE, "forward", self.checkpoint(), "--input", "x", "--output", "y", "--device", device, mentions=device)

    def test_places_that_cannot_be_written(self):
        plain = self.write("plain", b"")
        for place in (plain + "/net", self.path("missing/net"), self.folder.name, "/proc/net.safetensors", ""):
            self.fails(1, "init", "lenet5", "--output", place)
        self.assertEqual(self.content("plain"), b"")
        with open("/dev/full", "w") as full:
            result = subprocess.run([PROGRAM, "info", "lenet5"], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(result.returncode, 1)


class Reports(ProgramTest):
    def test_info(self):
        report = json.loads(self.succeeds("info", "resnet20", "--json"))
        self.assertEqual((report["name"], report["parameters"], report["macs"]), ("resnet20", 269722, 40551040))
        self.assertEqual(sum(layer["parameters"] for layer in report["layers"]), report["parameters"])
        self.assertEqual(sum(layer["macs"] for layer in report["layers"]), report["macs"])
        for layer in report["layers"]:
            self.assertEqual(set(layer), {"name", "type", "output", "parameters", "macs"})
        self.assertIn("269,722", self.succeeds("info", "resnet20"))
        self.assertEqual(json.loads(self.succeeds("info", self.checkpoint(), "--json"))["parameters"], 61706)
        self.fails(USAGE, "info", self.checkpoint(), "--classes", "3")

    def test_doctor(self):
        report = json.loads(self.succeeds("doctor", "--json"))
        names = [finding["name"] for finding in report["findings"]]
        for name in ("oneDNN", "device cpu", "device cuda", "device emulated", "PLIANT_DATA"):
            self.assertIn(name, names)

    def test_init_depends_on_the_seed_alone(self):
        for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
            self.checkpoint(name, "lenet5", "--seed", seed)
        self.assertEqual(self.content("a"), self.content("b"))
        self.assertNotEqual(self.content("a"), self.content("c"))

    def test_a_checkpoint_is_read_without_our_libraries(self):
        metadata, tensors = read(self.checkpoint("net", "resnet20", "--classes", "7"))
        self.assertEqual(json.loads(metadata["net"])["classes"], 7)
        self.assertEqual(tensors["layer2.0.conv1.weight"][:2], ("F32", [32, 16, 3, 3]))
        self.assertEqual(tensors["fc.weight"][1], [7, 64])
        self.assertEqual(tensors["bn1.running_var"][2], [1.0] * 16)
        self.assertEqual(tensors["bn1.weight"][2], [1.0] * 16)
        _, scaled = read(self.checkpoint("scaled", "resnet20", "--classes", "7", "--scale-init", "0.5"))
        self.assertEqual(scaled["bn1.weight"][2], [0.5] * 16)
        self.assertEqual(scaled["layer2.0.conv1.weight"], tensors["layer2.0.conv1.weight"])

    def test_import_of_plain_weights(self):
        _, tensors = read(self.checkpoint("net", "lenet5", "--seed", "4"))
        plain = {name: (dtype, shape, struct.pack(f"<{len(values)}f", *values)) for name, (dtype, shape, values) in tensors.items()}
        plain["conv1.num_batches_tracked"] = ("I64", [], bytes(8))
        report = json.loads(self.succeeds("import", "lenet5", self.write("plain", safetensors(plain)), "--output", self.path("again"), "--json"))
        self.assertEqual(report["tensors"], 10)
        self.assertEqual(self.content("again"), self.content("net"))
        for change in ({"fc3.bias": None}, {"fc4.bias": ("F32", [1], floats(1))}, {"fc3.bias": ("F32", [9], floats(9))}):
            changed = {name: value for name, value in {**plain, **change}.items() if value}
            self.fails(FILE, "import", "lenet5", self.write("bad", safetensors(changed)), "--output", self.path("none"), mentions="fc")
        self.fails(FILE, "import", "mlp", self.path("plain"), "--output", self.path("none"))
        self.assertFalse(os.path.exists(self.path("none")))


class Tensors(ProgramTest):
    def images(self, count=2, side=28, dtype="F32"):
        return dtype, [count, 1, side, side], floats(count * side * side)

    def labels(self, values, dtype="I64"):
        return dtype, [len(values)], struct.pack(f"<{len(values)}{'q' if dtype == 'I64' else 'i'}", *values)

    def forward(self, code, tensors, *flags):
        arguments = ("forward", self.checkpoint(), "--input", self.write("in", safetensors(tensors)), "--output", self.path("out"), *flags)
        if code:
            self.fails(code, *arguments)
            self.assertFalse(os.path.exists(self.path("out")))
            return None
        self.succeeds(*arguments)
        return read(self.path("out"))[1]

    def test_forward(self):
        single = self.forward(0, {"input": self.images()})
        self.assertEqual(single["logits"][:2], ("F32", [2, 10]))
        double = self.forward(0, {"input": self.images()}, "--precision", "f64")
        self.assertEqual(double["logits"][0], "F64")
        for a, b in zip(single["logits"][2], double["logits"][2]):
            self.assertAlmostEqual(a, b, delta=1e-4)

    def test_several_exits(self):
        net = self.checkpoint("net", "lenet5", "--exits", "0")
        given = self.write("in", safetensors({"input": self.images()}))
        self.succeeds("forward", net, "--input", given, "--output", self.path("all"))
        tensors = read(self.path("all"))[1]
        self.assertEqual(sorted(tensors), ["logits.0", "logits.1"])
        self.succeeds("forward", net, "--input", given, "--output", self.path("one"), "--exit", "0")
        self.assertEqual(read(self.path("one"))[1]["logits"], tensors["logits.0"])
        self.fails(USAGE, "forward", net, "--input", given, "--output", self.path("none"), "--exit", "2", mentions="exits 0 to 1")

    def test_inputs_that_do_not_fit(self):
        good = self.images()
        for tensors in ({}, {"image": good}, {"input": good, "more": good}, {"input": self.images(2, 27)}, {"input": self.images(0)},
                        {"input": ("F32", [2, 784], floats(1568))}, {"input": ("I32", good[1], good[2])}):
            self.forward(FILE, tensors)

    def test_step(self):
        batches = {"input.0": self.images(), "label.0": self.labels([3, 9]), "input.1": self.images(3), "label.1": self.labels([0, 1, 2], "I32")}
        net, given = self.checkpoint(), self.write("in", safetensors(batches))
        arguments = ("step", net, "--batches", given, "--output", self.path("after"), "--lr", "0.1", "--momentum", "0.9",
                     "--weight-decay", "1e-4", "--nesterov", "--gradients", self.path("gradients"))
        losses = json.loads(self.succeeds(*arguments))["losses"]
        self.assertEqual(len(losses), 2)
        before, after, gradients = (read(name)[1] for name in (net, self.path("after"), self.path("gradients")))
        self.assertEqual(sorted(before), sorted(after))
        self.assertEqual(sorted(before), sorted(gradients))
        self.assertNotEqual(before["conv1.weight"], after["conv1.weight"])
        self.assertEqual(json.loads(self.succeeds("info", self.path("after"), "--json"))["name"], "lenet5")

    def test_steps_that_the_net_cannot_take(self):
        given = self.write("in", safetensors({"input.0": self.images(), "label.0": self.labels([3, 9])}))
        for code, flags in ((CONFIG, ["--width-training", "sandwich"]), (CONFIG, ["--inplace-distillation"]), (CONFIG, ["--exit-weights", "1,0.5"]),
                            (CONFIG, ["--nesterov"]), (CONFIG, ["--freeze-backbone", "1"]), (USAGE, ["--optimizer", "rmsprop"]),
                            (USAGE, ["--exit-loss", "l1"]), (USAGE, ["--distill-exits", "2"]), (USAGE, ["--log-gradients"])):
            self.fails(code, "step", self.checkpoint(), "--batches", given, "--output", self.path("out"), "--lr", "0.1", *flags)
        self.assertFalse(os.path.exists(self.path("out")))

    def test_batches_that_do_not_fit(self):
        good = {"input.0": self.images(), "label.0": self.labels([3, 9])}
        for change in ({"label.0": self.labels([3, 10])}, {"label.0": self.labels([3])}, {"label.0": ("F32", [2], floats(2))},
                       {"label.0": None}, {"input.2": self.images()}, {"input.0": None}, {"input.1": self.images()}):
            tensors = {name: value for name, value in {**good, **change}.items() if value}
            self.fails(FILE, "step", self.checkpoint(), "--batches", self.write("in", safetensors(tensors)), "--output", self.path("out"), "--lr", "0.1")
        self.assertFalse(os.path.exists(self.path("out")))

    def test_a_loss_that_is_not_finite_writes_nothing(self):
        tensors = {"input.0": ("F32", [1, 1, 28, 28], floats(784, float("nan"))), "label.0": self.labels([1])}
        self.fails(1, "step", self.checkpoint(), "--batches", self.write("in", safetensors(tensors)), "--output", self.path("out"), "--lr", "0.1",
                   mentions="loss")
        self.assertFalse(os.path.exists(self.path("out")))


class DamagedFiles(ProgramTest):
    def refused(self, name, content):
        path = self.write(name, content)
        self.fails(FILE, "info", path, mentions=path)
        self.fails(FILE, "forward", path, "--input", "x", "--output", self.path("out"), mentions=path)
        self.fails(FILE, "import", "lenet5", path, "--output", self.path("out"), mentions=path)

    def test_checkpoints(self):
        self.checkpoint()
        good = self.content("net")
        self.refused("truncated", good[:-1])
        self.refused("longer", good + b"\0")
        self.refused("half a header", good[:200])
        self.refused("empty", b"")
        self.refused("text", b"these are no tensors")
        self.refused("lying length", struct.pack("<Q", 1 << 62) + good[8:])
        self.refused("lying offset", good.replace(b"data_offsets\":[0,", b"data_offsets\":[8,", 1))
        self.fails(FILE, "info", self.write("foreign", safetensors({"a": ("F32", [1], floats(1))})), mentions="pliant import")
        self.fails(FILE, "info", self.path("missing.safetensors"), mentions="missing.safetensors")
        self.fails(FILE, "info", self.folder.name)
        self.assertFalse(os.path.exists(self.path("out")))

    def test_every_byte_of_a_header_may_be_wrong(self):
        self.checkpoint()
        good = self.content("net")
        (length,) = struct.unpack_from("<Q", good)
        for at in range(0, 8 + length, 37):
            damaged = self.write("damaged", good[:at] + bytes([good[at] ^ 0x15]) + good[at + 1:])
            code = self.run_program("info", damaged).returncode
            self.assertIn(code, (0, FILE), f"byte {at}")  # 0: a digit of a number or a letter of a text may still make sense

    def test_images(self):
        net = self.checkpoint()
        for name, content in (("empty.png", b""), ("text.png", b"no image"), ("cut.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF\0")):
            self.fails(DATA, "predict", net, self.write(name, content), mentions=name)
        self.fails(DATA, "predict", net, self.path("missing.png"), mentions="missing.png")

    def test_data(self):
        self.fails(DATA, "data", "verify", self.path("missing"), mentions="missing")
        self.fails(DATA, "data", "stats", self.folder.name)
        os.mkdir(self.path("cifar"))
        self.write("cifar/data_batch_1.bin", bytes(100))
        self.fails(DATA, "data", "verify", self.path("cifar"), mentions="data_batch")
        self.fails(USAGE, "data", "fetch", "imagenet", "--output", self.path("fetched"), mentions="cifar10 cifar100 mnist")
        stats = json.loads(self.succeeds("data", "stats", "synthetic", "--json"))
        self.assertEqual([part["part"] for part in stats["parts"]], ["train", "test"])
        self.succeeds("data", "convert", "synthetic", "--output", self.path("copy"))
        self.assertEqual(json.loads(self.succeeds("data", "verify", self.path("copy"), "--json"))["official"], False)
        self.fails(CONFIG, "data", "convert", "synthetic", "--output", self.path("copy"))


class Predictions(ProgramTest):
    def test_predict(self):
        net = self.checkpoint("net", "resnet20", "--classes", "6")
        same, larger = self.write("same.png", png(32, 90)), self.write("larger.png", png(50, 90))
        report = json.loads(self.succeeds("predict", net, same, larger, "--json", "--top", "6"))["images"]
        self.assertEqual([entry["image"] for entry in report], [same, larger])
        for entry in report:
            rows = entry["predictions"]
            self.assertEqual(sorted(row["index"] for row in rows), list(range(6)))
            self.assertAlmostEqual(sum(row["probability"] for row in rows), 1.0, places=4)
            self.assertEqual([row["probability"] for row in rows], sorted((row["probability"] for row in rows), reverse=True))
        self.assertEqual([row["index"] for row in report[0]["predictions"]], [row["index"] for row in report[1]["predictions"]])
        self.assertEqual(self.succeeds("predict", net, same).count("%"), 5)


class NamesThatAreNoUtf8(ProgramTest):
    """Names of files and of classes in any encoding: what they name is used, and reports and records show a U+FFFD."""
    NAME = "caf\udce9"  # the byte 0xe9: "e" with an acute accent in Latin-1

    def report(self, *arguments):
        text = self.succeeds(*arguments, "--json")
        self.assertEqual(text, text.encode("utf-8", "replace").decode())
        return json.loads(text)

    def test_files(self):
        net, normed = (self.path(f"{self.NAME} {name}") for name in ("lenet5.safetensors", "resnet20.safetensors"))
        self.assertIn("caf\ufffd", self.report("init", "lenet5", "--input", "3x32x32", "--output", net)["checkpoint"])
        self.report("init", "resnet20", "--output", normed)
        for arguments in (("info", net), ("cost", net), ("graph", net), ("latency", net, "--batch", "1", "--seconds", "0.01"),
                          ("fold", normed, "--output", normed + ".folded"), ("eval", net, "--data", "synthetic", "--limit-test", "40"),
                          ("prune", net, "--method", "l1", "--ratio", "0.5", "--remove", "--output", net + ".pruned"),
                          ("extract", net, "--output", net + ".part")):
            with self.subTest(arguments[0]):
                self.report(*arguments)

    def test_a_run_and_its_resumption(self):
        start, run = self.checkpoint(self.NAME, "mlp"), self.path(self.NAME + " run")
        flags = ("mlp", "--data", "synthetic", "--limit-train", "96", "--limit-test", "32", "--epochs", "1", "--init", start, "--out", run)
        self.report("train", *flags)
        with open(os.path.join(run, "config.json"), encoding="utf-8") as file:
            self.assertIn("caf\ufffd", json.load(file)["init"])
        self.report("train", *flags, "--resume", os.path.join(run, "last.safetensors"))

    def test_classes_and_images(self):
        data = self.path("data")
        for folder in (os.path.join("data", part, name) for part in ("train", "test") for name in (self.NAME, "tea")):
            os.makedirs(self.path(folder))
            for shade in range(4):
                self.write(os.path.join(folder, f"{self.NAME}{shade}.png"), png(32, 60 * shade))
        self.assertEqual(self.report("data", "stats", data)["class_names"], ["caf\ufffd", "tea"])
        run = self.path("run")
        self.report("train", "resnet20", "--data", data, "--epochs", "1", "--batch", "4", "--validation", "2", "--out", run)
        image = os.path.join(data, "test", self.NAME, self.NAME + "0.png")
        [entry] = self.report("predict", os.path.join(run, "last.safetensors"), image)["images"]
        self.assertTrue(entry["image"].endswith("caf\ufffd0.png"))
        self.assertEqual({row["class"] for row in entry["predictions"]}, {"caf\ufffd", "tea"})


def main():
    global PROGRAM
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROGRAM = os.path.abspath(sys.argv[1])
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])


if __name__ == "__main__":
    main()
