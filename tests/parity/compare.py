#!/usr/bin/env python3
"""The program against PyTorch: same weights, same batches.

usage: compare.py PROGRAM [NET...]     nets: those of NETS below (default: all)

In double: logits in eval and train mode, all gradients, and weights, batch-norm statistics and losses after up to ten Nesterov
steps with weight decay; norm of the difference over norm, per tensor, at most 1e-7. In float: logits 1e-4, each gradient
6e-2, all gradients together 3e-2 (single ReLUs near 0 flip with the order of summation). One line per comparison. Ends with
1 if one failed or none was made, with 77 where PyTorch is missing.
"""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
try:
    import numpy as np
    import torch
    from torch.nn import functional as F
except ImportError as error:
    print(f"skipped: {error}; apt-get install python3-torch python3-numpy")
    sys.exit(77)
from safetensors_io import read_file, write_file  # noqa: E402
from torch_nets import DenseNet40, LeNet5, MobileNetV1, PreResNet29, ResNet, Vgg16  # noqa: E402

DOUBLE, LOGITS, GRADIENT, GRADIENTS = 1e-7, 1e-4, 6e-2, 3e-2
RATE, MOMENTUM, DECAY, STEPS = 0.02, 0.9, 5e-4, 10


class Tally:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, what, actual, expected, limit):
        actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
        if actual.shape != expected.shape:
            self.count(False, f"{what}: shape {actual.shape}, expected {expected.shape}")
            return
        norm, difference = np.linalg.norm(expected), np.linalg.norm(actual - expected)
        figure = difference / norm if norm > 0 else difference
        self.count(bool(figure <= limit), f"{what}: {figure:.2e} (limit {limit:.0e})")  # NaN fails

    def check_all(self, what, actual, expected, limit):
        names = sorted(expected)
        if sorted(actual) != names:
            self.count(False, f"{what}: other names: {sorted(set(actual) ^ set(names))[:5]}")
            return
        for name in names:
            self.check(f"{what} {name}", actual[name], expected[name], limit)

    def count(self, good, line):
        self.passed, self.failed = self.passed + good, self.failed + (not good)
        print(("ok    " if good else "FAIL  ") + line, flush=True)


def run(program, *arguments):
    command = [program, *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit code {result.returncode}: {result.stderr.strip()}")
    return result.stdout


def randomise(model, generator):
    """Everything away from its usual first value, batch-norm statistics too."""
    for name, tensor in model.state_dict().items():
        noise = torch.randn(tensor.shape, generator=generator, dtype=torch.float64)
        if name.endswith("num_batches_tracked"):
            continue
        if name.endswith("running_var"):
            tensor.copy_(1.0 + 0.3 * noise.abs())
        elif tensor.dim() > 1:
            tensor.copy_(noise * (2.0 / tensor[0].numel()) ** 0.5)
        else:
            tensor.copy_((1.0 if ("bn" in name or "features" in name or "downsample" in name) and name.endswith("weight") else 0.0)
                         + 0.1 * noise)


def weights_of(model):
    return {name: tensor.numpy().copy() for name, tensor in model.state_dict().items()}


def without_counters(tensors):
    return {name: value for name, value in tensors.items() if not name.endswith("num_batches_tracked")}


def gradients_of(model):
    return {name: parameter.grad.numpy().copy() for name, parameter in model.named_parameters()}


def make_batches(model, count, size, generator):
    return [(torch.randn((size, *model.sample), generator=generator, dtype=torch.float64),
             torch.randint(model.classes, (size,), generator=generator)) for _ in range(count)]


def write_batches(path, batches, kind):
    tensors = {}
    for i, (x, labels) in enumerate(batches):
        tensors[f"input.{i}"] = x.numpy().astype(kind)
        tensors[f"label.{i}"] = labels.numpy() if i % 2 == 0 else labels.numpy().astype(np.int32)
    write_file(path, tensors)


class Session:
    """One net in one precision, its checkpoint made by `import`."""

    def __init__(self, program, folder, make, flags, precision, tally, label):
        self.program, self.folder, self.precision, self.tally = program, folder, precision, tally
        self.label = f"{label} {precision}"
        self.generator = torch.Generator().manual_seed(5)
        self.model = make().double()
        randomise(self.model, self.generator)
        if precision == "f32":
            self.model = self.model.float()
        write_file(self.path("weights"), weights_of(self.model))
        run(program, "import", self.model.net, self.path("weights"), "--output", self.path("net"), *flags)
        tally.check_all(f"{self.label}: import", read_file(self.path("net")), without_counters(weights_of(self.model)), 0.0)

    def path(self, name):
        return os.path.join(self.folder, name + ".safetensors")

    def logits(self, x, limit):
        write_file(self.path("input"), {"input": x.numpy()})
        for mode in ("eval", "train"):
            run(self.program, "forward", self.path("net"), "--input", self.path("input"), "--output", self.path("logits"),
                "--mode", mode, "--precision", self.precision)
            before = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
            with torch.no_grad():
                expected = self.model.train(mode == "train")(x).numpy()
            self.model.load_state_dict(before)
            self.tally.check(f"{self.label}: logits in {mode} mode", read_file(self.path("logits"))["logits"], expected, limit)

    def steps(self, batches):
        """The program's losses, first gradients and final tensors, and PyTorch's."""
        write_batches(self.path("batches"), batches, np.float64 if self.precision == "f64" else np.float32)
        out = run(self.program, "step", self.path("net"), "--batches", self.path("batches"), "--output", self.path("after"),
                  "--lr", RATE, "--momentum", MOMENTUM, "--weight-decay", DECAY, "--nesterov", "--gradients",
                  self.path("gradients"), "--precision", self.precision)
        ours = json.loads(out)["losses"], read_file(self.path("gradients")), read_file(self.path("after"))
        optimizer = torch.optim.SGD(self.model.parameters(), RATE, MOMENTUM, weight_decay=DECAY, nesterov=True)
        losses, first = [], None
        self.model.train()
        for x, labels in batches:
            optimizer.zero_grad()
            loss = F.cross_entropy(self.model(x), labels)
            loss.backward()
            first = first or gradients_of(self.model)
            losses.append(loss.item())
            optimizer.step()
        return ours, (losses, first, without_counters(weights_of(self.model)))


def compare_double(program, folder, make, flags, batch, steps, tally, label):
    session = Session(program, folder, make, flags, "f64", tally, label)
    batches = make_batches(session.model, steps, batch, session.generator)
    session.logits(batches[0][0], DOUBLE)
    (losses, gradients, after), expected = session.steps(batches)
    tally.check(f"{label} f64: losses of {steps} steps", losses, expected[0], DOUBLE)
    tally.check_all(f"{label} f64: gradient of", gradients, expected[1], DOUBLE)
    tally.check_all(f"{label} f64: after {steps} steps", after, expected[2], DOUBLE)


def compare_float(program, folder, make, flags, batch, tally, label):
    session = Session(program, folder, make, flags, "f32", tally, label)
    batches = [(x.float(), labels) for x, labels in make_batches(session.model, 1, batch, session.generator)]
    session.logits(batches[0][0], LOGITS)
    (losses, gradients, _), expected = session.steps(batches)
    tally.check(f"{label} f32: loss", losses, expected[0], LOGITS)
    tally.check_all(f"{label} f32: gradient of", gradients, expected[1], GRADIENT)
    whole = [np.concatenate([tensors[name].ravel() for name in sorted(expected[1])]) for tensors in (gradients, expected[1])]
    tally.check(f"{label} f32: all gradients together", *whole, GRADIENTS)


# The net, flags of `import`, samples of a batch in double, steps. Differences of the last bit grow tenfold a step in MobileNet, whose
# batch norms see few values on its 2x2 maps.
NETS = {"lenet5": (LeNet5, [], 4, STEPS), "resnet20": (lambda: ResNet(20), [], 3, STEPS),
        "resnet20b": (lambda: ResNet(20, "B"), ["--shortcut", "B"], 2, STEPS), "vgg16": (Vgg16, [], 2, STEPS),
        "preresnet29": (PreResNet29, ["--input", "3x16x16"], 3, STEPS), "densenet40": (lambda: DenseNet40(12), ["--input", "3x12x12"], 3, STEPS),
        "mobilenet-v1": (MobileNetV1, [], 12, 4)}


def main(arguments):
    if not arguments:
        sys.exit(__doc__)
    program, names = arguments[0], arguments[1:] or list(NETS)
    tally = Tally()
    for name in names:
        make, flags, batch, steps = NETS[name]
        with tempfile.TemporaryDirectory() as folder:
            try:
                compare_double(program, folder, make, flags, batch, steps, tally, name)
                compare_float(program, folder, make, flags, 8, tally, name)
            except Exception as error:  # one net that cannot run must not hide the others
                tally.count(False, f"{name}: {error}")
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed or not tally.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
