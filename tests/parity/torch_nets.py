"""The nets in PyTorch, from their published definitions, with the tensor names that the program uses."""
import torch
from torch import nn
from torch.nn import functional as F


class LeNet5(nn.Module):
    """28 x 28 grey images padded by 2; ReLU and max pooling (after LeCun et al., 1998)."""
    net, sample, classes = "lenet5", (1, 28, 28), 10

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = torch.flatten(F.max_pool2d(F.relu(self.conv2(x)), 2), 1)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


class Block(nn.Module):
    """Two 3x3 convolutions; shortcut A: 2x2 average pool and zero channels appended, B: 1x1 convolution with BN."""

    def __init__(self, channels_in, channels, shortcut):
        super().__init__()
        self.shrinks = channels_in != channels
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride=2 if self.shrinks else 1, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.extra = channels - channels_in
        self.downsample = None
        if self.shrinks and shortcut == "B":
            self.downsample = nn.Sequential(nn.Conv2d(channels_in, channels, 1, stride=2, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.downsample is not None:
            x = self.downsample(x)
        elif self.shrinks:
            x = F.pad(F.avg_pool2d(x, 2), (0, 0, 0, 0, 0, self.extra))
        return F.relu(y + x)


class ResNet(nn.Module):
    """6n + 2 layers (He et al., 2016, section 4.2)."""
    sample, classes = (3, 32, 32), 10

    def __init__(self, depth, shortcut="A"):
        super().__init__()
        self.net, n = f"resnet{depth}", (depth - 2) // 6
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(*[Block(16, 16, shortcut) for _ in range(n)])
        self.layer2 = nn.Sequential(*[Block(16 if i == 0 else 32, 32, shortcut) for i in range(n)])
        self.layer3 = nn.Sequential(*[Block(32 if i == 0 else 64, 64, shortcut) for i in range(n)])
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        return self.fc(x.mean(dim=(2, 3)))


class Vgg16(nn.Module):
    """VGG-16 with BN for small images: four max pools, average pooling over what is left, one linear layer."""
    net, sample, classes = "vgg16", (3, 32, 32), 10

    def __init__(self):
        super().__init__()
        layers, channels = [], 3
        for step in [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512]:
            if step == "M":
                layers.append(nn.MaxPool2d(2))
            else:
                layers += [nn.Conv2d(channels, step, 3, padding=1, bias=False), nn.BatchNorm2d(step), nn.ReLU()]
                channels = step
        self.features, self.classifier = nn.Sequential(*layers), nn.Linear(512, 10)

    def forward(self, x):
        return self.classifier(self.features(x).mean(dim=(2, 3)))


class Bottleneck(nn.Module):
    """BN and ReLU before each of three convolutions; the first block of a group has a 1x1 convolution of the raw input as shortcut."""

    def __init__(self, channels_in, channels, stride, projects):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(channels_in), nn.Conv2d(channels_in, channels, 1, bias=False)
        self.bn2, self.conv2 = nn.BatchNorm2d(channels), nn.Conv2d(channels, channels, 3, stride, padding=1, bias=False)
        self.bn3, self.conv3 = nn.BatchNorm2d(channels), nn.Conv2d(channels, 4 * channels, 1, bias=False)
        self.downsample = nn.Sequential(nn.Conv2d(channels_in, 4 * channels, 1, stride, bias=False)) if projects else None

    def forward(self, x):
        y = self.conv1(F.relu(self.bn1(x)))
        y = self.conv3(F.relu(self.bn3(self.conv2(F.relu(self.bn2(y))))))
        return y + (self.downsample(x) if self.downsample is not None else x)


class PreResNet29(nn.Module):
    """9n + 2 layers with n = 3 and pre-activation (He et al., "Identity mappings", 2016), on images of 16 x 16."""
    net, sample, classes = "preresnet29", (3, 16, 16), 10

    def __init__(self):
        super().__init__()
        self.conv1, channels_in = nn.Conv2d(3, 16, 3, padding=1, bias=False), 16
        for group in (1, 2, 3):
            blocks, channels = [], 8 << group
            for i in range(3):
                blocks.append(Bottleneck(channels_in, channels, 2 if group > 1 and i == 0 else 1, i == 0))
                channels_in = 4 * channels
            self.add_module(f"layer{group}", nn.Sequential(*blocks))
        self.bn, self.fc = nn.BatchNorm2d(256), nn.Linear(256, 10)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(self.conv1(x))))
        return self.fc(F.relu(self.bn(x)).mean(dim=(2, 3)))


class DenseLayer(nn.Module):
    """BN, ReLU, convolution; a dense layer appends its 12 channels to what it reads, a transition halves the map."""

    def __init__(self, channels_in, channels, kernel):
        super().__init__()
        self.bn1, self.dense = nn.BatchNorm2d(channels_in), kernel == 3
        self.conv1 = nn.Conv2d(channels_in, channels, kernel, padding=kernel // 2, bias=False)

    def forward(self, x):
        y = self.conv1(F.relu(self.bn1(x)))
        return torch.cat([x, y], 1) if self.dense else F.avg_pool2d(y, 2)


class DenseNet40(nn.Module):
    """Three blocks of 12 layers with growth 12 behind a stem of 24 channels (Huang et al., 2017)."""
    net, classes = "densenet40", 10

    def __init__(self, size=32):
        super().__init__()
        self.sample = (3, size, size)
        self.conv1, channels = nn.Conv2d(3, 24, 3, padding=1, bias=False), 24
        for block in (1, 2, 3):
            layers = []
            for _ in range(12):
                layers.append(DenseLayer(channels, 12, 3))
                channels += 12
            self.add_module(f"dense{block}", nn.Sequential(*layers))
            if block < 3:
                self.add_module(f"trans{block}", DenseLayer(channels, channels, 1))
        self.bn, self.fc = nn.BatchNorm2d(channels), nn.Linear(channels, 10)

    def forward(self, x):
        x = self.dense2(self.trans1(self.dense1(self.conv1(x))))
        return self.fc(F.relu(self.bn(self.dense3(self.trans2(x)))).mean(dim=(2, 3)))


class Separable(nn.Module):
    """A depthwise 3x3 and a 1x1 convolution, each with BN and ReLU."""

    def __init__(self, channels_in, channels, stride):
        super().__init__()
        self.depthwise = nn.Conv2d(channels_in, channels_in, 3, stride, padding=1, groups=channels_in, bias=False)
        self.bn1, self.pointwise = nn.BatchNorm2d(channels_in), nn.Conv2d(channels_in, channels, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        return F.relu(self.bn2(self.pointwise(F.relu(self.bn1(self.depthwise(x))))))


class MobileNetV1(nn.Module):
    """Howard et al., 2017, table 1, with a first convolution of stride 1."""
    net, sample, classes = "mobilenet-v1", (3, 32, 32), 10

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1, channels_in, blocks = nn.Conv2d(3, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), 32, []
        for channels, stride in [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)] + [(512, 1)] * 5 + [(1024, 2), (1024, 1)]:
            blocks.append(Separable(channels_in, channels, stride))
            channels_in = channels
        self.blocks, self.fc = nn.Sequential(*blocks), nn.Linear(1024, 10)

    def forward(self, x):
        return self.fc(self.blocks(F.relu(self.bn1(self.conv1(x)))).mean(dim=(2, 3)))
