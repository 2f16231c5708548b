#!/usr/bin/env python3
"""Times Pliant's and PyTorch's steps on one GPU in turns (A B A B ...) and prints both beside what the card allows.

A round is one run of bench_step and one of peer_gpu.py, each in a process of its own; the ratio of a row is that of PyTorch's fastest
variant to Pliant's fastest row, medians over the rounds. The ceilings (copy, bf16 product) are measured in the same command.

floor: no step can be faster than max(operations / product rate, bytes / copy rate), with operations 2 per multiply-accumulate, twice as
many again in the backward pass (without the gradient of the images), and bytes the passes over every convolution's output that cannot be
avoided (training: written, read; its gradient written, read, output read once more; inference: written, read) in 2 bytes per element.
"""
import argparse
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
NETS = ["resnet20", "resnet56", "resnet110", "vgg16", "mobilenet-v1", "densenet40", "resnet20-slimmable", "resnet110-depth"]
WIDTHS = ("1.0", "0.75", "0.5", "0.25")


def run_json(command, environment=None):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=environment)
    if done.returncode != 0 or not done.stdout.strip():
        sys.exit(f"{' '.join(map(str, command))} failed ({done.returncode}):\n{done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout)


def peer(options, *arguments):
    return run_json([options.python, HERE / "peer_gpu.py", *arguments, "--device", options.device])


def ours(options, mode):
    """Median milliseconds of every row PLACE/mode/net/batch[/form], by (net, batch), then by form."""
    place = "cuda" if options.device == "cuda" else "cpu"
    nets, batches = "|".join(options.nets), "|".join(map(str, options.batches))
    report = run_json([options.bench_step, f"--benchmark_filter=^{place}/{mode}/({nets})/({batches})/", f"--benchmark_min_time={options.seconds}",
                       "--benchmark_format=json"])
    rows = {}
    for row in report["benchmarks"]:
        parts = row["name"].removesuffix("/manual_time").split("/")
        if row.get("error_occurred"):
            sys.exit(f"bench_step: {row['name']}: {row['error_message']}")
        rows.setdefault((parts[2], int(parts[3])), {})["/".join(parts[4:]) or "f32"] = row["median_ms"]
    return rows


def cost(options, net, mode):
    """Operations and bytes per image that nobody can avoid; several widths add up, gates count by how often they are open."""
    plain, _, form = net.partition("-") if net.startswith("resnet") else (net, "", "")
    flags = [["--widths", ",".join(reversed(WIDTHS))]] if form == "slimmable" else [[]]
    described = run_json([options.pliant, "info", plain, *flags[0], "--json"])
    layers = [layer for layer in described["layers"] if layer["type"].split()[0] in ("conv2d", "depthwise", "linear")]
    macs = float(sum(layer["macs"] for layer in layers))
    elements = 0.0
    for layer in layers:
        size = 1
        for extent in layer["output"]:
            size *= extent
        elements += size
    first = layers[0]["macs"]
    share = 1.0
    if form == "slimmable":
        share = sum(float(width) ** 2 for width in WIDTHS)
        elements *= sum(map(float, WIDTHS))
    if form == "depth":
        blocks = (int(plain.removeprefix("resnet")) - 2) // 2
        share = sum(1.0 - 0.5 * block / blocks for block in range(1, blocks + 1)) / blocks
        elements *= share
    if mode == "infer":
        return 2 * macs * share, 2 * 2 * elements
    return 2 * (3 * macs * share - first), 5 * 2 * elements


def compare(options, mode, ceilings):
    seen_ours, seen_peer = [], []
    for number in range(options.rounds):
        print(f"{mode}, round {number + 1}", file=sys.stderr, flush=True)
        seen_ours.append(ours(options, mode))
        seen_peer.append(peer(options, "steps", "--mode", mode, "--nets", ",".join(options.nets), "--batches", ",".join(map(str, options.batches)),
                              "--variants", options.variants, "--seconds", str(options.seconds))["rows"])
    results = []
    for net in options.nets:
        for batch in options.batches:
            if not all((net, batch) in rows for rows in seen_ours):
                continue  # bench_step has no such row: gates and several widths are for training
            forms = {form: statistics.median(rows[net, batch][form] for rows in seen_ours) for form in seen_ours[0][net, batch]}
            variants, errors = {}, {}
            for row in (row for rows in seen_peer for row in rows if row["net"] == net and row["batch"] == batch):
                if "error" in row:
                    errors[row["variant"]] = row["error"]
                else:
                    variants.setdefault(row["variant"], []).append(row["median_ms"])
            variants = {name: statistics.median(times) for name, times in variants.items()}
            operations, moved = (batch * figure for figure in cost(options, net, mode))
            floor = 1e3 * max(operations / ceilings["bf16_flops"], moved / ceilings["copy_bytes_per_s"])
            our_best, peer_best = min(forms, key=forms.get), min(variants, key=variants.get, default=None)
            results.append({"net": net, "batch": batch, "mode": mode, "ours_ms": forms, "ours_best": our_best, "peer_ms": variants,
                            "peer_best": peer_best, "peer_errors": errors, "floor_ms": floor,
                            "ours_images_per_s": 1e3 * batch / forms[our_best],
                            "peer_images_per_s": 1e3 * batch / variants[peer_best] if peer_best else None,
                            "ratio": variants[peer_best] / forms[our_best] if peer_best else None,
                            "ratio_to_eager": variants["eager"] / forms[our_best] if "eager" in variants else None,
                            "share_of_floor": floor / forms[our_best]})
    return results


def table(report):
    def number(value, form):
        return "-" if value is None else format(value, form)

    c = report["ceilings"]
    lines = [f"{report['device']}, PyTorch {report['torch']}, {report['date']}; {report['rounds']} rounds. Copy {c['copy_bytes_per_s'] / 1e9:,.0f} GB/s, "
             f"bf16 product {c['bf16_flops'] / 1e12:,.1f} TFLOP/s, TF32 {c['tf32_flops'] / 1e12:,.1f} TFLOP/s.", "",
             "| net | batch | step | Pliant images/s (form) | PyTorch's best images/s (variant) | ratio | to eager | share of the floor |",
             "|---|---|---|---|---|---|---|---|"]
    for r in report["results"]:
        lines.append(f"| {r['net']} | {r['batch']} | {r['mode']} | {r['ours_images_per_s']:,.0f} ({r['ours_best']}) | "
                     f"{number(r['peer_images_per_s'], ',.0f')} ({r['peer_best']}) | {number(r['ratio'], '.2f')} | "
                     f"{number(r['ratio_to_eager'], '.2f')} | {r['share_of_floor']:.1%} |")
    failed = [f"- {r['net']} {r['batch']} {r['mode']} {variant}: {error}" for r in report["results"] for variant, error in r["peer_errors"].items()]
    return "\n".join(lines + (["", "Variants that PyTorch could not run:", *failed] if failed else []))


def main():
    build = HERE.parent / "build" / "gpu"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench-step", default=build / "bench_step")
    parser.add_argument("--pliant", default=build / "pliant")
    parser.add_argument("--nets", nargs="+", choices=NETS, default=NETS)
    parser.add_argument("--batches", nargs="+", type=int, default=[128, 1024])
    parser.add_argument("--modes", nargs="+", choices=["train", "infer"], default=["train", "infer"])
    parser.add_argument("--variants", default="eager,nhwc,bf16,graph,compile,compile-graph", help="of PyTorch; compiling takes minutes")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.5, help="of measuring, per row")
    parser.add_argument("--python", default=sys.executable, help="the interpreter that has PyTorch")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda", help="cpu: to try the script without a GPU")
    parser.add_argument("--json", help="also write everything here")
    options = parser.parse_args()
    for program in (options.bench_step, options.pliant):
        if not os.access(program, os.X_OK):
            sys.exit(f"{program} is not there; configure with -DPLIANT_BENCHMARKS=ON and build it")
    ceilings = peer(options, "ceilings")
    report = {"date": datetime.date.today().isoformat(), "device": ceilings["device"], "torch": ceilings["torch"], "rounds": options.rounds,
              "ceilings": {name: ceilings[name] for name in ("copy_bytes_per_s", "bf16_flops", "tf32_flops")}, "results": []}
    for mode in options.modes:
        report["results"] += compare(options, mode, ceilings)
    print(table(report))
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(report, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
