#!/usr/bin/env python3
"""Trains a net in PyTorch and prints one JSON object per epoch with its test accuracy; time_to_accuracy.py calls it and keeps the time.

The recipe is that of `pliant train` with the same numbers: SGD with Nesterov momentum 0.9, L2 decay on every parameter, cosine annealing
per step, images normalised by channel, and for CIFAR-10 random crops from 4 pixels of padding and flips. Data and augmentation lie on the
device; on a GPU the net is channels_last under autocast(bfloat16), with cuDNN's benchmark mode.
"""
import argparse
import gzip
import json
import math
import pathlib
import sys

import numpy
import torch
from torch.nn import functional as F

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import peer_cpu  # noqa: E402


def idx(folder, name):
    """An IDX file, plain or compressed (LeCun et al., the MNIST page)."""
    plain, packed = folder / name, folder / (name + ".gz")
    data = plain.read_bytes() if plain.exists() else gzip.decompress(packed.read_bytes())
    ranks = data[3]
    sizes = [int.from_bytes(data[4 + 4 * i:8 + 4 * i], "big") for i in range(ranks)]
    return torch.from_numpy(numpy.frombuffer(data, numpy.uint8, offset=4 + 4 * ranks).reshape(sizes).copy())


def cifar(files):
    """The binary version of CIFAR-10: a label and 3 x 32 x 32 bytes for each image (Krizhevsky, 2009)."""
    rows = numpy.concatenate([numpy.fromfile(file, numpy.uint8).reshape(-1, 3073) for file in files])
    return torch.from_numpy(rows[:, 1:].reshape(-1, 3, 32, 32).copy()), torch.from_numpy(rows[:, 0].copy())


def load(folder, dataset):
    if dataset == "mnist":
        return [(idx(folder, f"{part}-images-idx3-ubyte").unsqueeze(1), idx(folder, f"{part}-labels-idx1-ubyte")) for part in ("train", "t10k")]
    found = sorted(folder.rglob("data_batch_*.bin"))
    return [cifar(found), cifar(sorted(folder.rglob("test_batch.bin")))]


def augmented(images, padding):
    """Every image cropped at a place of its own and half of them flipped, without a loop over images."""
    n, _, height, width = images.shape
    padded = F.pad(images, (padding,) * 4)
    rows = torch.randint(0, 2 * padding + 1, (n, 1), device=images.device) + torch.arange(height, device=images.device)
    columns = torch.randint(0, 2 * padding + 1, (n, 1), device=images.device) + torch.arange(width, device=images.device)
    flip = torch.rand(n, 1, device=images.device) < 0.5
    columns = torch.where(flip, columns.flip(1), columns)
    each = torch.arange(n, device=images.device)[:, None, None]
    return padded[each, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def accuracy(model, images, labels, context):
    model.eval()
    hits = 0
    with torch.no_grad(), context():
        for first in range(0, len(images), 500):
            hits += int((model(images[first:first + 500]).argmax(1) == labels[first:first + 500]).sum())
    return hits / len(images)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--net", choices=peer_cpu.NETS, required=True)
    parser.add_argument("--dataset", choices=["mnist", "cifar10"], required=True)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--device", choices=["cpu", "cuda"], required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--lr", type=float, required=True)
    parser.add_argument("--weight-decay", type=float, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    torch.backends.cudnn.benchmark = True
    on_gpu = options.device == "cuda"
    context = (lambda: torch.autocast("cuda", dtype=torch.bfloat16)) if on_gpu else (lambda: torch.autocast("cpu", enabled=False))

    (train, train_labels), (test, test_labels) = load(options.data, options.dataset)
    pixels = train.double()
    mean, deviation = pixels.mean((0, 2, 3)) / 255, pixels.std((0, 2, 3), unbiased=False) / 255

    def ready(images):
        scaled = (images.to(options.device).float() / 255 - mean.float().to(options.device)[:, None, None])
        return (scaled / deviation.float().to(options.device)[:, None, None]).contiguous(memory_format=torch.channels_last)
    train, test = ready(train), ready(test)
    train_labels, test_labels = (labels.long().to(options.device) for labels in (train_labels, test_labels))

    model = peer_cpu.NETS[options.net]().to(options.device, memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=options.lr, momentum=0.9, nesterov=True, weight_decay=options.weight_decay)
    batches = math.ceil(len(train) / options.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.epochs * batches)
    for epoch in range(1, options.epochs + 1):
        model.train()
        order = torch.randperm(len(train), device=options.device)
        for chosen in order.split(options.batch):
            images = augmented(train[chosen], 4).contiguous(memory_format=torch.channels_last) if options.dataset == "cifar10" else train[chosen]
            optimizer.zero_grad(set_to_none=True)
            with context():
                loss = F.cross_entropy(model(images), train_labels[chosen])
            loss.backward()
            optimizer.step()
            schedule.step()
        print(json.dumps({"epoch": epoch, "test_accuracy": accuracy(model, test, test_labels, context), "version": torch.__version__}), flush=True)


if __name__ == "__main__":
    main()
