#!/usr/bin/env python3
"""Times Pliant against PyTorch in its fastest setting on the CPU, in turns (A B A B ...), and prints the ratio of every round.

Both compute the same net on one batch of random images that lies in memory, with the same number of threads, each in a process of its
own. A round is one run of each; its figures are the medians of the steps in that run. Absolute figures drift with whatever else the
machine does, so only the ratios within a round say something; the copy and the product that the machine reached stand beside them.

Workloads: train and infer of a net at --batch, latency (inference of one image), train-bf16, and sgd (one step over 10 million
parameters). Pliant's inference is that of a folded net (pliant fold).

PyTorch's settings: channels_last, oneDNN on, threads pinned (OMP_PROC_BIND), an allocator that keeps its pages (tcmalloc if installed,
else glibc told not to trim), SGD with foreach where that version has it; inference is timed plain and frozen with
torch.jit.optimize_for_inference, and the faster of the two counts.
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

HERE = pathlib.Path(__file__).resolve().parent
NETS = ["lenet5", "resnet20", "resnet56", "vgg16", "resnet110", "mobilenet-v1", "densenet40"]
WORKLOADS = ["train", "infer", "latency", "train-bf16", "sgd"]
SGD_SIZE = 10_000_000


def peer_environment(options):
    environment = dict(os.environ, OMP_NUM_THREADS=str(options.threads), OMP_PROC_BIND="true")
    found = sorted(glob.glob("/usr/lib/*/libtcmalloc*.so.4")) + sorted(glob.glob("/usr/lib/*/libtcmalloc*.so"))
    found = [path for path in found if "debug" not in path]
    if found:
        environment["LD_PRELOAD"] = found[0]
        return environment, pathlib.Path(found[0]).name
    limits = ":".join(f"glibc.malloc.{name}=4294967296" for name in ("trim_threshold", "mmap_threshold", "top_pad"))
    environment["GLIBC_TUNABLES"] = limits.replace("top_pad=4294967296", "top_pad=67108864")
    return environment, "glibc without trimming"


def run_json(command, environment):
    done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True)
    if done.returncode != 0 or not done.stdout.strip():
        sys.exit(f"{' '.join(map(str, command))} failed ({done.returncode}):\n{done.stderr.strip()}")
    return json.loads(done.stdout)


def peer_settings(workload):
    return {"infer": ["nhwc", "frozen"], "latency": ["nhwc", "frozen"], "train-bf16": ["bf16"]}.get(workload, ["nhwc"])


def run_peer(options, net, workload):
    environment, _ = peer_environment(options)
    mode = "infer" if workload == "latency" else workload.split("-")[0]
    batch = 1 if workload == "latency" else options.batch
    runs = []
    for setting in peer_settings(workload):
        run = run_json([options.python, HERE / "peer_cpu.py", "--net", net, "--mode", mode, "--setting", setting, "--batch", batch,
                        "--threads", options.threads, "--seconds", options.seconds], environment)
        if run["threads"] != options.threads:
            sys.exit(f"PyTorch uses {run['threads']} threads instead of {options.threads}")
        runs.append(dict(run, setting=setting))
    return min(runs, key=lambda run: run["median_ms"])


def pinned(options, command):
    cores = sorted(os.sched_getaffinity(0))[:options.threads]
    return run_json(["taskset", "-c", ",".join(map(str, cores)), *command], dict(os.environ, OMP_PROC_BIND="true"))


def run_ours(options, net, workload):
    if workload == "sgd":
        report = pinned(options, [options.pliant, "bench", "--filter", "sgd", "--shape", SGD_SIZE, "--seconds", options.seconds,
                                  "--threads", options.threads, "--json"])
        return {"median_ms": report["rows"][0]["median_ms"], "steps": report["rows"][0]["samples"]}
    row = {"train": f"train/{net}/{options.batch}/manual_time", "train-bf16": f"train/{net}/{options.batch}/bf16/",
           "infer": f"infer/{net}/{options.batch}/folded/", "latency": f"infer/{net}/1/folded/"}[workload]
    report = pinned(options, [options.program, f"--benchmark_filter=^cpu/{row}", f"--benchmark_min_time={options.seconds}",
                              "--benchmark_format=json"])
    result = report["benchmarks"][0]
    if result.get("error_occurred"):
        sys.exit(f"bench_step: {result['error_message']}")
    threads = int(report["context"]["cpu_threads"])
    if threads != options.threads:
        sys.exit(f"bench_step uses {threads} threads, PyTorch {options.threads}: pass --threads {threads}")
    return {"median_ms": result["median_ms"], "steps": result["iterations"], "grown_mib": result["grown_mib"],
            "late_requests": result["late_requests"]}


def ceilings(options):
    """GB/s of a copy beyond the caches and GFLOP/s of a product in f32, all threads, as the machine gives them now."""
    common = ["--threads", options.threads, "--seconds", 0.2, "--json"]
    copy = pinned(options, [options.pliant, "bench", "--filter", "relu", *common])
    product = pinned(options, [options.pliant, "bench", "--filter", "linear", *common])
    return {"copy_gbytes_per_s": copy["copy_gbytes_per_s"], "product_gflops_per_s": product["product_gflops_per_s"]}


def compare(options, net, workload):
    rounds = []
    for number in range(options.rounds):
        limits, load = ceilings(options), os.getloadavg()[0]
        ours, peer = run_ours(options, net, workload), run_peer(options, net, workload)
        rounds.append({"load": load, **limits, "ours": ours, "peer": peer, "ratio": peer["median_ms"] / ours["median_ms"]})
        print(f"  {net} {workload}, round {number + 1}: {rounds[-1]['ratio']:.2f}", file=sys.stderr)
    ratios = [r["ratio"] for r in rounds]
    middle = {side: statistics.median(r[side]["median_ms"] for r in rounds) for side in ("ours", "peer")}
    return {"net": net, "workload": workload, "rounds": rounds, "ratio": statistics.median(ratios), "lowest": min(ratios),
            "highest": max(ratios), "ours_ms": middle["ours"], "peer_ms": middle["peer"]}


def memory(row):
    if row["workload"] == "sgd":
        return "", ""
    most = {side: max(r[side]["grown_mib"] for r in row["rounds"]) for side in ("ours", "peer")}
    requests = max(r["ours"]["late_requests"] for r in row["rounds"])
    return f"{most['ours']:.0f} / {most['peer']:.0f}", f"{requests:.0f}"


def table(report):
    lines = [f"{report['cpu']}, {report['cores']} cores, {report['threads']} threads; PyTorch {report['pytorch']}, channels_last, "
             f"{report['allocator']}; OMP_WAIT_POLICY {report['wait_policy']} for both; batch {report['batch']}, "
             f"{report['date']}; load average "
             f"{report['load_before']:.1f} before, {report['load_after']:.1f} after (this comparison itself adds up to "
             f"{report['threads']}); copy {report['copy'][0]:.0f} to {report['copy'][1]:.0f} GB/s, product {report['product'][0]:.0f} to "
             f"{report['product'][1]:.0f} GFLOP/s over the rounds.", "",
             "| net | workload | Pliant ms | PyTorch ms | its setting | ratio (median of rounds) | lowest | highest | rounds | MiB, ours / its "
             "| late requests |",
             "|---|---|---|---|---|---|---|---|---|---|---|"]
    for r in report["results"]:
        grown, requests = memory(r)
        settings = "/".join(sorted({one["peer"]["setting"] for one in r["rounds"]}))
        lines.append(f"| {r['net']} | {r['workload']} | {r['ours_ms']:.4g} | {r['peer_ms']:.4g} | {settings} | {r['ratio']:.2f} | "
                     f"{r['lowest']:.2f} | {r['highest']:.2f} | {len(r['rounds'])} | {grown} | {requests} |")
    return "\n".join(lines)


def cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown CPU"


def main():
    build = HERE.parent / "build" / "release"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(build / "bench_step"), help="Pliant's bench_step")
    parser.add_argument("--pliant", default=str(build / "pliant"), help="the program, for its bench verb")
    parser.add_argument("--nets", nargs="+", choices=NETS, default=NETS[:4])
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=["train", "infer", "latency", "sgd"])
    parser.add_argument("--batch", type=int, default=128, help="one of the batch sizes that bench_step has")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of measuring, per run")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--python", default="/usr/bin/python3", help="the interpreter that has PyTorch")
    parser.add_argument("--json", help="also write everything here")
    options = parser.parse_args()
    for program in (options.program, options.pliant):
        if not os.access(program, os.X_OK):
            sys.exit(f"{program} is not there; configure with -DPLIANT_BENCHMARKS=ON and build it")
    load_before = os.getloadavg()[0]
    pairs = [(net, workload) for net in options.nets for workload in options.workloads if workload != "sgd"]
    pairs += [("10 M parameters", "sgd")] if "sgd" in options.workloads else []
    results = [compare(options, net if workload != "sgd" else "lenet5", workload) for net, workload in pairs]
    for (net, _), result in zip(pairs, results):
        result["net"] = net
    rounds = [one for r in results for one in r["rounds"]]

    def span(name):
        return [min(one[name] for one in rounds), max(one[name] for one in rounds)]
    report = {"date": datetime.date.today().isoformat(), "cpu": cpu_model(), "cores": os.cpu_count(), "threads": options.threads,
              "pytorch": rounds[0]["peer"]["version"], "allocator": peer_environment(options)[1], "batch": options.batch,
              "wait_policy": os.environ.get("OMP_WAIT_POLICY", "not set"), "load_before": load_before,
              "load_after": os.getloadavg()[0], "copy": span("copy_gbytes_per_s"), "product": span("product_gflops_per_s"),
              "results": results}
    print(table(report))
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(report, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
