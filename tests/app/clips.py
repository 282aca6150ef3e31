"""Videos made on the spot, and a pipeline that finds the bright people in them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from pose.people import Detections, Frame, Poses
from pose.skeleton import COCO17, Skeleton
from tracking.pipeline import Pipeline, PipelineConfig

SIZE = (160, 120)


def picture(index: int, size_wh: tuple[int, int] = SIZE, people: int = 2) -> np.ndarray:
    """A dark frame with bright upright boxes that walk to the right, two pixels a frame."""
    width, height = size_wh
    image = np.full((height, width, 3), 30, np.uint8)
    for person in range(people):
        x = 10 + 60 * person + 40 - abs(40 - index * 2 % 80)
        image[height // 4 : 3 * height // 4, x : x + width // 8] = (200, 220, 240)
    return image


def make_video(
    path: Path,
    frames: int = 30,
    size_wh: tuple[int, int] = SIZE,
    rate: int | Fraction = 25,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    times_s: Sequence[float] | None = None,
    sound: bool | str = False,  # or its codec
    people: int = 2,
    options: dict[str, str] | None = None,
    tags: dict[str, int | Fraction] | None = None,  # of the stream's codec
    format_name: str | None = None,
) -> Path:
    """Write a small video; `times_s` gives each frame its own time."""
    with av.open(str(path), "w", format=format_name) as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height = size_wh
        stream.pix_fmt = pix_fmt
        for name, value in (tags or {}).items():
            setattr(stream.codec_context, name, value)
        if times_s is not None:
            stream.codec_context.time_base = Fraction(1, 90000)
        voice = (
            container.add_stream("aac" if sound is True else sound, rate=48000) if sound else None
        )
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(index, size_wh, people), format="bgr24")
            frame = frame.reformat(format=pix_fmt)
            if times_s is not None:
                frame.pts, frame.time_base = round(times_s[index] * 90000), Fraction(1, 90000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if voice is not None:
            length = int(48000 * frames / rate)
            wave = np.sin(np.arange(length) * 2 * np.pi * 440 / 48000).astype(np.float32)[None]
            for start in range(0, length, 1024):
                chunk = av.AudioFrame.from_ndarray(
                    np.ascontiguousarray(wave[:, start : start + 1024]), "fltp", "mono"
                )
                chunk.sample_rate, chunk.pts = 48000, start
                container.mux(voice.encode(chunk))
            container.mux(voice.encode(None))
    return path


def turn(path: Path) -> Path:
    """Write a phone's rotation tag, 90 degrees clockwise, into an MP4's track header."""
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40  # ISO 14496-12, 8.3.2, version 0
    data[matrix : matrix + 36] = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


class BrightBoxes:
    """Detector: a person is a bright patch."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, frame: Frame) -> Detections:
        self.calls += 1
        mask = (frame.image.min(axis=2) > 120).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(mask)
        stats = stats[1:][stats[1:, cv2.CC_STAT_AREA] > 40]
        boxes = np.column_stack([stats[:, :2], stats[:, :2] + stats[:, 2:4]])
        return Detections(boxes.reshape(-1, 4).astype(np.float32), np.full(len(boxes), 0.9))


class Upright:
    """Estimator: joints at fixed places of the box."""

    skeleton: Skeleton = COCO17
    places = np.column_stack([np.linspace(0.2, 0.8, 17), np.linspace(0.05, 0.95, 17)])

    def __call__(self, frame: Frame, detections: Detections) -> Poses:
        low, size = (
            detections.boxes[:, None, :2],
            np.diff(detections.boxes.reshape(-1, 2, 2), axis=1),
        )
        keypoints = low + self.places[None].astype(np.float32) * size
        scores = np.full(keypoints.shape[:2], 0.8, np.float32)
        return Poses(detections.boxes, detections.scores, keypoints, scores, self.skeleton)


def build(config: PipelineConfig) -> Pipeline:
    """A pipeline without networks; worker processes can import it."""
    return Pipeline(BrightBoxes(), Upright(), config)
