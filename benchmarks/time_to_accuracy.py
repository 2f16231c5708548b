#!/usr/bin/env python3
"""Seconds from the start of the program to the first epoch whose test accuracy reaches a target, for Pliant and for PyTorch in turns.

Everything counts: starting the program, reading and decoding the data, choosing plans, training, testing after every epoch. Both train
with the same recipe (peer_accuracy.py has it) from several seeds, each run in a process of its own that is ended when it has arrived. A
run that has not arrived after --epochs is reported as such, with its best accuracy, and leaves the median without a number.
--data holds MNIST as IDX files (mnist), or the binary version of CIFAR-10 (cifar10), which `pliant data fetch` downloads.
"""
import argparse
import csv
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
AUGMENTATION = {"mnist": "none", "cifar10": "crop:4,flip"}


def ended(process):
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def arrived(accuracies, target):
    return bool(accuracies) and max(accuracies) >= target


def ours(options, seed):
    with tempfile.TemporaryDirectory() as folder:
        run, log = pathlib.Path(folder) / "run", pathlib.Path(folder) / "log"
        command = [options.pliant, "train", options.net, "--data", options.data, "--dataset", options.dataset, "--device", options.device,
                   "--threads", options.threads, "--epochs", options.epochs, "--batch", options.batch, "--lr", options.lr, "--momentum", 0.9,
                   "--nesterov", "--weight-decay", options.weight_decay, "--schedule", "cosine", "--augment", AUGMENTATION[options.dataset],
                   "--validation", 0, "--log-test", "--seed", seed, "--precision", "bf16" if options.device == "cuda" else "f32", "--out", run]
        begin = time.monotonic()
        with open(log, "w") as output:
            process = subprocess.Popen(list(map(str, command)), stdout=output, stderr=output)
            accuracies = []
            while True:
                over = process.poll() is not None  # asked before the table is read, so that its last line is seen
                table = run / "metrics.csv"
                if table.exists():
                    accuracies = [float(row["test_accuracy"]) for row in csv.DictReader(table.read_text().splitlines()) if row.get("test_accuracy")]
                seconds = time.monotonic() - begin
                if over or arrived(accuracies, options.target):
                    break
                time.sleep(0.02)
            ended(process)
        if not accuracies:
            sys.exit(f"{' '.join(map(str, command))} wrote no test accuracy:\n{log.read_text()[-2000:]}")
    return {"seconds": seconds, "accuracies": accuracies}


def peer(options, seed):
    command = [options.python, HERE / "peer_accuracy.py", "--net", options.net, "--dataset", options.dataset, "--data", options.data, "--device",
               options.device, "--epochs", options.epochs, "--batch", options.batch, "--lr", options.lr, "--weight-decay", options.weight_decay,
               "--threads", options.threads, "--seed", seed]
    environment = dict(os.environ, OMP_NUM_THREADS=str(options.threads), OMP_PROC_BIND="true")
    begin, accuracies = time.monotonic(), []
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    for line in process.stdout:
        accuracies.append(json.loads(line)["test_accuracy"])
        if arrived(accuracies, options.target):
            break
    seconds = time.monotonic() - begin
    ended(process)
    if not accuracies:
        sys.exit(f"{' '.join(map(str, command))} gave no accuracy:\n{process.stderr.read()[-2000:]}")
    return {"seconds": seconds, "accuracies": accuracies}


def summary(runs, target):
    there = [run for run in runs if arrived(run["accuracies"], target)]
    return {"runs": len(runs), "arrived": len(there), "best_accuracy": max(max(run["accuracies"]) for run in runs),
            "median_seconds": statistics.median(run["seconds"] for run in runs) if len(there) == len(runs) else None,
            "median_epochs": statistics.median(len(run["accuracies"]) for run in runs) if len(there) == len(runs) else None}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pliant", default=HERE.parent / "build" / "release" / "pliant")
    parser.add_argument("--net", default="resnet20")
    parser.add_argument("--dataset", choices=list(AUGMENTATION), default="cifar10")
    parser.add_argument("--data", required=True)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda")
    parser.add_argument("--target", type=float, default=0.90, help="test accuracy, 0 to 1")
    parser.add_argument("--epochs", type=int, default=30, help="over which the learning rate falls to 0")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--weight-decay", type=float, default=5e-4)
    parser.add_argument("--runs", type=int, default=3, help="of each, with the seeds 1, 2, ...")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--python", default="/usr/bin/python3", help="the interpreter that has PyTorch")
    parser.add_argument("--no-peer", action="store_true", help="Pliant alone")
    parser.add_argument("--json", help="also write everything here")
    options = parser.parse_args()
    sides = {"Pliant": ours} if options.no_peer else {"Pliant": ours, "PyTorch": peer}
    runs = {name: [] for name in sides}
    for seed in range(1, options.runs + 1):
        for name, run in sides.items():
            runs[name].append(run(options, seed))
            last = runs[name][-1]
            print(f"  {name}, seed {seed}: {last['seconds']:.1f} s, {len(last['accuracies'])} epochs, best {max(last['accuracies']):.4f}", file=sys.stderr)
    report = {"net": options.net, "dataset": options.dataset, "device": options.device, "target": options.target, "epochs": options.epochs,
              "batch": options.batch, "lr": options.lr, "weight_decay": options.weight_decay, "runs": runs,
              "summary": {name: summary(all_runs, options.target) for name, all_runs in runs.items()}}
    print(f"{options.net} on {options.dataset}, {options.device}, to {100 * options.target:g} % test accuracy\n\n"
          "| | runs | arrived | median seconds | median epochs | best accuracy |\n|---|---|---|---|---|---|")
    for name, s in report["summary"].items():
        seconds = "none: not all arrived" if s["median_seconds"] is None else f"{s['median_seconds']:.1f} | {s['median_epochs']:g}"
        print(f"| {name} | {s['runs']} | {s['arrived']} | {seconds}{' | ' if s['median_seconds'] is None else ''} | {s['best_accuracy']:.4f} |")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(report, indent=1) + "\n")
    return 0 if all(s["arrived"] == s["runs"] for s in report["summary"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
