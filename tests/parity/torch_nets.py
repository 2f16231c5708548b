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


class ResNet20(nn.Module):
    """6n + 2 layers with n = 3 (He et al., 2016, section 4.2)."""
    net, sample, classes = "resnet20", (3, 32, 32), 10

    def __init__(self, shortcut="A"):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(*[Block(16, 16, shortcut) for _ in range(3)])
        self.layer2 = nn.Sequential(*[Block(16 if i == 0 else 32, 32, shortcut) for i in range(3)])
        self.layer3 = nn.Sequential(*[Block(32 if i == 0 else 64, 64, shortcut) for i in range(3)])
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
