#!/usr/bin/env python3
"""Times Pliant against PyTorch in its fastest setting, in turns (A B A B ...), and prints the ratio of every round.

Both compute the same net on one batch of random images that lies in memory, in float32 on the CPU with the same number of
threads, each in a process of its own. A round is one run of each; its figures are the medians of the steps in that run.
Absolute figures drift with whatever else the machine does, so only the ratios within a round say something.

PyTorch's setting: channels_last, oneDNN on, threads pinned (OMP_PROC_BIND) and an allocator that keeps its pages (tcmalloc
if installed, else glibc told not to trim); SGD with foreach where that version has it.
"""
import argparse
import datetime
import glob
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
NETS = ["resnet20", "lenet5", "vgg16"]


def child(options):
    """Runs in the process that measures PyTorch; prints one JSON object."""
    import torch
    sys.path.insert(0, str(HERE.parent / "tests" / "parity"))
    import torch_nets

    torch.manual_seed(1)
    torch.set_num_threads(options.threads)
    model = {"resnet20": lambda: torch_nets.ResNet(20), "lenet5": torch_nets.LeNet5, "vgg16": torch_nets.Vgg16}[options.child]()
    model = model.to(memory_format=torch.channels_last)
    images = torch.rand(options.batch, *model.sample).mul(2).sub(1).to(memory_format=torch.channels_last)
    labels = torch.randint(0, model.classes, (options.batch,))
    if options.mode == "train":
        model.train()
        settings = {"lr": 1e-3, "momentum": 0.9, "weight_decay": 5e-4}
        try:
            optimizer = torch.optim.SGD(model.parameters(), foreach=True, **settings)
        except TypeError:
            optimizer = torch.optim.SGD(model.parameters(), **settings)

        def step():
            optimizer.zero_grad(set_to_none=True)
            torch.nn.functional.cross_entropy(model(images), labels).backward()
            optimizer.step()
    else:
        model.eval()

        def step():
            with torch.inference_mode():
                model(images)

    for _ in range(3):
        step()
    times, end = [], time.monotonic() + options.seconds
    while time.monotonic() < end or len(times) < 3:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    print(json.dumps({"median_ms": 1e3 * statistics.median(times), "steps": len(times), "version": torch.__version__,
                      "threads": torch.get_num_threads(), "mkldnn": torch.backends.mkldnn.is_available()}))


def peer_environment(options):
    environment = dict(os.environ, OMP_NUM_THREADS=str(options.threads), OMP_PROC_BIND="true")
    found = sorted(glob.glob("/usr/lib/*/libtcmalloc*.so.4")) + sorted(glob.glob("/usr/lib/*/libtcmalloc*.so"))
    if found:
        environment["LD_PRELOAD"] = found[0]
        return environment, found[0]
    limits = ":".join(f"glibc.malloc.{name}=4294967296" for name in ("trim_threshold", "mmap_threshold", "top_pad"))
    environment["GLIBC_TUNABLES"] = limits.replace("top_pad=4294967296", "top_pad=67108864")
    return environment, "glibc without trimming"


def run_json(command, environment):
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode != 0 or not done.stdout.strip():
        sys.exit(f"{' '.join(command)} failed ({done.returncode}):\n{done.stderr.strip()}")
    return json.loads(done.stdout)


def run_peer(options, net, mode):
    environment, _ = peer_environment(options)
    return run_json([options.python, str(HERE / "compare_pytorch.py"), "--child", net, "--mode", mode, "--batch",
                     str(options.batch), "--threads", str(options.threads), "--seconds", str(options.seconds)], environment)


def run_ours(options, net, mode):
    cores = sorted(os.sched_getaffinity(0))[:options.threads]
    report = run_json(["taskset", "-c", ",".join(map(str, cores)), options.program,
                       f"--benchmark_filter=^cpu/{mode}/{net}/{options.batch}/", f"--benchmark_min_time={options.seconds}",
                       "--benchmark_format=json"], dict(os.environ, OMP_PROC_BIND="true"))
    row = report["benchmarks"][0]
    if row.get("error_occurred"):
        sys.exit(f"bench_step: {row['error_message']}")
    threads = int(report["context"]["cpu_threads"])
    if threads != options.threads:
        sys.exit(f"bench_step uses {threads} threads, PyTorch {options.threads}: pass --threads {threads}")
    return {"median_ms": row["median_ms"], "steps": row["iterations"]}


def compare(options, net, mode):
    rounds = []
    for number in range(options.rounds):
        load = os.getloadavg()[0]
        ours, peer = run_ours(options, net, mode), run_peer(options, net, mode)
        if peer["threads"] != options.threads:
            sys.exit(f"PyTorch uses {peer['threads']} threads instead of {options.threads}")
        rounds.append({"load": load, "ours_ms": ours["median_ms"], "peer_ms": peer["median_ms"],
                       "ratio": peer["median_ms"] / ours["median_ms"], "ours_steps": ours["steps"], "peer_steps": peer["steps"],
                       "version": peer["version"]})
        print(f"  {net} {mode}, round {number + 1}: {rounds[-1]['ratio']:.2f}", file=sys.stderr)
    ratios = [r["ratio"] for r in rounds]
    return {"net": net, "mode": mode, "batch": options.batch, "rounds": rounds, "ratio": statistics.median(ratios),
            "lowest": min(ratios), "highest": max(ratios),
            "ours_images_per_s": 1e3 * options.batch / statistics.median(r["ours_ms"] for r in rounds),
            "peer_images_per_s": 1e3 * options.batch / statistics.median(r["peer_ms"] for r in rounds)}


def cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown CPU"


def table(report):
    lines = [f"{report['cpu']}, {report['cores']} cores, {report['threads']} threads; PyTorch {report['pytorch']}, channels_last, "
             f"{report['allocator']}; OMP_WAIT_POLICY {report['wait_policy']} for both; batch {report['batch']}, float32, "
             f"{report['date']}; load average "
             f"{report['load_before']:.1f} before, {report['load_after']:.1f} after (this comparison itself adds up to "
             f"{report['threads']}).", "",
             "| net | step | Pliant images/s | PyTorch images/s | ratio (median of rounds) | lowest | highest | rounds |",
             "|---|---|---|---|---|---|---|---|"]
    for r in report["results"]:
        lines.append(f"| {r['net']} | {r['mode']} | {r['ours_images_per_s']:.0f} | {r['peer_images_per_s']:.0f} | "
                     f"{r['ratio']:.2f} | {r['lowest']:.2f} | {r['highest']:.2f} | {len(r['rounds'])} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(HERE.parent / "build" / "release" / "bench_step"), help="Pliant's bench_step")
    parser.add_argument("--nets", nargs="+", choices=NETS, default=["resnet20"])
    parser.add_argument("--modes", nargs="+", choices=["train", "infer"], default=["train", "infer"])
    parser.add_argument("--batch", type=int, default=128, help="128, or 1 with --modes infer: the rows that bench_step has")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="of measuring, per run")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--python", default="/usr/bin/python3", help="the interpreter that has PyTorch")
    parser.add_argument("--json", help="also write everything here")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--mode", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return child(options)
    if not os.access(options.program, os.X_OK):
        sys.exit(f"{options.program} is not there; configure with -DPLIANT_BENCHMARKS=ON and build bench_step")
    load_before = os.getloadavg()[0]
    results = [compare(options, net, mode) for net in options.nets for mode in options.modes]
    report = {"date": datetime.date.today().isoformat(), "cpu": cpu_model(), "cores": os.cpu_count(), "threads": options.threads,
              "pytorch": results[0]["rounds"][0]["version"], "allocator": peer_environment(options)[1], "batch": options.batch,
              "wait_policy": os.environ.get("OMP_WAIT_POLICY", "not set"), "load_before": load_before,
              "load_after": os.getloadavg()[0], "results": results}
    print(table(report))
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(report, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
