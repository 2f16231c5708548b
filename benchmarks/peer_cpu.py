#!/usr/bin/env python3
"""Times PyTorch on the CPU in one setting and prints one JSON object; compare_pytorch.py calls it.

usage: peer_cpu.py --net NET --mode train|infer|sgd --setting nhwc|bf16|frozen [--batch N] [--threads N] [--seconds S]

  nhwc    float32, channels_last                bf16    the same under autocast(bfloat16)
  frozen  float32, channels_last, traced, frozen and optimised for inference: batch norm folded, ReLU fused
  sgd     one step of SGD with momentum and weight decay over 10 million parameters in one tensor and in the tensors of the net
"""
import argparse
import contextlib
import json
import pathlib
import statistics
import sys
import time

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "parity"))
import torch_nets  # noqa: E402

NETS = {"lenet5": torch_nets.LeNet5, "resnet20": lambda: torch_nets.ResNet(20), "resnet56": lambda: torch_nets.ResNet(56),
        "resnet110": lambda: torch_nets.ResNet(110), "vgg16": torch_nets.Vgg16, "mobilenet-v1": torch_nets.MobileNetV1,
        "densenet40": torch_nets.DenseNet40}


def sgd(parameters):
    settings = {"lr": 1e-3, "momentum": 0.9, "weight_decay": 5e-4}
    try:
        return torch.optim.SGD(parameters, foreach=True, **settings)
    except TypeError:  # older than foreach
        return torch.optim.SGD(parameters, **settings)


def resident_kib(name):
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    sys.exit(f"/proc/self/status has no {name}")


def train_step(model, images, labels, setting):
    model.train()
    optimizer = sgd(model.parameters())
    cast = (lambda: torch.autocast("cpu", dtype=torch.bfloat16)) if setting == "bf16" else contextlib.nullcontext

    def step():
        optimizer.zero_grad(set_to_none=True)
        with cast():
            loss = torch.nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
    return step


def infer_step(model, images, setting):
    model.eval()
    if setting == "frozen":
        with torch.no_grad():
            model = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(model, images)))
    cast = (lambda: torch.autocast("cpu", dtype=torch.bfloat16)) if setting == "bf16" else contextlib.nullcontext

    def step():
        with torch.inference_mode(), cast():
            model(images)
    return step


def sgd_step():
    parameter = torch.nn.Parameter(torch.zeros(10_000_000))
    parameter.grad = torch.rand_like(parameter)
    return sgd([parameter]).step


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--net", choices=NETS, default="resnet20")
    parser.add_argument("--mode", choices=["train", "infer", "sgd"], required=True)
    parser.add_argument("--setting", choices=["nhwc", "bf16", "frozen"], default="nhwc")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=3.0)
    options = parser.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(options.threads)
    before = resident_kib("VmRSS")
    if options.mode == "sgd":
        step = sgd_step()
    else:
        model = NETS[options.net]()
        sample, classes = model.sample, model.classes
        model = model.to(memory_format=torch.channels_last)
        images = torch.rand(options.batch, *sample).mul(2).sub(1).to(memory_format=torch.channels_last)
        labels = torch.randint(0, classes, (options.batch,))
        step = train_step(model, images, labels, options.setting) if options.mode == "train" else infer_step(model, images, options.setting)
    for _ in range(5):
        step()
    times, end = [], time.monotonic() + options.seconds
    while time.monotonic() < end or len(times) < 3:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    print(json.dumps({"median_ms": 1e3 * statistics.median(times), "steps": len(times), "grown_mib": (resident_kib("VmHWM") - before) / 1024,
                      "version": torch.__version__, "threads": torch.get_num_threads(), "mkldnn": torch.backends.mkldnn.is_available()}))


if __name__ == "__main__":
    main()
