"""safetensors files with numpy alone: read_file(), write_file(), metadata_of()."""
import json
import struct

import numpy as np

DTYPES = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "I64": np.int64, "I32": np.int32, "U8": np.uint8, "BOOL": np.bool_}
NAMES = {np.dtype(kind): name for name, kind in DTYPES.items()}


def header_of(content):
    (length,) = struct.unpack_from("<Q", content)
    return json.loads(content[8:8 + length]), 8 + length


def read_file(path):
    """{name: array} of all tensors."""
    with open(path, "rb") as file:
        content = file.read()
    header, start = header_of(content)
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        kind = np.dtype(DTYPES[entry["dtype"]])
        tensors[name] = np.frombuffer(content[start + begin:start + end], dtype=kind).reshape(entry["shape"])
    return tensors


def metadata_of(path):
    with open(path, "rb") as file:
        return header_of(file.read())[0].get("__metadata__", {})


def write_file(path, tensors, metadata=None):
    """tensors: {name: array}. The widest elements come first, so that every tensor is aligned."""
    header, blobs, offset = {}, [], 0
    if metadata:
        header["__metadata__"] = metadata
    for name in sorted(tensors, key=lambda n: (-tensors[n].dtype.itemsize, n)):
        blob = np.ascontiguousarray(tensors[name]).tobytes()
        header[name] = {"dtype": NAMES[tensors[name].dtype], "shape": list(tensors[name].shape),
                        "data_offsets": [offset, offset + len(blob)]}
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))
