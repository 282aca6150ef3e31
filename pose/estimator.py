"""PoseEstimator: a frame and the boxes of its people in, their joints out, all crops in one batch.

Crops are a quarter larger than the box, or as much as the network asks for (`padding`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from torch import Tensor, nn

from pose.appearance import WithAppearance, descriptors
from pose.cutting import Cutter, cutter_for
from pose.geometry import crop_regions, grid_to_frame
from pose.heatmaps import average_flipped, decode_expected_oks, decode_quarter
from pose.hrnet import HRNet
from pose.library import pose_network
from pose.networks import PoseNetwork
from pose.people import Detections, FloatArray, Frame, Poses
from pose.runtime import Runtime, choose_device, choose_runtime
from pose.skeleton import Skeleton
from pose.weight_files import WeightsError


class PoseEstimator:
    """Finds the joints of people; `submit` lets the caller do something else meanwhile.

    flip: average with the heatmaps of the mirrored crops (the flip test), at twice the cost.
    """

    def __init__(
        self, network: PoseNetwork, run: Runtime, cutter: Cutter, *, flip: bool = False
    ) -> None:
        self._network = network
        self._size_wh = network.network.pictures.size_wh
        self._run = run
        self._cutter = cutter
        self._flip = flip

    @property
    def skeleton(self) -> Skeleton:
        """What the joints are."""
        return self._network.skeleton

    def __call__(self, frame: Frame, detections: Detections) -> Poses:
        """The poses of the people in the boxes, in their order."""
        return self.submit(frame, detections)()

    def submit(self, frame: Frame, detections: Detections) -> Callable[[], Poses]:
        """Start on the boxes of `frame`; the function returned waits for the poses."""
        if not len(detections):
            return lambda: Poses.empty(self.skeleton)
        regions = crop_regions(detections.boxes, self._size_wh, self._network.padding)  # (N, 4)
        crops = self._cutter.people(frame.image, regions, self._size_wh, self._network.unbiased)
        finish = self._run.submit(crops)
        finish_mirrored = self._run.submit(self._cutter.mirror(crops)) if self._flip else None

        def wait() -> Poses:
            heatmaps, *features = finish()  # (N, K, h, w), and (N, K, C) with appearance
            if finish_mirrored is not None:
                mirror, unbiased = self.skeleton.mirror, self._network.unbiased
                heatmaps = average_flipped(heatmaps, finish_mirrored()[0], mirror, unbiased)
            keypoints, scores = self._decode(heatmaps, regions)
            looks = [descriptors(one.cpu().numpy(), scores, self.skeleton) for one in features]
            return Poses(
                detections.boxes, detections.scores, keypoints, scores, self.skeleton, *looks
            )

        return wait

    def _decode(self, heatmaps: Tensor, regions: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Heatmaps (N, K, h, w) to keypoints (N, K, 2) in the frame and scores (N, K)."""
        if self._network.sigma is None:
            points, scores = decode_quarter(heatmaps)
        else:
            points, scores = decode_expected_oks(heatmaps, self.skeleton.sigmas)
        grid_wh = (heatmaps.shape[-1], heatmaps.shape[-2])
        scale, offset = grid_to_frame(regions, grid_wh, self._network.unbiased)  # (N, 2) each
        keypoints = points.cpu().numpy() * scale[:, None] + offset[:, None]  # (N, K, 2)
        return keypoints.astype(np.float32), scores.cpu().numpy()


def load_estimator(
    name_or_file: str, device: str = "auto", *, flip: bool = False, appearance: bool = False
) -> PoseEstimator:
    """The pose network that `name_or_file` names, on `device` (auto, cpu, cuda, cuda:N).

    appearance: the poses also carry descriptors of what people look like.
    Raises pose.weight_files.WeightsError and pose.runtime.DeviceError, both UserErrors.
    """
    place = choose_device(device)
    network = pose_network(name_or_file)
    if appearance:
        network = _describing(network)
    run = choose_runtime(network.network, place, many=True)
    return PoseEstimator(network, run, cutter_for(place), flip=flip)


def _describing(network: PoseNetwork) -> PoseNetwork:
    """The network with a second output: the appearance features at the joints."""
    inner, build = network.network, network.network.build
    if build is None:
        raise WeightsError(f"{inner.name} is an exported file and cannot describe appearance")

    def built() -> nn.Module:
        module = build()
        assert isinstance(module, HRNet)
        return WithAppearance(module)

    other = replace(inner, key=f"{inner.key}-appearance", build=built, ranges=None)
    return replace(network, network=other)
