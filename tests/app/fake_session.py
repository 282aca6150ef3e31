"""Sources and pipelines that behave as told, for the session's and the window's tests."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from app.video.source import FrameSource, MediaError
from pose.people import Detections, Frame, Poses
from pose.skeleton import COCO17, Skeleton
from tracking.pipeline import Pipeline, PipelineConfig

SIZE_WH = (160, 120)


def picture(number: int, size_wh: tuple[int, int] = SIZE_WH) -> np.ndarray:
    """A picture with `number` burnt into its first row as 32 black or white blocks."""
    image = np.full((size_wh[1], size_wh[0], 3), 90, np.uint8)
    bits = np.array([(number >> bit) & 1 for bit in range(32)], np.uint8)
    image[:4, :128] = np.repeat(bits * 255, 4)[None, :, None]
    return image


def burnt_number(image: np.ndarray) -> int:
    """The number in `picture`."""
    bits = image[1, 2:128:4, 0] > 127
    return int(sum(1 << bit for bit, on in enumerate(bits) if on))


class FakeCamera:
    """A live source at a fixed rate with the microseconds since its start burnt in."""

    live = True
    frame_count = None

    def __init__(self, rate: float = 30.0, frames: int | None = None, size_wh=SIZE_WH) -> None:
        self.name = "fake"
        self.size_wh = size_wh
        self.frame_rate: Fraction | None = Fraction(rate)
        self.began_s = time.monotonic()
        self.given = 0
        self._frames = frames
        self._stopped = threading.Event()

    def __iter__(self) -> Iterator[Frame]:
        start_s = time.monotonic()
        for index in itertools.count():
            if self._frames is not None and index >= self._frames:
                raise MediaError("fake: unplugged")
            due_s = start_s + index / float(self.frame_rate)
            if self._stopped.wait(max(0.0, due_s - time.monotonic())):
                return
            now_s = time.monotonic() - self.began_s
            self.given += 1
            yield Frame(index, now_s, picture(int(now_s * 1e6), self.size_wh))

    def seek(self, time_s: float) -> None:
        raise MediaError("fake: no past")

    def skip(self, count: int) -> int:
        return 0

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        self._stopped.set()

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class FakeFile(FakeCamera):
    """A file of `frames` frames whose numbers are burnt in, each 1 / rate s after the last."""

    live = False

    def __init__(self, frames: int = 30, rate: float = 25.0, breaks_at: int | None = None) -> None:
        super().__init__(rate)
        self.name = "fake file"
        self.frame_count = frames
        self._next = 0
        self._breaks_at = breaks_at

    def __iter__(self) -> Iterator[Frame]:
        while self._next < self.frame_count:
            if self._next == self._breaks_at:
                raise MediaError("fake file: breaks off")
            index, self._next = self._next, self._next + 1
            yield Frame(index, index / float(self.frame_rate), picture(index))

    def seek(self, time_s: float) -> None:
        self._next = int(np.ceil(time_s * float(self.frame_rate) - 1e-6))


class TwoWalkers:
    """A detector that sees two people, one moving right and one standing."""

    def __init__(self, delay_s: float = 0.0) -> None:
        self.delay_s = delay_s

    def __call__(self, frame: Frame) -> Detections:
        if self.delay_s:
            time.sleep(self.delay_s)
        x = 20 + 10 * min(frame.time_s, 5.0)
        boxes = np.array([[x, 20, x + 20, 80], [110, 30, 135, 95]], np.float32)
        return Detections(boxes, np.array([0.95, 0.9], np.float32))


class BoxJoints:
    """An estimator that lays the joints on a grid in the box."""

    skeleton: Skeleton = COCO17

    def __call__(self, frame: Frame, detections: Detections) -> Poses:
        rows = np.linspace(0.1, 0.9, 17, dtype=np.float32)
        grid = np.stack([0.3 + 0.4 * (np.arange(17) % 2), rows], axis=1).astype(np.float32)
        low, high = detections.boxes[:, None, :2], detections.boxes[:, None, 2:]
        keypoints = low + grid * (high - low)
        scores = np.full((len(detections), 17), 0.8, np.float32)
        return Poses(detections.boxes, detections.scores, keypoints, scores, COCO17)


def make_pipeline(config: PipelineConfig, delay_s: float = 0.0) -> Pipeline:
    """A real pipeline and tracker on two fake walkers."""
    return Pipeline(TwoWalkers(delay_s), BoxJoints(), config)


def opener(*sources: FrameSource):
    """An `open_source` that gives `sources` one after the other."""
    waiting = list(sources)
    return lambda spec: waiting.pop(0)


def wait_for(condition, timeout_s: float = 30.0) -> None:
    """Return once `condition()` is true; fail the test after `timeout_s`."""
    end_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end_s, "waited in vain"
        time.sleep(0.005)
