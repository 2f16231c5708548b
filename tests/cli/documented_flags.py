#!/usr/bin/env python3
"""Fails unless docs/cli.md names exactly the verbs and flags that the program has, verb by verb.

usage: documented_flags.py PROGRAM docs/cli.md
"""
import re
import subprocess
import sys


def help_of(program, *words):
    return subprocess.run([program, *words, "--help"], check=True, capture_output=True, text=True).stdout


def verbs_in(text):
    return re.findall(r"^  ([a-z]+)  ", text.split("Subcommands:")[1], re.M) if "Subcommands:" in text else []


def flags_in(text):
    """Flags that a help text declares: at the beginning of a line, perhaps after a short form."""
    return set(re.findall(r"^\s+(?:-\w,)?(--[a-z0-9-]+)", text, re.M)) - {"--help"}


def main(program, page):
    with open(page, encoding="utf-8") as file:
        sections = dict(re.findall(r"^## pliant (\w+)\n(.*?)(?=^## |\Z)", file.read(), re.M | re.S))
    verbs = verbs_in(help_of(program))
    faults = [f"{page}: no section for the verb {verb}" for verb in verbs if verb not in sections]
    faults += [f"{page}: the program has no verb {verb}" for verb in sections if verb not in verbs]
    count = 0
    for verb in verbs:
        text = help_of(program, verb)
        flags = flags_in(text).union(*(flags_in(help_of(program, verb, part)) for part in verbs_in(text)))
        rows = "\n".join(line.split("|")[1] for line in sections.get(verb, "").splitlines() if line.startswith("| `--"))
        written = set(re.findall(r"--[a-z0-9-]+", rows))
        faults += [f"{page}: {verb}: {flag} is missing" for flag in sorted(flags - written)]
        faults += [f"{page}: {verb}: there is no {flag}" for flag in sorted(written - flags)]
        count += len(flags)
    if len(verbs) < 5 or count < 30:
        faults.append(f"only {len(verbs)} verbs and {count} flags found: the comparison itself is broken")
    print("\n".join(faults) or f"{len(verbs)} verbs with {count} flags, all documented")
    return 1 if faults else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
