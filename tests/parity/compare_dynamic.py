#!/usr/bin/env python3
"""Joint steps of nets with several widths, exits and gates against PyTorch: same weights, same batches.

usage: compare_dynamic.py PROGRAM [CASE...]     cases: see CASES (default: all)

`pliant init` makes the weights, batch norm and biases are then moved away from their first values. In double: logits of every width
and exit, all gradients of the first joint step, losses and all tensors after the steps of the case, at most 1e-7. In float: the same
of one step; logits 1e-4, each gradient 6e-2, all together 3e-2. Figures and exit codes are those of compare.py.
"""
import json
import os
import sys
import tempfile
from dataclasses import dataclass

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from compare import (DECAY, DOUBLE, GRADIENT, GRADIENTS, LOGITS, MOMENTUM, RATE, STEPS, Tally, gradients_of, make_batches,  # noqa: E402
                     run, weights_of, without_counters, write_batches)
import numpy as np  # noqa: E402  compare has skipped where these are missing
import torch  # noqa: E402
from joint_step import Plan, closed_blocks, joint_loss  # noqa: E402
from safetensors_io import metadata_of, read_file, write_file  # noqa: E402
from torch_dynamic import BranchyAlexNet, BranchyLeNet, DynamicResNet20  # noqa: E402

SEED = 3
ADAM = {"lr": 0.001, "betas": (0.8, 0.99), "eps": 1e-7, "weight_decay": DECAY}


@dataclass(frozen=True)
class Case:
    make: object                # the net in PyTorch
    flags: tuple = ()           # that make the program build it
    plans: tuple = (Plan(),)    # the first takes `steps` steps, each other one a single step
    steps: int = STEPS          # 0: logits alone
    batch: int = 2              # in double
    adam: bool = False
    drawn: tuple = ()           # widths that are drawn in training alone: the program has no name for them


CASES = {
    "slimmable": Case(lambda: DynamicResNet20((1.0, 0.5, 0.25)), ("--widths", "0.25,0.5,1.0"), (Plan(rows=(0, 1, 2)),)),
    # Three widths leave the sandwich rule no choice: in the first net all of its list, in the second 31/32 between the two.
    "sandwich": Case(lambda: DynamicResNet20((1.0, 0.5, 0.25)), ("--widths", "0.25,0.5,1.0"),
                     (Plan(("--width-training", "sandwich", "--sandwich", "3", "--inplace-distillation"), rows=(0, 2, 1), inplace=True),), 3),
    "universal": Case(lambda: DynamicResNet20((1.0, 30 / 32, 31 / 32), shared=True), ("--widths", "0.9375,1.0", "--batch-norm", "shared"),
                      (Plan(("--width-training", "sandwich", "--sandwich", "3", "--inplace-distillation"), rows=(0, 1, 2), inplace=True),), 3,
                      drawn=(31 / 32,)),
    "exits": Case(lambda: DynamicResNet20(exits=(0, 3, 7)), ("--exits", "0,3,7"), (
        Plan(("--exit-weights", "0.25,0.5,0.75,1"), (0.25, 0.5, 0.75, 1.0)),
        Plan(("--exit-weights", "1,0.5,0,0.3", "--distill-exits", "0.4"), (1.0, 0.5, 0.0, 0.3), distill=0.4))),
    "b-lenet": Case(BranchyLeNet, plans=(
        Plan(("--exit-weights", "decreasing"), (1.0, 0.3)),
        Plan(weights=(1.0, 1.0)),
        Plan(("--exit-weights", "increasing", "--exit-loss", "squared-hinge", "--loss-per-class"), (0.3, 1.0), hinge=True, per_class=True),
        Plan(("--distill-exits", "1"), (1.0, 1.0), distill=1.0),
        Plan(("--detach-exits",), (1.0, 1.0), detach=True)), batch=8),
    "b-lenet-adam": Case(BranchyLeNet, plans=(Plan(("--exit-weights", "decreasing"), (1.0, 0.3)),), batch=8, adam=True),
    "b-alexnet": Case(BranchyAlexNet, steps=0),
    "adam": Case(DynamicResNet20, steps=3, adam=True),
    "combined": Case(lambda: DynamicResNet20((1.0, 0.5, 0.25), (3, 6), last_survival=0.5),
                     ("--widths", "0.25,0.5,1.0", "--exits", "3,6", "--stochastic-depth", "0.5"),
                     (Plan(("--exit-weights", "0.3,0.6,1", "--distill-exits", "0.25", "--inplace-distillation"), (0.3, 0.6, 1.0),
                           (0, 1, 2), inplace=True, distill=0.25, gates=True),), 6),
}


def moved(tensors, generator):
    """Batch norm and biases away from their first values, so that none of them can be left out unnoticed."""
    for name in sorted(tensors):
        if tensors[name].ndim > 1:
            continue
        noise = generator.standard_normal(tensors[name].shape)
        first = 1.0 if name.endswith((".weight", "running_var")) else 0.0
        tensors[name] = first + (0.3 * np.abs(noise) if name.endswith("running_var") else 0.1 * noise)
    return tensors


class Session:
    """One case in one precision."""

    def __init__(self, program, folder, name, precision, tally):
        self.program, self.folder, self.precision, self.tally = program, folder, precision, tally
        self.case, self.label = CASES[name], f"{name} {precision}"
        self.kind = np.float64 if precision == "f64" else np.float32
        self.model = self.case.make().to(torch.float64 if precision == "f64" else torch.float32)
        run(program, "init", self.model.net, *self.case.flags, "--output", self.path("fresh"), "--precision", "f64", "--seed", SEED)
        tensors = moved(dict(read_file(self.path("fresh"))), np.random.default_rng(SEED))
        tensors = {name: np.asarray(value, self.kind) for name, value in tensors.items()}
        write_file(self.path("net"), tensors, metadata_of(self.path("fresh")))
        self.weights = {name: torch.from_numpy(value.copy()) for name, value in tensors.items()}
        self.reset()

    def path(self, name):
        return os.path.join(self.folder, name + ".safetensors")

    def reset(self):
        missing, unexpected = self.model.load_state_dict(self.weights, strict=False)
        unknown = [name for name in missing if not name.endswith("num_batches_tracked")] + unexpected
        if unknown:
            raise RuntimeError(f"other tensors than PyTorch's net: {unknown[:5]}")

    def batches(self, count, size):
        generator = torch.Generator().manual_seed(5)
        dtype = next(self.model.parameters()).dtype
        return [(x.to(dtype), labels) for x, labels in make_batches(self.model, count, size, generator)]

    def logits(self, x, limit):
        """Every width and exit, alone and together."""
        write_file(self.path("input"), {"input": x.numpy()})
        self.model.eval()
        widths = [ratio for ratio in self.model.ratios if ratio not in self.case.drawn]
        for row, ratio in enumerate(widths):
            with torch.no_grad():
                expected = [z.numpy() for z in self.model(x, row)]
            width = ("--width", ratio) if len(widths) > 1 else ()
            together = self.forward(*width)
            for exit, z in enumerate(expected):
                what = f"{self.label}: logits of width {ratio}, exit {exit}"
                self.tally.check(what, together["logits" if len(expected) == 1 else f"logits.{exit}"], z, limit)
                if len(expected) > 1:
                    self.tally.check(f"{what} alone", self.forward(*width, "--exit", exit)["logits"], z, limit)

    def forward(self, *part):
        run(self.program, "forward", self.path("net"), "--input", self.path("input"), "--output", self.path("logits"),
            "--precision", self.precision, *part)
        return read_file(self.path("logits"))

    def program_steps(self, batches, plan):
        write_batches(self.path("batches"), batches, self.kind)
        betas = zip(("--beta1", "--beta2"), ADAM["betas"])
        optimizer = (["--optimizer", "adam", "--lr", ADAM["lr"], "--epsilon", ADAM["eps"], *(x for pair in betas for x in pair)] if self.case.adam
                     else ["--lr", RATE, "--momentum", MOMENTUM, "--nesterov"])
        out = run(self.program, "step", self.path("net"), "--batches", self.path("batches"), "--output", self.path("after"), "--gradients",
                  self.path("gradients"), "--precision", self.precision, "--weight-decay", DECAY, "--seed", SEED, *optimizer, *plan.flags)
        return json.loads(out)["losses"], read_file(self.path("gradients")), read_file(self.path("after"))

    def torch_steps(self, batches, plan):
        self.reset()
        self.model.train()
        parameters = list(self.model.parameters())
        optimizer = (torch.optim.Adam(parameters, **ADAM) if self.case.adam
                     else torch.optim.SGD(parameters, RATE, MOMENTUM, weight_decay=DECAY, nesterov=True))
        losses, first = [], None
        for step, (x, labels) in enumerate(batches):
            for parameter in parameters:  # zeros, not nothing: what a step leaves out still decays
                parameter.grad = torch.zeros_like(parameter)
            closed = closed_blocks(self.model.survival, SEED, step) if plan.gates else set()
            loss = joint_loss(self.model, x, labels, plan, closed)
            loss.backward()
            first = first or gradients_of(self.model)
            losses.append(loss.item())
            optimizer.step()
        return losses, first, without_counters(weights_of(self.model))

    def steps(self, batches, plan):
        return self.program_steps(batches, plan), self.torch_steps(batches, plan)


def compare_double(program, folder, name, tally):
    session = Session(program, folder, name, "f64", tally)
    batches = session.batches(max(session.case.steps, 1), session.case.batch)
    session.logits(batches[0][0], DOUBLE)
    for i, plan in enumerate(session.case.plans if session.case.steps else ()):
        taken = batches if i == 0 else batches[:1]
        label = f"{session.label}, {len(taken)} steps {' '.join(plan.flags)}"
        (losses, gradients, after), expected = session.steps(taken, plan)
        tally.check(f"{label}: losses", losses, expected[0], DOUBLE)
        tally.check_all(f"{label}: gradient of", gradients, expected[1], DOUBLE)
        tally.check_all(f"{label}: afterwards", after, expected[2], DOUBLE)


def compare_float(program, folder, name, tally):
    session = Session(program, folder, name, "f32", tally)
    batches = session.batches(1, 8)
    session.logits(batches[0][0], LOGITS)
    if session.case.steps == 0:
        return
    (losses, gradients, _), expected = session.steps(batches, session.case.plans[0])
    tally.check(f"{session.label}: loss", losses, expected[0], LOGITS)
    tally.check_all(f"{session.label}: gradient of", gradients, expected[1], GRADIENT)
    whole = [np.concatenate([tensors[name].ravel() for name in sorted(expected[1])]) for tensors in (gradients, expected[1])]
    tally.check(f"{session.label}: all gradients together", *whole, GRADIENTS)


def main(arguments):
    if not arguments:
        sys.exit(__doc__)
    program, names = arguments[0], arguments[1:] or list(CASES)
    tally = Tally()
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            try:
                compare_double(program, folder, name, tally)
                compare_float(program, folder, name, tally)
            except Exception as error:  # one case that cannot run must not hide the others
                tally.count(False, f"{name}: {error}")
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed or not tally.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
