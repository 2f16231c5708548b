"""The joint loss of a step over widths and exits in PyTorch, and the gates that the program draws."""
from dataclasses import dataclass

import torch
from torch.nn import functional as F


@dataclass(frozen=True)
class Plan:
    """What a step trains; the flags that make the program do the same are in `flags`."""
    flags: tuple = ()
    weights: tuple = (1.0,)      # of every exit's loss
    rows: tuple = (0,)           # widths, widest first
    inplace: bool = False        # narrower widths learn the widest one's softmax, exit by exit
    distill: float = 0.0         # share of the last exit's softmax in the targets of the earlier ones
    detach: bool = False
    hinge: bool = False
    per_class: bool = False      # losses divided by the number of classes
    gates: bool = False


def soft_cross_entropy(logits, target):
    """The target is a constant."""
    return -(target.detach() * F.log_softmax(logits, dim=1)).sum(dim=1).mean()


def squared_hinge(logits, labels):
    """One class against all: the sum over classes of max(0, 1 - t z)^2, t = 1 for the label, else -1 (Lee et al., 2015)."""
    t = 2.0 * F.one_hot(labels, logits.shape[1]).to(logits.dtype) - 1.0
    return torch.clamp(1.0 - t * logits, min=0.0).square().sum(dim=1).mean()


def joint_loss(model, x, labels, plan, closed):
    """The sum over widths and exits of weighted mean losses, all on the same batch and with the same gates."""
    hard = squared_hinge if plan.hinge else F.cross_entropy
    total, teachers = 0.0, None
    for row in plan.rows:
        logits = model(x, row, closed, plan.detach)
        last = len(logits) - 1
        for exit, z in enumerate(logits):
            loss = hard(z, labels) if teachers is None else soft_cross_entropy(z, teachers[exit])
            if exit < last and plan.distill > 0.0:
                loss = (1.0 - plan.distill) * loss + plan.distill * soft_cross_entropy(z, F.softmax(logits[last], dim=1))
            total = total + plan.weights[exit] * loss / (model.classes if plan.per_class else 1)
        if plan.inplace and teachers is None:
            teachers = [F.softmax(z, dim=1) for z in logits]
    return total


def philox(counter, key):
    """Philox4x32-10 (Salmon et al., 2011): four words for a counter of four and a key of two."""
    low = 0xFFFFFFFF
    (a, b, c, d), (k0, k1) = counter, key
    for _ in range(10):
        p, q = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = (q >> 32) ^ b ^ k0, q & low, (p >> 32) ^ d ^ k1, p & low
        k0, k1 = (k0 + 0x9E3779B9) & low, (k1 + 0xBB67AE85) & low
    return a, b, c, d


def closed_blocks(survival, seed, epoch):
    """Block l is closed where its uniform number of 24 bits reaches its survival; the program draws one per block and batch."""
    gate = 5  # the purpose of a draw is part of the key
    key = (seed & 0xFFFFFFFF, (seed >> 32) ^ (gate << 24))
    draws = [philox((l // 4, 0, epoch, 0), key)[l % 4] >> 8 for l in range(len(survival))]
    return {l for l, p in enumerate(survival) if draws[l] / 2 ** 24 >= p}
