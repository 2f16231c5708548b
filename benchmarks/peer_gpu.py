#!/usr/bin/env python3
"""Times PyTorch's training and inference steps on the GPU, or the GPU's own ceilings; prints one JSON object. compare_gpu.py calls it.

usage: peer_gpu.py ceilings | peer_gpu.py steps --mode train|infer --nets N,N --batches B,B --variants V,V --seconds S

Variants, each with cuDNN's benchmark mode, TF32 products and convolutions, and fused SGD where the version has it:
  eager     float32, contiguous           nhwc      float32, channels_last
  bf16      channels_last, autocast       graph     the whole bf16 step as one CUDA graph
  compile   bf16, torch.compile           compile-graph  bf16, torch.compile(mode="max-autotune"), which uses CUDA graphs
A variant that a net or a version cannot take is reported with its error, not left out.
"""
import argparse
import json
import pathlib
import random
import statistics
import sys
import time

import torch
from torch.nn import functional as F

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "parity"))
import torch_dynamic  # noqa: E402
import torch_nets  # noqa: E402

CALLS = 20      # steps that are timed as one
RATIOS = (1.0, 0.75, 0.5, 0.25)


class DepthResNet110(torch_nets.ResNet):
    """Branches that survive with 1 - l / L (1 - 0.5), drawn on the host for the whole batch (Huang et al., 2016)."""

    def __init__(self):
        super().__init__(110)
        self.order = [*self.layer1, *self.layer2, *self.layer3]

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        for i, block in enumerate(self.order, start=1):
            survival = 1.0 - 0.5 * i / len(self.order)
            if self.training and random.random() >= survival:
                x = F.relu(F.pad(F.avg_pool2d(x, 2), (0, 0, 0, 0, 0, block.extra)) if block.shrinks else x)
            else:
                x = block(x)
        return self.fc(x.mean(dim=(2, 3)))


NETS = {"lenet5": torch_nets.LeNet5, "resnet20": lambda: torch_nets.ResNet(20), "resnet56": lambda: torch_nets.ResNet(56),
        "resnet110": lambda: torch_nets.ResNet(110), "vgg16": torch_nets.Vgg16, "mobilenet-v1": torch_nets.MobileNetV1,
        "densenet40": torch_nets.DenseNet40, "resnet20-slimmable": lambda: torch_dynamic.DynamicResNet20(RATIOS),
        "resnet110-depth": DepthResNet110}
HOST_DRAWN = {"resnet110-depth"}  # a step that differs every time: neither captured nor compiled


class Step:
    """One training or inference step of a net in one variant, on a batch that lies on the device."""

    def __init__(self, name, batch, mode, variant, device):
        self.name, self.mode, self.half = name, mode, variant not in ("eager", "nhwc")
        layout = torch.contiguous_format if variant == "eager" else torch.channels_last
        self.model = NETS[name]().to(device=device, memory_format=layout).train(mode == "train")
        self.images = torch.rand(batch, *self.model.sample, device=device).mul(2).sub(1).to(memory_format=layout)
        self.labels = torch.randint(0, self.model.classes, (batch,), device=device)
        self.call = self.model
        if variant.startswith("compile"):
            self.call = torch.compile(self.model, mode="max-autotune" if variant == "compile-graph" else None)
        if mode == "train":
            settings = {"lr": 1e-3, "momentum": 0.9, "weight_decay": 5e-4}
            try:
                self.optimizer = torch.optim.SGD(self.model.parameters(), fused=True, **settings)
            except (TypeError, RuntimeError):
                self.optimizer = torch.optim.SGD(self.model.parameters(), foreach=True, **settings)
        self.run = self.captured() if variant == "graph" else self.once

    def forward(self):
        with torch.autocast(self.images.device.type, torch.bfloat16, enabled=self.half, cache_enabled=False):
            if self.name == "resnet20-slimmable":
                return [self.call(self.images, row)[-1] for row in range(len(RATIOS))]
            return [self.call(self.images)]

    def once(self):
        if self.mode == "infer":
            with torch.inference_mode():
                return self.forward()
        self.optimizer.zero_grad(set_to_none=True)
        sum(F.cross_entropy(logits.float(), self.labels) for logits in self.forward()).backward()
        return self.optimizer.step()

    def captured(self):
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.once()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.once()
        return graph.replay


def synchronise(device):
    if device.type == "cuda":
        torch.cuda.synchronize()


def median_ms(run, device, seconds, calls):
    for _ in range(3):
        run()
    synchronise(device)
    times, end = [], time.monotonic() + seconds
    while time.monotonic() < end or len(times) < 3:
        start = time.perf_counter()
        for _ in range(calls):
            run()
        synchronise(device)
        times.append((time.perf_counter() - start) / calls)
    return 1e3 * statistics.median(times)


def steps(options, device):
    rows = []
    for name in options.nets.split(","):
        for batch in map(int, options.batches.split(",")):
            for variant in options.variants.split(","):
                if name in HOST_DRAWN and variant not in ("eager", "nhwc", "bf16"):
                    continue
                row = {"net": name, "batch": batch, "mode": options.mode, "variant": variant}
                try:
                    torch.manual_seed(1)
                    step = Step(name, batch, options.mode, variant, device)
                    row["median_ms"] = median_ms(step.run, device, options.seconds, CALLS if device.type == "cuda" else 1)
                except Exception as error:  # noqa: BLE001  what a variant cannot do is part of the result
                    row["error"] = f"{type(error).__name__}: {error}"[:300]
                rows.append(row)
                print(f"  PyTorch {name} {batch} {options.mode} {variant}: {row.get('median_ms', row.get('error'))}", file=sys.stderr, flush=True)
                step = None
                if hasattr(torch, "_dynamo"):
                    torch._dynamo.reset()
    return rows


def ceilings(device):
    """Bytes per second of a device copy, read and written, and bf16 and TF32 operations per second of a large product on random data."""
    cuda = device.type == "cuda"
    size = 1 << (31 if cuda else 26)
    source = torch.randint(0, 255, (size,), dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    found = {"copy_bytes_per_s": 2e3 * size / median_ms(lambda: target.copy_(source), device, 1.0, 5)}
    n = 8192 if cuda else 512
    for name, dtype in (("bf16_flops", torch.bfloat16), ("tf32_flops", torch.float32)):
        a, b = (torch.randn(n, n, device=device).to(dtype) for _ in range(2))
        found[name] = 2e3 * n ** 3 / median_ms(lambda: a @ b, device, 1.0, 5)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["ceilings", "steps"])
    parser.add_argument("--mode", choices=["train", "infer"], default="train")
    parser.add_argument("--nets", default="resnet20")
    parser.add_argument("--batches", default="128")
    parser.add_argument("--variants", default="eager,nhwc,bf16,graph,compile,compile-graph")
    parser.add_argument("--seconds", type=float, default=1.0, help="of measuring, per row")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda", help="cpu: to try the script without a GPU")
    options = parser.parse_args()
    unknown = set(options.nets.split(",")) - set(NETS)
    if unknown:
        parser.error(f"unknown nets {' '.join(sorted(unknown))}; known: {' '.join(NETS)}")
    device = torch.device(options.device)
    if options.device == "cuda":
        if not torch.cuda.is_available():
            sys.exit("PyTorch sees no GPU here")
        torch.backends.cudnn.benchmark = True
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    report = {"torch": torch.__version__, "device": torch.cuda.get_device_name() if options.device == "cuda" else "cpu"}
    if options.what == "ceilings":
        report.update(ceilings(device))
    else:
        report["rows"] = steps(options, device)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
