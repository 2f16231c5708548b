"""Nets with several widths, exits and gates in PyTorch, from the papers' definitions, with the tensor names that the program uses.

A model is called as model(x, row, closed, detach): row is the width's place in the list of ratios, widest first; closed is a set of
residual blocks that do not run; detach cuts the gradient from all exits but the last into the trunk. It returns the logits of every exit.
"""
import torch
from torch import nn
from torch.nn import functional as F


class SlimConv(nn.Conv2d):
    """Uses its first channels: as many inputs as there are, and int(ratio K) outputs (Yu et al., 2019)."""

    def forward(self, x, ratio):
        return F.conv2d(x, self.weight[:int(ratio * self.out_channels), :x.shape[1]], None, self.stride, self.padding)


class SlimLinear(nn.Linear):
    """All outputs of the first inputs of the pooled map."""

    def forward(self, x):
        return F.linear(x.mean(dim=(2, 3)), self.weight[:, :x.shape[1]], self.bias)


class SwitchableBatchNorm(nn.BatchNorm2d):
    """A whole batch norm of its own for every width."""

    def __init__(self, channels, ratios):
        super().__init__(channels)
        for row, ratio in enumerate(ratios[1:], start=1):
            self.add_module(f"set{row}", nn.BatchNorm2d(int(ratio * channels)))

    def forward(self, x, row):
        return super().forward(x) if row == 0 else getattr(self, f"set{row}")(x)


class SharedBatchNorm(nn.BatchNorm2d):
    """One batch norm for all widths, of which the full width alone moves the running statistics (Yu and Huang, 2019, recompute
    the others' afterwards)."""

    def forward(self, x, row):
        if row == 0:
            return super().forward(x)
        c = x.shape[1]
        mean, variance = (None, None) if self.training else (self.running_mean[:c], self.running_var[:c])
        return F.batch_norm(x, mean, variance, self.weight[:c], self.bias[:c], self.training, 0.0, self.eps)


class SlimBlock(nn.Module):
    """Two 3x3 convolutions; where the map shrinks, the shortcut is a 2x2 average pool with zero channels appended. In the test the
    branch is scaled by its survival probability (Huang et al., 2016)."""

    def __init__(self, channels_in, channels, ratios, norm, survival):
        super().__init__()
        self.ratios, self.survival, self.shrinks = ratios, survival, channels_in != channels
        self.conv1 = SlimConv(channels_in, channels, 3, stride=2 if self.shrinks else 1, padding=1, bias=False)
        self.conv2 = SlimConv(channels, channels, 3, padding=1, bias=False)
        self.bn1, self.bn2 = norm(channels), norm(channels)
        self.channels = channels

    def forward(self, x, row, closed):
        ratio = self.ratios[row]
        skip = x
        if self.shrinks:
            skip = F.pad(F.avg_pool2d(x, 2), (0, 0, 0, 0, 0, int(ratio * self.channels) - x.shape[1]))
        if closed:
            return F.relu(skip)
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x, ratio), row)), ratio), row)
        return F.relu(skip + (y if self.training else self.survival * y))


class DynamicResNet20(nn.Module):
    """ResNet-20 with widths, heads after some blocks (1 the first; 0 is the stem) and linear survival 1 - l / L (1 - last)."""
    net, sample, classes = "resnet20", (3, 32, 32), 10

    def __init__(self, ratios=(1.0,), exits=(), shared=False, last_survival=None):
        super().__init__()
        self.ratios, self.exits = ratios, exits
        self.survival = [1.0 - l / 9 * (1.0 - (last_survival or 1.0)) for l in range(1, 10)]

        def norm(channels):
            return SharedBatchNorm(channels) if shared else SwitchableBatchNorm(channels, ratios)

        self.conv1, self.bn1 = SlimConv(3, 16, 3, padding=1, bias=False), norm(16)
        self.blocks, channels_in = [], 16
        for group in (1, 2, 3):
            channels, blocks = 8 << group, []
            for _ in range(3):
                blocks.append(SlimBlock(channels_in, channels, ratios, norm, self.survival[len(self.blocks) + len(blocks)]))
                channels_in = channels
            self.add_module(f"layer{group}", nn.Sequential(*blocks))
            self.blocks += blocks
        for k, stage in enumerate(exits):
            channels = self.blocks[max(stage, 1) - 1].channels
            self.add_module(f"exit{k}", nn.ModuleDict({"fc": SlimLinear(channels, self.classes)}))
        self.fc = SlimLinear(64, self.classes)

    def forward(self, x, row=0, closed=(), detach=False):
        logits = []
        for stage in range(10):
            if stage == 0:
                x = F.relu(self.bn1(self.conv1(x, self.ratios[row]), row))
            else:
                x = self.blocks[stage - 1](x, row, stage - 1 in closed)
            if stage in self.exits:
                head = getattr(self, f"exit{self.exits.index(stage)}")["fc"]
                logits.append(head(x.detach() if detach else x))
        return logits + [self.fc(x)]


def pool(x, size):
    """Max pooling whose size is rounded up."""
    return F.max_pool2d(x, size, 2, ceil_mode=True)


class BranchyLeNet(nn.Module):
    """B-LeNet of the released code (Teerapittayanon et al., 2016): one branch after the first convolution."""
    net, sample, classes = "b-lenet", (1, 28, 28), 10
    ratios, survival, exits = (1.0,), (), (0,)

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 5, 5, padding=3), nn.Conv2d(5, 10, 5, padding=3)
        self.conv3 = nn.Conv2d(10, 20, 5, padding=3)
        self.fc1, self.fc2 = nn.Linear(720, 84), nn.Linear(84, 10)
        self.exit0 = nn.ModuleDict({"conv1": nn.Conv2d(5, 10, 3, padding=1), "fc": nn.Linear(640, 10)})

    def forward(self, x, row=0, closed=(), detach=False):
        x = self.conv1(x)
        y = self.exit0["conv1"](F.relu(pool(x.detach() if detach else x, 2)))
        branch = self.exit0["fc"](torch.flatten(F.relu(pool(y, 2)), 1))
        x = self.conv3(F.relu(pool(self.conv2(F.relu(pool(x, 2))), 2)))
        return [branch, self.fc2(self.fc1(torch.flatten(F.relu(pool(x, 2)), 1)))]


def normalise(x):
    """Local response normalisation over three channels as Chainer has it; PyTorch divides alpha by their number."""
    return F.local_response_norm(x, 3, alpha=3 * 5e-5, beta=0.75, k=2.0)


class BranchyAlexNet(nn.Module):
    """B-AlexNet of the released code, without its dropout: branches after the second and the third convolution."""
    net, sample, classes = "b-alexnet", (3, 32, 32), 10
    ratios, survival, exits = (1.0,), (), (1, 2)

    def __init__(self):
        super().__init__()
        for i, (c, k, r) in enumerate([(3, 32, 5), (32, 64, 5), (64, 96, 3), (96, 96, 3), (96, 64, 3)], start=1):
            self.add_module(f"conv{i}", nn.Conv2d(c, k, r, padding=r // 2))
        self.fc1, self.fc2, self.fc3 = nn.Linear(1024, 256), nn.Linear(256, 128), nn.Linear(128, 10)
        self.exit0 = nn.ModuleDict({"conv1": nn.Conv2d(64, 32, 3, padding=1), "conv2": nn.Conv2d(32, 32, 3, padding=1),
                                    "fc": nn.Linear(512, 10)})
        self.exit1 = nn.ModuleDict({"conv1": nn.Conv2d(96, 32, 3, padding=1), "fc": nn.Linear(128, 10)})

    def branch(self, head, x):
        x = normalise(pool(F.relu(x), 3))
        for name in ("conv1", "conv2"):
            x = F.relu(head[name](x)) if name in head else x
        return head["fc"](torch.flatten(pool(x, 3), 1))

    def forward(self, x, row=0, closed=(), detach=False):
        x = self.conv2(normalise(pool(F.relu(self.conv1(x)), 3)))
        logits = [self.branch(self.exit0, x)]
        x = self.conv3(normalise(pool(F.relu(x), 3)))
        logits.append(self.branch(self.exit1, x))
        x = pool(F.relu(self.conv5(F.relu(self.conv4(F.relu(x))))), 3)
        return logits + [self.fc3(F.relu(self.fc2(F.relu(self.fc1(torch.flatten(x, 1))))))]
