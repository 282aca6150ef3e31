"""Other ways to run the same pose network, timed beside ours on the same frame and boxes.

`per person` is the loop of simple-HRNet and many scripts like it, written anew: for each person a
crop by warpAffine, normalisation in numpy, a batch of one through eager torch, an argmax.
`ONNX Runtime` is the network as `posse export` writes it, all people in one batch; it is an
optional install (pip install onnxruntime).
"""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch

from evaluation.stages import Timing, people_boxes, time_stage
from pose.crops import crop_people
from pose.estimator import PADDING, load_estimator
from pose.export import export
from pose.geometry import crop_regions, grid_to_frame
from pose.library import pose_network
from pose.networks import PoseNetwork
from pose.people import Detections, FloatArray, Frame
from pose.runtime import choose_device, core_count
from tracking.pipeline import PipelineConfig


def peer_timings(
    frame: Frame, config: PipelineConfig, people: Sequence[int], repeats: int
) -> list[Timing]:
    """Ours and the others', for each number of people, in turns on the same boxes."""
    network = pose_network(config.pose)
    ways: dict[str, Callable[[Frame, Detections], object]] = {
        "ours": load_estimator(config.pose, config.device)
    }
    if network.network.build is not None:
        ways["torch, per person"] = per_person(network, choose_device(config.device))
        if importlib.util.find_spec("onnxruntime"):
            ways["ONNX Runtime"] = onnx_runtime(network)
    timings = []
    for count in people:
        boxes = people_boxes(frame, count, Detections.empty())
        for name, way in ways.items():
            stage = f"{name}, {count} {'person' if count == 1 else 'people'}"
            if name.startswith("torch"):
                torch.set_num_threads(core_count())
            timings.append(time_stage(stage, partial(way, frame, boxes), repeats))
            torch.set_num_threads(1)
    return timings


def per_person(
    network: PoseNetwork, device: torch.device
) -> Callable[[Frame, Detections], FloatArray]:
    """The loop over people, in eager torch."""
    inner = network.network
    assert inner.build is not None
    module = inner.build().eval().to(device)
    size_wh = inner.pictures.size_wh
    mean, std = np.array(inner.pictures.mean), np.array(inner.pictures.std)

    def estimate(frame: Frame, detections: Detections) -> FloatArray:
        joints = []
        for region in crop_regions(detections.boxes, size_wh, PADDING):
            scale, offset = grid_to_frame(region[None], size_wh)
            affine = np.array([[scale[0, 0], 0, offset[0, 0]], [0, scale[0, 1], offset[0, 1]]])
            crop = cv2.warpAffine(
                frame.image, affine, size_wh, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            )
            pixels = (crop[..., ::-1] - mean) / std  # (H, W, 3)
            batch = torch.from_numpy(pixels.transpose(2, 0, 1)[None].astype(np.float32))
            with torch.no_grad():
                heatmaps = module(batch.to(device)).cpu().numpy()[0]  # (K, h, w)
            places = heatmaps.reshape(len(heatmaps), -1).argmax(1)
            columns = heatmaps.shape[2]
            joints.append(np.stack([places % columns, places // columns], axis=1))
        return np.array(joints, np.float32)

    return estimate


def onnx_runtime(network: PoseNetwork) -> Callable[[Frame, Detections], FloatArray]:
    """The exported network in ONNX Runtime, on the CPU or its CUDA provider where it has one."""
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pose.onnx"
        export(network, "onnx", path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = core_count()
        available = onnxruntime.get_available_providers()
        providers = [
            name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in available
        ]
        session = onnxruntime.InferenceSession(path, options, providers=providers)
    size_wh = network.network.pictures.size_wh

    def estimate(frame: Frame, detections: Detections) -> FloatArray:
        regions = crop_regions(detections.boxes, size_wh, PADDING)
        crops = crop_people(frame.image, regions, size_wh, network.unbiased)
        heatmaps = session.run(None, {"images": crops})[0]  # (N, K, h, w)
        places = heatmaps.reshape(*heatmaps.shape[:2], -1).argmax(2)
        columns = heatmaps.shape[3]
        joints: FloatArray = np.stack([places % columns, places // columns], axis=2)
        return joints

    return estimate
