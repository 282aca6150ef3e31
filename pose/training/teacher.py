"""A pose network whose heatmaps teach ours, besides the labels: any ONNX file of the same joints.

Hinton et al., Distilling the Knowledge in a Neural Network, 2015; for heatmaps, Zhang et al., Fast
Human Pose Estimation, CVPR 2019. The crop that the student sees is given to the teacher at the
teacher's own size, so augmentation is shared.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from pose.errors import UserError
from pose.skeleton import COCO17, Skeleton, common_joints


class Teacher:
    """An ONNX pose network: RGB, ImageNet statistics, heatmaps of COCO's 17 joints."""

    def __init__(self, file: Path, skeleton: Skeleton) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise UserError("--teacher needs ONNX Runtime: pip install onnxruntime") from error
        if not file.is_file():
            raise UserError(f"{file}: no such teacher")
        try:
            self._session: Any = onnxruntime.InferenceSession(
                str(file), providers=onnxruntime.get_available_providers()
            )
            self._input = self._session.get_inputs()[0]
            self._size_hw = tuple(int(side) for side in self._input.shape[2:])
        except Exception as error:  # ONNX Runtime's have no base of their own
            raise UserError(f"{file}: no ONNX network of one input size ({error})") from error
        own, joints = common_joints(COCO17, skeleton)
        if not joints:
            raise UserError(f"{file} cannot teach {skeleton.name}: none of its joints is COCO's")
        self.joints = torch.tensor(joints)  # of the student
        self._own = torch.tensor(own)

    def heatmaps(self, images: Tensor, size_hw: tuple[int, int]) -> Tensor:
        """Normalised crops (N, 3, H, W) to heatmaps (N, J, *size_hw) of `joints`."""
        crops = F.interpolate(images, self._size_hw, mode="bilinear", align_corners=True)
        feed = {self._input.name: crops.float().cpu().contiguous().numpy()}
        maps = torch.from_numpy(self._session.run(None, feed)[0])  # (N, 17, h, w)
        maps = F.interpolate(maps[:, self._own], size_hw, mode="bilinear", align_corners=True)
        return maps.to(images.device)
