"""YOLOX: a picture in, one candidate box per cell of three grids out.

Ge et al.: YOLOX: Exceeding YOLO Series in 2021, arXiv 2107.08430. Module names, and so the
state-dict keys, are those of the released code (Megvii-BaseDetection/YOLOX), whose checkpoints load
with strict=True. HRNetDetector puts the same head on an HRNet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pose.hrnet import HRNet

STRIDES = (8, 16, 32)  # of the three grids, in pixels of the picture

# depth and width multipliers, depthwise convolutions: the released nano ... x.
YOLOX_SIZES: dict[str, dict[str, Any]] = {
    "nano": {"depth": 0.33, "width": 0.25, "depthwise": True},
    "tiny": {"depth": 0.33, "width": 0.375},
    "s": {"depth": 0.33, "width": 0.5},
    "m": {"depth": 0.67, "width": 0.75},
    "l": {"depth": 1.0, "width": 1.0},
    "x": {"depth": 1.33, "width": 1.25},
}


class BaseConv(nn.Module):
    """Convolution, batch norm, SiLU."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            inputs, outputs, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False
        )
        self.bn = nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.03)
        self.act = nn.SiLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.bn(self.conv(x)))


class DWConv(nn.Module):
    """A depthwise and a pointwise BaseConv."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.dconv = BaseConv(inputs, inputs, kernel, stride, groups=inputs)
        self.pconv = BaseConv(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.pconv(self.dconv(x))


class Bottleneck(nn.Module):
    """1x1 and 3x3 convolutions of one width, with or without a shortcut."""

    def __init__(self, width: int, shortcut: bool, conv: type[nn.Module]) -> None:
        super().__init__()
        self.conv1 = BaseConv(width, width, 1)
        self.conv2 = conv(width, width, 3)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv2(self.conv1(x))
        return out + x if self.shortcut else out


class CSPLayer(nn.Module):
    """Half of the channels go through bottlenecks, the other half around them."""

    def __init__(
        self, inputs: int, outputs: int, depth: int, shortcut: bool, conv: type[nn.Module]
    ) -> None:
        super().__init__()
        hidden = outputs // 2
        self.conv1 = BaseConv(inputs, hidden, 1)
        self.conv2 = BaseConv(inputs, hidden, 1)
        self.conv3 = BaseConv(2 * hidden, outputs, 1)
        self.m = nn.Sequential(*(Bottleneck(hidden, shortcut, conv) for _ in range(depth)))

    def forward(self, x: Tensor) -> Tensor:
        through, around = self.conv1(x), self.conv2(x)
        return self.conv3(torch.cat((self.m(through), around), dim=1))


class Focus(nn.Module):
    """Four interleaved pictures of half the size as channels, then a convolution."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.conv = BaseConv(12, outputs, 3)

    def forward(self, x: Tensor) -> Tensor:
        quarters = [x[..., dy::2, dx::2] for dx in (0, 1) for dy in (0, 1)]
        return self.conv(torch.cat(quarters, dim=1))  # (N, 12, H/2, W/2) -> (N, C, H/2, W/2)


class SPPBottleneck(nn.Module):
    """The input together with its maxima over windows of 5, 9 and 13 pixels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = BaseConv(width, width // 2, 1)
        self.m = nn.ModuleList(nn.MaxPool2d(size, 1, size // 2) for size in (5, 9, 13))
        self.conv2 = BaseConv(width * 2, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        return self.conv2(torch.cat([x, *(pool(x) for pool in self.m)], dim=1))


class CSPDarknet(nn.Module):
    """The backbone: features of strides 8, 16 and 32."""

    def __init__(self, depth: float, width: float, conv: type[nn.Module]) -> None:
        super().__init__()
        base, layers = int(width * 64), max(round(depth * 3), 1)
        self.stem = Focus(base)
        self.dark2 = self._stage(base, layers, conv)
        self.dark3 = self._stage(2 * base, 3 * layers, conv)
        self.dark4 = self._stage(4 * base, 3 * layers, conv)
        self.dark5 = nn.Sequential(
            conv(8 * base, 16 * base, 3, 2),
            SPPBottleneck(16 * base),
            CSPLayer(16 * base, 16 * base, layers, False, conv),
        )

    @staticmethod
    def _stage(inputs: int, depth: int, conv: type[nn.Module]) -> nn.Sequential:
        outputs = 2 * inputs
        return nn.Sequential(
            conv(inputs, outputs, 3, 2), CSPLayer(outputs, outputs, depth, True, conv)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        stride8 = self.dark3(self.dark2(self.stem(x)))
        stride16 = self.dark4(stride8)
        return stride8, stride16, self.dark5(stride16)


class YOLOPAFPN(nn.Module):
    """The backbone with a path down to fine features and up again (PANet)."""

    def __init__(self, depth: float, width: float, depthwise: bool) -> None:
        super().__init__()
        conv = DWConv if depthwise else BaseConv
        small, middle, large = (int(channels * width) for channels in (256, 512, 1024))
        layers = round(3 * depth)
        self.backbone = CSPDarknet(depth, width, conv)
        self.upsample = nn.Upsample(scale_factor=2.0, mode="nearest")
        self.lateral_conv0 = BaseConv(large, middle, 1)
        self.C3_p4 = CSPLayer(2 * middle, middle, layers, False, conv)
        self.reduce_conv1 = BaseConv(middle, small, 1)
        self.C3_p3 = CSPLayer(2 * small, small, layers, False, conv)
        self.bu_conv2 = conv(small, small, 3, 2)
        self.C3_n3 = CSPLayer(2 * small, middle, layers, False, conv)
        self.bu_conv1 = conv(middle, middle, 3, 2)
        self.C3_n4 = CSPLayer(2 * middle, large, layers, False, conv)

    def forward(self, x: Tensor) -> list[Tensor]:
        stride8, stride16, stride32 = self.backbone(x)
        top = self.lateral_conv0(stride32)
        middle = self.C3_p4(torch.cat([self.upsample(top), stride16], 1))
        side = self.reduce_conv1(middle)
        out8 = self.C3_p3(torch.cat([self.upsample(side), stride8], 1))
        out16 = self.C3_n3(torch.cat([self.bu_conv2(out8), side], 1))
        out32 = self.C3_n4(torch.cat([self.bu_conv1(out16), top], 1))
        return [out8, out16, out32]


class YOLOXHead(nn.Module):
    """The decoupled head: per level a branch for classes and one for box and objectness."""

    def __init__(
        self, inputs: Sequence[int], width: int, classes: int = 1, depthwise: bool = False
    ) -> None:
        super().__init__()
        conv = DWConv if depthwise else BaseConv
        levels = len(inputs)
        self.cls_convs = nn.ModuleList(
            nn.Sequential(conv(width, width, 3), conv(width, width, 3)) for _ in range(levels)
        )
        self.reg_convs = nn.ModuleList(
            nn.Sequential(conv(width, width, 3), conv(width, width, 3)) for _ in range(levels)
        )
        self.cls_preds = nn.ModuleList(nn.Conv2d(width, classes, 1) for _ in range(levels))
        self.reg_preds = nn.ModuleList(nn.Conv2d(width, 4, 1) for _ in range(levels))
        self.obj_preds = nn.ModuleList(nn.Conv2d(width, 1, 1) for _ in range(levels))
        self.stems = nn.ModuleList(BaseConv(channels, width, 1) for channels in inputs)
        for layer in [*self.cls_preds, *self.obj_preds]:
            nn.init.constant_(layer.bias, -4.595)  # probability 1% at the start

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Features per level (N, C, h, w) to raw (N, A, 5 + classes), A the sum of h * w."""
        levels = []
        for level, x in enumerate(features):
            stem = self.stems[level](x)
            classes = self.cls_preds[level](self.cls_convs[level](stem))
            side = self.reg_convs[level](stem)
            raw = torch.cat(
                [self.reg_preds[level](side), self.obj_preds[level](side), classes], dim=1
            )  # (N, 5 + classes, h, w)
            levels.append(raw.flatten(2))
        return torch.cat(levels, dim=2).transpose(1, 2)


class YOLOX(nn.Module):
    """The released detector. Input BGR 0..255, letterboxed at the top left with grey 114."""

    def __init__(
        self,
        depth: float = 0.33,
        width: float = 0.5,
        depthwise: bool = False,
        classes: int = 80,
    ) -> None:
        super().__init__()
        inputs = [int(channels * width) for channels in (256, 512, 1024)]
        self.backbone = YOLOPAFPN(depth, width, depthwise)
        self.head = YOLOXHead(inputs, int(256 * width), classes, depthwise)

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W), H and W multiples of 32, to raw (N, A, 5 + classes)."""
        return self.head(self.backbone(images))


class HRNetDetector(nn.Module):
    """A YOLOX head on an HRNet's branches of strides 8, 16 and 32, for one class, a person.

    The backbone has the names of the pose network, so that it can start from its weights. `hrnet`
    holds HRNet's arguments; its `joints` is 0 here.
    """

    def __init__(self, hrnet: dict[str, Any], head_width: int = 48, classes: int = 1) -> None:
        super().__init__()
        self.backbone = HRNet(**{**hrnet, "joints": 0})
        self.head = YOLOXHead(self.backbone.widths[1:], head_width, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W), H and W multiples of 32, to raw (N, A, 5 + classes)."""
        return self.head(self.backbone.pyramid(images)[1:])


def cell_grid(size_wh: tuple[int, int], device: torch.device) -> Tensor:
    """Left-top corner and stride (A, 3) of every cell of an input of `size_wh` pixels."""
    cells = []
    for stride in STRIDES:
        y, x = torch.meshgrid(
            torch.arange(size_wh[1] // stride, device=device),
            torch.arange(size_wh[0] // stride, device=device),
            indexing="ij",
        )
        corners = torch.stack([x, y], dim=-1).reshape(-1, 2) * stride  # (h * w, 2)
        cells.append(torch.cat([corners, torch.full_like(corners[:, :1], stride)], dim=1))
    return torch.cat(cells).float()


def decode_boxes(raw: Tensor, cells: Tensor) -> Tensor:
    """Raw (N, A, 5 + classes) and cells (A, 3) to boxes (N, A, 4) x1 y1 x2 y2, input pixels."""
    corners, strides = cells[:, :2], cells[:, 2:]
    centres = raw[..., :2] * strides + corners  # (N, A, 2)
    halves = raw[..., 2:4].exp() * strides / 2  # (N, A, 2)
    return torch.cat([centres - halves, centres + halves], dim=-1)


class Probabilities(nn.Module):
    """A YOLOX that outputs objectness and classes as probabilities, not as logits."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W) to (N, A, 5 + classes)."""
        raw = self.network(images)
        return torch.cat([raw[..., :4], raw[..., 4:].sigmoid()], dim=-1)
