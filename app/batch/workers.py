"""Track clips one after another or in several processes; a failing clip does not stop the others.

A worker process has its own pipeline and device. If one dies, only its clip is affected: it goes to
a new worker, which continues from the clip's last block.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.synchronize import Event
from pathlib import Path

from app.batch.clip import BrokenClip, Clip, ClipReport, Progress, Stopped, Tell, track_clip
from app.batch.manifest import Entry
from app.batch.outputs import beside
from app.batch.store import Store
from app.config import Settings
from pose.errors import UserError
from tracking.pipeline import Pipeline, PipelineConfig

log = logging.getLogger(__name__)

Build = Callable[[PipelineConfig], Pipeline]
TRIES = 3  # how often a clip is tried if its worker dies


@dataclass(frozen=True, slots=True)
class Task:
    """A clip to track, and the hash under which its result is recorded."""

    clip: Clip
    key: str


@dataclass(frozen=True, slots=True)
class Job:
    """What all clips of a batch share."""

    settings: Settings
    weights: dict[str, str]  # "detector", "pose" -> SHA-256
    output: Path  # the folder that holds the clips' stems
    store: Store | None = None  # where the files move from there


def attempt(task: Task, job: Job, pipeline: Pipeline, tell: Tell, stopped: Stopped) -> Entry:
    """Track one clip and return how it ended; any error is reported in the entry."""
    try:
        with task.clip.alone():
            return _attempt(task, job, pipeline, tell, stopped)
    except UserError as error:
        return Entry(task.clip.source, "failed", task.key, str(error))
    except Exception as error:
        # A clip that triggers a bug of ours must not cost the rest of the night's work
        log.exception("%s: unexpected failure", task.clip.source)
        reason = f"{task.clip.source}: unexpected {type(error).__name__}: {error}"
        return Entry(task.clip.source, "failed", task.key, reason)


def _attempt(task: Task, job: Job, pipeline: Pipeline, tell: Tell, stopped: Stopped) -> Entry:
    reason = ""
    try:
        report = track_clip(task.clip, job.settings, pipeline, job.weights, tell, stopped)
    except BrokenClip as error:
        report, reason = error.report, str(error)
    outputs = _delivered(task, job, report)
    status = "failed" if reason else "interrupted" if report.interrupted else "done"
    if status == "done":  # only now: its files are where they belong
        task.clip.remove_work()
    return Entry(
        task.clip.source,
        status,
        task.key,
        reason or report.note,
        report.frames,
        report.people,
        round(report.seconds, 3),
        outputs,
        report.tracked,
    )


def _delivered(task: Task, job: Job, report: ClipReport) -> tuple[str, ...]:
    """The outputs' names, relative to the folder or store where they now are."""
    names = tuple(path.relative_to(job.output).as_posix() for path in report.outputs)
    if job.store is not None and report.outputs:
        note = beside(task.clip.stem, ".info.json")
        for path in (*report.outputs, note):
            job.store.take(path, path.relative_to(job.output).as_posix())
    return names


def run_here(
    tasks: Sequence[Task], job: Job, tell: Tell, stopped: Stopped, *, build: Build
) -> Iterator[Entry]:
    """Track the clips one after another in this process."""
    pipeline = build(job.settings.pipeline)
    for task in tasks:
        if stopped():
            return
        yield attempt(task, job, pipeline, tell, stopped)


class _Worker:
    """A process with a pipeline on its own device; takes one clip at a time."""

    def __init__(self, device: str, job: Job, build: Build, stop: Event) -> None:
        context = multiprocessing.get_context("spawn")  # CUDA and OpenVINO do not survive a fork
        self.device = device
        self.task: Task | None = None
        self.trial = 0
        self.connection, theirs = context.Pipe()
        config = replace(job.settings.pipeline, device=device)
        self.process = context.Process(
            target=_work, args=(theirs, job, config, build, stop), daemon=True
        )
        self.process.start()
        theirs.close()  # so that reading ends when the worker does

    def take(self, task: Task, trial: int) -> None:
        """Give it a clip."""
        self.task, self.trial = task, trial
        with contextlib.suppress(OSError):  # if the worker has died, the next read finds out
            self.connection.send(task)

    def received(self) -> Progress | Entry | UserError | None:
        """The next message; None if the process has died."""
        try:
            return self.connection.recv()
        except (EOFError, ConnectionError):
            return None

    def end(self) -> None:
        """Let it finish, or terminate it after 10 s."""
        with contextlib.suppress(OSError):
            self.connection.send(None)
        self.process.join(10)
        self.process.terminate()
        self.connection.close()


def run_processes(
    tasks: Sequence[Task],
    job: Job,
    tell: Tell,
    stopped: Stopped,
    *,
    build: Build,
    devices: Sequence[str],
) -> Iterator[Entry]:
    """Track the clips with a worker process per item of `devices`; yield entries as clips end."""
    waiting = deque((task, 1) for task in tasks)
    stop = multiprocessing.get_context("spawn").Event()
    workers = [_Worker(device, job, build, stop) for device in devices[: len(tasks)]]
    try:
        while waiting or any(worker.task for worker in workers):
            if stopped():
                stop.set()
                waiting.clear()
            for worker in workers:
                if worker.task is None and waiting:
                    worker.take(*waiting.popleft())
            by_connection = {worker.connection: worker for worker in workers if worker.task}
            for connection in wait(list(by_connection), timeout=0.2):
                worker = by_connection[connection]  # type: ignore[index]
                task, trial, message = worker.task, worker.trial, worker.received()
                assert task is not None
                if isinstance(message, Progress):
                    tell(message)
                elif isinstance(message, Entry):
                    worker.task = None
                    yield message
                elif isinstance(message, UserError):
                    raise message  # weights or device: no clip can be tracked
                else:
                    worker.end()
                    workers[workers.index(worker)] = _Worker(worker.device, job, build, stop)
                    if trial < TRIES and not stop.is_set():
                        log.warning("%s: its worker died; trying again", task.clip.source)
                        waiting.append((task, trial + 1))
                    else:
                        reason = f"{task.clip.source}: its worker died {trial} times"
                        yield Entry(task.clip.source, "failed", task.key, reason)
    finally:
        stop.set()
        for worker in workers:
            worker.end()


def _work(
    connection: Connection, job: Job, config: PipelineConfig, build: Build, stop: Event
) -> None:
    """What a worker process runs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    pipeline: Pipeline | None = None
    while (task := connection.recv()) is not None:
        try:
            pipeline = pipeline or build(config)
        except UserError as error:
            connection.send(error)
            return
        except Exception as error:  # e.g. out of memory: every clip would fail alike
            text = (
                f"{config.device}: the networks cannot be loaded: {type(error).__name__}: {error}"
            )
            connection.send(UserError(text))
            return
        connection.send(attempt(task, job, pipeline, connection.send, stop.is_set))
