"""Build pipelines on a thread of their own, so that loading a network never stops the picture."""

from __future__ import annotations

import gc
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.live.latest import Latest
from app.live.preloading import preload_libraries
from pose.catalogue import Published
from pose.errors import UserError
from pose.weight_files import to_fetch
from tracking.pipeline import Pipeline, PipelineConfig, build_pipeline

log = logging.getLogger(__name__)

MakePipeline = Callable[[PipelineConfig], Pipeline]

_IMPORTING = threading.Lock()  # else a second thread would find the collector off and leave it


@contextmanager
def holding_nobody_up() -> Iterator[None]:
    """Import torch within this without blocking other threads, except those that enter it too.

    The first import makes some hundred thousand permanent objects; each pass of the garbage
    collector over them would stop all threads for a tenth of a second.
    """
    with _IMPORTING:
        first, collecting = "torch" not in sys.modules, gc.isenabled()
        preload_libraries()
        gc.disable()
        try:
            yield
        finally:
            if first:
                gc.freeze()
            if collecting:
                gc.enable()


def load_pipeline(config: PipelineConfig) -> Pipeline:
    """Load the networks that `config` names, without blocking other threads."""
    with holding_nobody_up():
        return build_pipeline(config)


class PipelineLoader:
    """Builds the pipeline of the newest config asked for; skips those superseded meanwhile."""

    def __init__(self, make_pipeline: MakePipeline) -> None:
        self.problem = ""  # why the last one could not be built, in one line
        self.to_fetch: tuple[Published, ...] = ()  # networks it needs that are missing
        self.picture_wh: tuple[int, int] | None = None  # what the pipeline will be given
        self._make = make_pipeline
        self._asked: Latest[PipelineConfig] = Latest()
        self._built: Latest[Pipeline] = Latest()
        self._open = 0  # configs asked for, but not yet built, failed or skipped
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load networks", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """True while a pipeline is being built."""
        return self._open > 0

    def ask(self, config: PipelineConfig) -> None:
        """Ask for the pipeline of `config`; returns at once."""
        with self._lock:
            self._open += 1
        if self._asked.put(config) is not None:
            self._answered()

    def take(self, timeout_s: float = 0.0) -> Pipeline | None:
        """The newest pipeline built, if not taken yet."""
        return self._built.take(timeout_s)

    def close(self) -> None:
        """End the thread; waits for a network that is being loaded."""
        self._closing.set()
        self._asked.close()
        self._thread.join()
        self._built.close()

    def _warm_up(self, pipeline: Pipeline) -> None:
        """Run the networks once here: a camera's people are forgotten if a frame takes seconds."""
        try:
            pipeline.warm_up(self.picture_wh)
        except Exception:  # the first frame fails likewise, and the window says why
            log.debug("warming up", exc_info=True)

    def _answered(self) -> None:
        with self._lock:
            self._open -= 1

    def _run(self) -> None:
        while not self._closing.is_set():
            config = self._asked.take(timeout_s=1.0)
            if config is None:
                continue
            self.problem, self.to_fetch = "", ()
            try:
                pipeline = self._make(config)
                self._warm_up(pipeline)
                self._built.put(pipeline)
            except UserError as error:
                log.warning("%s", error)
                self.problem, self.to_fetch = str(error), to_fetch(config.detector, config.pose)
            except Exception as error:  # a network's own error; playing continues without it
                log.exception("loading %s and %s", config.detector, config.pose)
                self.problem = f"The networks cannot be loaded: {type(error).__name__}: {error}"
            self._answered()
