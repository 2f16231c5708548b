#!/usr/bin/env python3
"""A compiler launcher that takes the object of an earlier build where that was made by the same command, and compiles otherwise.

usage: reuse_objects.py BUILD LOG COMPILER ARGUMENTS...     BUILD has a compile_commands.json; LOG gets a line "reused FILE" or "compiled FILE".
"""
import json
import os
import shlex
import shutil
import subprocess
import sys


def essence(words):
    """The words of a command that decide what is in the object."""
    kept, skip = [], False
    for word in words:
        if skip:
            skip = False
        elif word in ("-o", "-MT", "-MF"):
            skip = True
        elif word != "-MD":
            kept.append(word)
    return kept


def value_after(words, flag):
    return words[words.index(flag) + 1] if flag in words else None


def earlier_object(build, words):
    source = value_after(words, "-c")
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        entries = json.load(file)
    for entry in entries:
        if source and entry["file"] == source:
            command = shlex.split(entry["command"])
            while command and not os.path.samefile(command[0], words[0]):  # a launcher such as ccache
                command = command[1:]
            path = os.path.join(entry["directory"], value_after(shlex.split(entry["command"]), "-o"))
            if essence(command)[1:] == essence(words)[1:] and os.path.exists(path) and os.path.getmtime(path) > os.path.getmtime(source):
                return path
    return None


def main():
    build, log, words = sys.argv[1], sys.argv[2], sys.argv[3:]
    target, source = value_after(words, "-o"), value_after(words, "-c")
    earlier = earlier_object(build, words) if target and source else None
    with open(log, "a", encoding="utf-8") as file:
        file.write(f"{'reused' if earlier else 'compiled'} {source}\n")
    if not earlier:
        return subprocess.call(words)
    shutil.copyfile(earlier, target)
    dependencies = value_after(words, "-MF")
    if dependencies:
        with open(dependencies, "w", encoding="utf-8") as file:
            file.write(f"{target}: {source}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
