#!/usr/bin/env python3
"""Reads a safetensors file with Python's standard library alone and prints what it holds as JSON.

usage: read_safetensors.py FILE [NAME...]

Without names: {"metadata": {...}, "tensors": {name: {"dtype", "shape", "sum"}}}; with names: also the "values" of these.
Ends with 1 and one line on stderr if the file violates the format. Shows that no library of ours is needed.
"""
import json
import math
import struct
import sys

CODES = {"F64": "d", "F32": "f", "F16": "e", "I64": "q", "I32": "i", "I16": "h", "I8": "b", "U64": "Q", "U32": "I",
         "U16": "H", "U8": "B", "BOOL": "?"}


def values_of(dtype, data):
    if dtype == "BF16":  # the upper half of a float
        pairs = [data[i:i + 2] for i in range(0, len(data), 2)]
        return list(struct.unpack(f"<{len(pairs)}f", b"".join(b"\0\0" + pair for pair in pairs)))
    size = struct.calcsize(CODES[dtype])
    return list(struct.unpack(f"<{len(data) // size}{CODES[dtype]}", data))


def no_duplicates(pairs):
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a name appears twice")
    return dict(pairs)


def read(path):
    """Returns (metadata, {name: (dtype, shape, flat list of values)})."""
    with open(path, "rb") as file:
        content = file.read()
    (length,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8:8 + length].decode("utf-8"), object_pairs_hook=no_duplicates)
    data = content[8 + length:]
    metadata = header.pop("__metadata__", {})
    tensors, covered = {}, 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, end = entry["data_offsets"]
        if begin != covered:
            raise ValueError(f"tensor {name!r} begins at {begin}, expected {covered}")
        covered = end
        values = values_of(entry["dtype"], data[begin:end])
        if len(values) != math.prod(entry["shape"]):
            raise ValueError(f"tensor {name!r} has {len(values)} values, its shape {entry['shape']} another number")
        tensors[name] = (entry["dtype"], entry["shape"], values)
    if covered != len(data):
        raise ValueError(f"{len(data) - covered} bytes belong to no tensor")
    return metadata, tensors


def main(arguments):
    if not arguments:
        sys.exit(__doc__)
    try:
        metadata, tensors = read(arguments[0])
        missing = [name for name in arguments[1:] if name not in tensors]
        if missing:
            raise ValueError(f"no tensor {missing[0]!r}")
    except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
        sys.exit(f"{arguments[0]}: {error}")
    report = {}
    for name, (dtype, shape, values) in tensors.items():
        report[name] = {"dtype": dtype, "shape": shape, "sum": sum(values)}
        if name in arguments[1:]:
            report[name]["values"] = values
    print(json.dumps({"metadata": metadata, "tensors": report}))


if __name__ == "__main__":
    main(sys.argv[1:])
