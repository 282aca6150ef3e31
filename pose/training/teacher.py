"""Trained networks that teach ours besides the labels.

Hinton et al., Distilling the Knowledge in a Neural Network, 2015; for heatmaps, Zhang et al., Fast
Human Pose Estimation, CVPR 2019. A teacher sees the student's pictures, so that both have the same
augmentation.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from pose.errors import UserError
from pose.skeleton import COCO17, Skeleton, common_joints
from pose.training.starts import build_detector, detector_start
from pose.training.task import detector_input

log = logging.getLogger(__name__)


class PoseTeacher:
    """An ONNX pose network: RGB, ImageNet statistics, heatmaps of COCO's 17 joints.

    It sees the crops resized to its own input size. Raises UserError for any other file, and if
    the student has none of COCO's joints.
    """

    def __init__(self, file: Path, skeleton: Skeleton) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise UserError("--teacher needs ONNX Runtime: pip install onnxruntime") from error
        if not file.is_file():
            raise UserError(f"{file}: no such file; the teacher of a pose network is an ONNX file")
        try:
            self._session: Any = onnxruntime.InferenceSession(
                str(file), providers=onnxruntime.get_available_providers()
            )
            self._input = self._session.get_inputs()[0]
            self._size_hw = tuple(int(side) for side in self._input.shape[2:])
            trial = torch.zeros(2, *self._input.shape[1:])
            batch, maps, *_ = self._run(trial).shape
            teaches = (batch, maps) == (2, len(COCO17))
        except Exception:  # ONNX Runtime's exceptions share no base class
            log.debug("%s as a teacher", file, exc_info=True)
            teaches = False
        if not teaches:
            raise UserError(
                f"{file} cannot teach: expected an ONNX network that takes any number of RGB crops "
                "of one size (N, 3, H, W) and gives heatmaps of COCO's joints (N, 17, h, w)"
            )
        own, joints = common_joints(COCO17, skeleton)
        if not joints:
            raise UserError(f"{file} cannot teach {skeleton.name}: none of its joints is COCO's")
        self.name = str(file)
        self.joints = torch.tensor(joints)  # the student's that are taught
        self._own = torch.tensor(own)

    def heatmaps(self, images: Tensor, size_hw: tuple[int, int]) -> Tensor:
        """Normalised crops (N, 3, H, W) to heatmaps (N, J, *size_hw) of `joints`."""
        crops = F.interpolate(images, self._size_hw, mode="bilinear", align_corners=True)
        maps = self._run(crops)[:, self._own]
        maps = F.interpolate(maps, size_hw, mode="bilinear", align_corners=True)
        return maps.to(images.device)

    def _run(self, crops: Tensor) -> Tensor:
        """Crops (N, 3, H, W) of the teacher's input size to its heatmaps (N, 17, h, w)."""
        feed = {self._input.name: crops.float().cpu().contiguous().numpy()}
        return torch.from_numpy(self._session.run(None, feed)[0])


class DetectorTeacher:
    """A detector that can be trained, by name or file; its cells are those of the student.

    Raises WeightsError for other files, UserError for weights of a pose network.
    """

    def __init__(self, name_or_file: str) -> None:
        start = detector_start(name_or_file)
        if not any(name.startswith("head.") for name in start.state or ()):
            raise UserError(f"{name_or_file} cannot teach: it is no detector")
        self.name = name_or_file
        self._arguments = start.network
        self._network = build_detector(start).eval().requires_grad_(False)

    def __call__(self, images: Tensor) -> Tensor:
        """Pictures (N, H, W, 3) BGR 0..255 to raw (N, A, 5 + classes)."""
        network = self._network.to(images.device)
        return network(detector_input(images, self._arguments))
