"""Pipelines that fail in a worker process, which imports nothing heavy to build them."""

from __future__ import annotations

import os
from pathlib import Path

from clips import BrightBoxes, Upright

from pose.people import Detections, Frame
from tracking.pipeline import Pipeline, PipelineConfig


class DiesOnce(BrightBoxes):
    """Ends its process without a word on the tenth frame, the first time."""

    def __call__(self, frame: Frame) -> Detections:
        marker = Path(os.environ["POSSE_TEST_MARKER"])
        if frame.index == 10 and not marker.exists():
            marker.write_text("")
            os._exit(9)
        return super().__call__(frame)


def build_that_dies_once(config: PipelineConfig) -> Pipeline:
    return Pipeline(DiesOnce(), Upright(), config)


def build_without_weights(config: PipelineConfig) -> Pipeline:
    from pose.weight_files import WeightsError

    raise WeightsError("pose.safetensors: no such weights file")


def build_without_memory(config: PipelineConfig) -> Pipeline:
    raise MemoryError
