"""Other ways to run the same pose network, and other programs, timed beside ours in one run.

`per person` is the loop of simple-HRNet and many scripts like it, rewritten: for each person a
crop by warpAffine, normalisation in numpy, a batch of one through eager torch, an argmax.
`ONNX Runtime` is the network as `posse export` writes it, all people in one batch; it is an
optional install (pip install onnxruntime). They get the same frame and boxes.

The programs, `ultralytics` and `rtmlib`, are timed where they are installed: from a picture to its
people and their ids, frame after frame of a video, each with networks of its own, which it fetches
itself on first use.
"""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from evaluation.stages import Timing, people_boxes, time_stage
from pose.command import counted
from pose.cores import core_count
from pose.crops import crop_people
from pose.errors import UserError
from pose.estimator import load_estimator
from pose.export import export
from pose.geometry import crop_regions, grid_to_frame
from pose.library import pose_network
from pose.networks import PoseNetwork
from pose.people import Detections, FloatArray, Frame
from pose.runtime import choose_device
from tracking.pipeline import Pipeline, PipelineConfig

SMALLEST_YOLO = "yolo11n-pose"  # the smallest that Ultralytics offers for poses
RTMLIB_SIZES_WH = ((416, 416), (192, 256))  # of the networks that a user gives to rtmlib


def peer_timings(
    frame: Frame, config: PipelineConfig, people: Sequence[int], repeats: int
) -> list[Timing]:
    """Time ours and the others, for each number of people, in turn on the same boxes."""
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
            stage = f"{name}, {counted(count, 'person', 'people')}"
            if name.startswith("torch"):
                torch.set_num_threads(core_count())
            timings.append(time_stage(stage, partial(way, frame, boxes), repeats))
            torch.set_num_threads(1)
    return timings


def programs_not_installed() -> list[str]:
    """The names of the programs that `program_timings` leaves out."""
    return [name for name in ("ultralytics", "rtmlib") if not importlib.util.find_spec(name)]


def program_timings(
    frames: Sequence[Frame], pipeline: Pipeline, rtmlib_networks: Sequence[Path], repeats: int
) -> list[Timing]:
    """Time ours and the programs that are installed, one of the `frames` per call.

    `rtmlib_networks`: ONNX files of an RTMDet at 416x416 and of a pose network with heatmaps at
    192x256; empty for those that rtmlib fetches. Raises UserError where a program cannot start.
    """
    device = choose_device(pipeline.config.device)
    ways: dict[str, Callable[[Frame], object]] = {"posse": pipeline}
    if importlib.util.find_spec("ultralytics"):
        name, follow = ultralytics(device)
        ways[f"ultralytics, {name}"] = follow
    if importlib.util.find_spec("rtmlib"):
        name, follow = rtmlib(device, rtmlib_networks)
        ways[f"rtmlib, {name}"] = follow
    timings = []
    for name, way in ways.items():
        torch.set_num_threads(1 if way is pipeline else core_count())
        timings.append(time_stage(name, partial(next, map(way, cycle(frames))), repeats))
    torch.set_num_threads(1)
    return timings


def ultralytics(device: torch.device) -> tuple[str, Callable[[Frame], object]]:
    """YOLO11n-pose and its tracker; with random weights where the real ones cannot be fetched.

    Random weights find nobody, so that the time does not include any work per person.
    """
    from ultralytics import YOLO

    try:
        name, network = SMALLEST_YOLO, YOLO(f"{SMALLEST_YOLO}.pt")
    except (OSError, RuntimeError):  # not at hand, and it could not be fetched
        name, network = f"{SMALLEST_YOLO} with random weights", YOLO(f"{SMALLEST_YOLO}.yaml")

    def follow(frame: Frame) -> object:
        return network.track(frame.image, persist=True, verbose=False, device=str(device))

    return name, follow


def rtmlib(device: torch.device, networks: Sequence[Path]) -> tuple[str, Callable[[Frame], object]]:
    """PoseTracker of rtmlib in ONNX Runtime, with its detector on every frame."""
    from rtmlib import Body, Custom, PoseTracker

    solution: Any = partial(Body, mode="lightweight")
    name = "lightweight"
    if networks:
        for path in networks:
            if not path.is_file():
                raise UserError(f"{path}: no such file; expected a network for rtmlib")
        detector, pose = networks
        detector_size, pose_size = RTMLIB_SIZES_WH
        solution = partial(
            Custom,
            det_class="RTMDet",
            det=str(detector),
            det_input_size=detector_size,
            pose_class="ViTPose",  # its class of networks with heatmaps
            pose=str(pose),
            pose_input_size=pose_size,
        )
        name = f"{detector.stem} and {pose.stem}"
    try:
        follow = PoseTracker(solution, backend="onnxruntime", device=device.type)
    except Exception as error:  # its downloads fail in many ways
        raise UserError(
            f"rtmlib cannot start: {error}; give its networks by --rtmlib DETECTOR POSE"
        ) from error
    return name, lambda frame: follow(frame.image)


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
        for region in crop_regions(detections.boxes, size_wh, network.padding):
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
    """The exported network in ONNX Runtime, on its CUDA provider if it has one, else on the CPU."""
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
        regions = crop_regions(detections.boxes, size_wh, network.padding)
        crops = crop_people(frame.image, regions, size_wh, network.unbiased)
        heatmaps = session.run(None, {"images": crops})[0]  # (N, K, h, w)
        places = heatmaps.reshape(*heatmaps.shape[:2], -1).argmax(2)
        columns = heatmaps.shape[3]
        joints: FloatArray = np.stack([places % columns, places // columns], axis=2)
        return joints

    return estimate
