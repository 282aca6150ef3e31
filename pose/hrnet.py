"""HRNet: a picture of one person in, one heatmap per joint out.

Sun, Xiao, Liu, Wang: Deep High-Resolution Representation Learning for Human Pose Estimation,
CVPR 2019, section 3. Module names, and so the state-dict keys, are those of the released code
(leoxiaobin/deep-high-resolution-net.pytorch, lib/models/pose_hrnet.py): its checkpoints load with
strict=True. Widths and depths are free.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from torch import Tensor, nn


def _conv_bn(
    inputs: int, outputs: int, kernel: int, stride: int = 1, relu: bool = True
) -> list[nn.Module]:
    """A convolution without bias, its batch norm, and optionally a ReLU, for a Sequential."""
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return [*layers, nn.ReLU(inplace=True)] if relu else layers


def _list_of(layers: Iterable[nn.Module | None]) -> nn.ModuleList:
    """A ModuleList in which None stands for an identity, as in the released code."""
    return nn.ModuleList(layers)  # type: ignore[arg-type]  # the stubs do not know None


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut (He et al., CVPR 2016)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv_bn(width, width, 3, relu=False)
        self.conv2, self.bn2 = _conv_bn(width, width, 3, relu=False)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        residual = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(residual)) + x)


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions and a shortcut; four times as wide at its ends."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        outputs = 4 * width
        self.conv1, self.bn1 = _conv_bn(inputs, width, 1, relu=False)
        self.conv2, self.bn2 = _conv_bn(width, width, 3, relu=False)
        self.conv3, self.bn3 = _conv_bn(width, outputs, 1, relu=False)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = (
            nn.Sequential(*_conv_bn(inputs, outputs, 1, relu=False)) if inputs != outputs else None
        )

    def forward(self, x: Tensor) -> Tensor:
        residual = self.relu(self.bn1(self.conv1(x)))
        residual = self.relu(self.bn2(self.conv2(residual)))
        residual = self.bn3(self.conv3(residual))
        return self.relu(residual + (x if self.downsample is None else self.downsample(x)))


class HighResolutionModule(nn.Module):
    """Parallel branches, each at half the resolution of the one before, then every-to-every fusion.

    `widths` has one entry per branch. The fusion gives the first `outputs` resolutions.
    """

    def __init__(self, widths: Sequence[int], blocks: int, outputs: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(*(BasicBlock(width) for _ in range(blocks))) for width in widths
        )
        self.fuse_layers = nn.ModuleList(
            _list_of(self._fuse(widths, source, target) for source in range(len(widths)))
            for target in range(outputs)
        )
        self.relu = nn.ReLU(inplace=True)

    @staticmethod
    def _fuse(widths: Sequence[int], source: int, target: int) -> nn.Module | None:
        """What brings branch `source` to the resolution and width of branch `target`."""
        if source == target:
            return None
        if source > target:
            return nn.Sequential(
                *_conv_bn(widths[source], widths[target], 1, relu=False),
                nn.Upsample(scale_factor=float(2 ** (source - target)), mode="nearest"),
            )
        last = target - source - 1
        return nn.Sequential(
            *(
                nn.Sequential(
                    *_conv_bn(
                        widths[source],
                        widths[target] if step == last else widths[source],
                        3,
                        stride=2,
                        relu=step != last,
                    )
                )
                for step in range(target - source)
            )
        )

    def forward(self, inputs: list[Tensor]) -> list[Tensor]:
        branches = [branch(x) for branch, x in zip(self.branches, inputs, strict=True)]
        fused = []
        for layers in self.fuse_layers:
            total: Tensor | None = None
            for layer, x in zip(cast(nn.ModuleList, layers), branches, strict=True):
                term = x if layer is None else layer(x)
                total = term if total is None else total + term
            assert total is not None
            fused.append(self.relu(total))
        return fused


class HRNet(nn.Module):
    """The network of figure 1; W32 of the paper by default.

    width: channels C of the first branch; branch b has C * 2**b.
    stage_modules: number of modules in stages 2, 3 and 4.
    blocks: residual blocks per branch and module.
    stem_blocks, stem_width: bottlenecks of stage 1 and the width of their middle.
    joints: heatmaps K; 0 omits the head and fuses all four branches in the last module, as a
        backbone for detection (`pyramid`).
    """

    def __init__(
        self,
        width: int = 32,
        stage_modules: tuple[int, int, int] = (1, 4, 3),
        blocks: int = 4,
        stem_blocks: int = 4,
        stem_width: int = 64,
        joints: int = 17,
    ) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv_bn(3, 64, 3, stride=2, relu=False)
        self.conv2, self.bn2 = _conv_bn(64, 64, 3, stride=2, relu=False)
        self.relu = nn.ReLU(inplace=True)
        stem = [64] + [4 * stem_width] * stem_blocks
        self.layer1 = nn.Sequential(*(Bottleneck(before, stem_width) for before in stem[:-1]))

        self.widths = tuple(width * 2**branch for branch in range(4))
        before: tuple[int, ...] = (stem[-1],)
        for stage, modules in enumerate(stage_modules, start=2):
            widths = self.widths[:stage]
            outputs = [stage] * modules
            if stage == 4 and joints:
                outputs[-1] = 1
            self.add_module(f"transition{stage - 1}", self._transition(before, widths))
            self.add_module(
                f"stage{stage}",
                nn.Sequential(*(HighResolutionModule(widths, blocks, count) for count in outputs)),
            )
            before = widths
        self.final_layer = nn.Conv2d(width, joints, 1) if joints else None
        self._initialise()

    @staticmethod
    def _transition(before: tuple[int, ...], after: tuple[int, ...]) -> nn.ModuleList:
        """Adapt the widths of the existing branches, and start one more from the last."""
        layers: list[nn.Module | None] = [
            nn.Sequential(*_conv_bn(old, new, 3)) if old != new else None
            for old, new in zip(before, after, strict=False)
        ]
        layers.append(nn.Sequential(nn.Sequential(*_conv_bn(before[-1], after[-1], 3, stride=2))))
        return _list_of(layers)

    def _initialise(self) -> None:
        if self.conv1.weight.is_meta:  # no values to set; torch would load its compiler for it
            return
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if self.final_layer is not None:
            nn.init.normal_(self.final_layer.weight, std=0.001)

    def pyramid(self, images: Tensor) -> list[Tensor]:
        """Images (N, 3, H, W) to the last module's outputs, (N, C * 2**b, H / 4 / 2**b, ...)."""
        x = self.relu(self.bn1(self.conv1(images)))  # (N, 64, H/2, W/2)
        x = self.relu(self.bn2(self.conv2(x)))  # (N, 64, H/4, W/4)
        branches = [self.layer1(x)]
        for stage in (2, 3, 4):
            layers = getattr(self, f"transition{stage - 1}")
            sources = [*branches, branches[-1]]
            branches = [
                source if layer is None else layer(source)
                for layer, source in zip(layers, sources, strict=True)
            ]
            branches = getattr(self, f"stage{stage}")(branches)
        return branches

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W), H and W multiples of 32, to heatmaps (N, K, H/4, W/4)."""
        if self.final_layer is None:
            raise ValueError("this HRNet was built without joints; use pyramid()")
        return self.final_layer(self.pyramid(images)[0])
