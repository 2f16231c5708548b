#!/usr/bin/env python3
"""Puts what gpu_check.sh left in a folder into report.json and report.md: outcomes, every test, every figure beside its floor.

usage: gpu_report.py FOLDER --build DIR --form quick|full --nvcc FILE
Ends with 1 where a stage failed, a test failed or was skipped, or no test ran.
"""
import argparse
import csv
import datetime
import glob
import json
import os
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree as xml


def said_by(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def versions(options):
    cache = pathlib.Path(options.build, "CMakeCache.txt")
    entries = dict(re.findall(r"^(\w+):\w+=(.*)$", cache.read_text(), re.MULTILINE)) if cache.exists() else {}
    found = {"date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%MZ"), "form": options.form,
             "commit": said_by("git", "rev-parse", "--short", "HEAD"), "architectures": entries.get("CMAKE_CUDA_ARCHITECTURES", "")}
    card = said_by("nvidia-smi", "--query-gpu=name,driver_version,memory.total,clocks.sm,clocks.max.sm,clocks.mem,clocks.max.mem", "--format=csv,noheader")
    names = ("device", "driver", "memory", "clock_sm", "clock_sm_max", "clock_memory", "clock_memory_max")
    found.update(zip(names, (part.strip() for part in card.splitlines()[0].split(",")) if card else []))
    found["cuda"] = next(iter(re.findall(r"release ([\d.]+)", said_by(options.nvcc, "--version"))), "")
    doctor = said_by(str(pathlib.Path(options.build, "pliant")), "doctor")
    found["cudnn"] = next(iter(re.findall(r"cuDNN\D*([\d.]+)", doctor)), "")
    return found


def stages(folder):
    rows = {}
    path = folder / "outcomes.csv"
    if path.exists():
        for stage, outcome, seconds, reason in csv.reader(path.open()):
            rows[stage] = {"stage": stage, "outcome": outcome, "seconds": int(seconds), "said": reason}
    return list(rows.values())


def tests(folder):
    rows = []
    for path in sorted(folder.glob("test_*.xml")):
        try:
            cases = xml.parse(path).getroot().iter("testcase")
        except xml.ParseError as error:  # the program died while it wrote
            rows.append({"program": path.stem, "name": f"whole program: {error}", "outcome": "failed", "seconds": 0.0})
            continue
        for case in cases:
            bad = case.find("failure") is not None or case.find("error") is not None
            rows.append({"program": path.stem, "name": case.get("name"), "seconds": float(case.get("time") or 0.0),
                         "outcome": "failed" if bad else "skipped" if case.find("skipped") is not None else "passed"})
    return rows


def benchmarks(folder):
    """Kernels with the share of the copy rate of the same run, convolutions and ladder steps with what they report."""
    kept = ("median_ms", "gbytes_per_s", "of_copy", "gflops_per_s", "images_per_s")
    rows = []
    for path in sorted(glob.glob(str(folder / "bench_*.json"))):
        try:
            report = json.loads(pathlib.Path(path).read_text())
        except ValueError:
            continue
        for row in report.get("benchmarks", report.get("rows", [])):
            rows.append({"program": pathlib.Path(path).stem, "name": row["name"].removesuffix("/manual_time"),
                         **{key: row[key] for key in kept if key in row}, **({"error": row["error_message"]} if row.get("error_occurred") else {})})
    return rows


def markdown(report):
    v, counts = report["versions"], report["counts"]
    lines = [f"# Pliant on {v.get('device', 'no card')}, {v['date']}", "",
             f"`gpu_check.sh {v['form']}`, commit {v['commit']}, CUDA {v['cuda']}, cuDNN {v['cudnn']}, driver {v.get('driver', '-')}, "
             f"built for {v['architectures']}. "
             f"Clocks: SM {v.get('clock_sm', '-')} of {v.get('clock_sm_max', '-')}, "
             f"memory {v.get('clock_memory', '-')} of {v.get('clock_memory_max', '-')}.", "",
             "| stage | outcome | seconds | last words |", "|---|---|---|---|"]
    lines += [f"| {s['stage']} | {s['outcome']} | {s['seconds']} | {s['said'].replace('|', '/')} |" for s in report["stages"]]
    lines += ["", f"Tests on the card: {counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped."]
    lines += [f"- {t['outcome']}: {t['program']}: {t['name']}" for t in report["tests"] if t["outcome"] != "passed"]
    memory = [b for b in report["benchmarks"] if "of_copy" in b]
    if memory:
        lines += ["", "## Kernels bound by memory", "", "The floor is the copy of as many bytes in the same process.", "",
                  "| row | median ms | GB/s | share of the copy rate |", "|---|---|---|---|"]
        lines += [f"| {b['name']} | {b['median_ms']:.4f} | {b['gbytes_per_s']:,.0f} | {b['of_copy']:.0%} |" for b in memory]
    arithmetic = [b for b in report["benchmarks"] if "gflops_per_s" in b and "of_copy" not in b]
    if arithmetic:
        lines += ["", "## Convolutions and products", "", "| row | median ms | GFLOP/s (nominal) |", "|---|---|---|"]
        lines += [f"| {b['name']} | {b['median_ms']:.4f} | {b['gflops_per_s']:,.0f} |" for b in arithmetic]
    lines += [f"- failed: {b['name']}: {b['error']}" for b in report["benchmarks"] if "error" in b]
    if report["pytorch"]:
        sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "benchmarks"))
        import compare_gpu
        lines += ["", "## Beside PyTorch", "", compare_gpu.table(report["pytorch"])]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--build", required=True)
    parser.add_argument("--form", required=True)
    parser.add_argument("--nvcc", required=True)
    options = parser.parse_args()
    all_tests = tests(options.folder)
    compared = options.folder / "pytorch.json"
    report = {"versions": versions(options), "stages": stages(options.folder), "tests": all_tests,
              "counts": {o: sum(t["outcome"] == o for t in all_tests) for o in ("passed", "failed", "skipped")},
              "benchmarks": benchmarks(options.folder), "pytorch": json.loads(compared.read_text()) if compared.exists() else None}
    bad = [s["stage"] for s in report["stages"] if s["outcome"] == "failed"]
    good = bool(report["counts"]["passed"]) and not bad and not report["counts"]["failed"] and not report["counts"]["skipped"]
    report["passed"] = good
    for name, text in (("report.json", json.dumps(report, indent=1) + "\n"), ("report.md", markdown(report))):
        temporary = options.folder / (name + ".tmp")
        temporary.write_text(text)
        os.replace(temporary, options.folder / name)
    print(f"{report['counts']['passed']} passed, {report['counts']['failed']} failed, {report['counts']['skipped']} skipped on the card"
          + (f"; failed stages: {' '.join(bad)}" if bad else ""))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
