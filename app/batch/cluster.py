"""The batch on many machines: one Ray task per clip, with the same work and the same files.

Every machine must see the clips and the output folder under the same path. Weights travel through
Ray's object store, once per machine. A task that dies with its process or machine is restarted
elsewhere and continues from the clip's last block.
"""

from __future__ import annotations

import hashlib
import logging
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.batch.clip import Progress, Stopped, Tell
from app.batch.manifest import Entry
from app.batch.workers import TRIES, Build, Job, Task, attempt
from pose.errors import UserError
from tracking.pipeline import Pipeline, PipelineConfig

log = logging.getLogger(__name__)

TOLD_EVERY_S = 0.5  # how often a task reports its progress and asks whether to stop
ANSWERS_WITHIN_S = 5.0  # time limit for connecting to the cluster's head node
CPUS_PER_CLIP = 2  # where the cluster has no GPU: one to track, one to decode and encode


class ClusterError(UserError):
    """A cluster that cannot be used."""


Sent = dict[str, bytes]  # file name -> content, of one network; first the file the user named


class Board:
    """Where tasks post their progress and read whether to stop; lives in a Ray actor."""

    def __init__(self) -> None:
        self._posted: dict[str, Progress] = {}
        self._stopped = False

    def post(self, progress: Progress) -> bool:
        """Post a clip's progress; returns whether to stop."""
        self._posted[progress.source] = progress
        return self._stopped

    def exchange(self, stopped: bool) -> list[Progress]:
        """Say whether to stop; returns what was posted since the last call."""
        self._stopped = self._stopped or stopped
        posted, self._posted = list(self._posted.values()), {}
        return posted


def run_cluster(
    tasks: Sequence[Task],
    job: Job,
    tell: Tell,
    stopped: Stopped,
    *,
    build: Build,
    address: str,
    weights_files: Sequence[Sequence[Path]] = (),
) -> Iterator[Entry]:
    """Track the clips on the Ray cluster at `address` ("auto": the one this machine is part of).

    `weights_files` are the files of the detector and of the pose network, of each the named one
    first; without them, every machine uses its own. Raises ClusterError if there is no cluster.
    """
    ray = _connected(address)
    board = ray.remote(num_cpus=0)(Board).remote()
    weights = [ray.put({path.name: path.read_bytes() for path in files}) for files in weights_files]
    with_gpu = ray.cluster_resources().get("GPU", 0) > 0
    cpus = min(CPUS_PER_CLIP, int(ray.cluster_resources().get("CPU", 1)))
    share = {"num_gpus": 1} if with_gpu else {"num_cpus": cpus}
    device = "cuda:0" if with_gpu else "cpu"  # Ray shows a task only its own GPU
    settings = job.settings
    job = replace(
        job, settings=replace(settings, pipeline=replace(settings.pipeline, device=device))
    )
    remote = ray.remote(max_retries=TRIES - 1, retry_exceptions=False, **share)(_track)
    shared_job, shared_build = ray.put(job), ray.put(build)
    running = {
        remote.remote(task, shared_job, shared_build, board, *weights): task for task in tasks
    }
    while running:
        done, _ = ray.wait(list(running), timeout=TOLD_EVERY_S)
        for progress in ray.get(board.exchange.remote(stopped())):
            tell(progress)
        for reference in done:
            task = running.pop(reference)
            try:
                yield ray.get(reference)
            except ray.exceptions.RayTaskError as error:
                if isinstance(error.cause, UserError):
                    raise error.cause from None  # weights or device: no clip can be tracked
                raise
            except ray.exceptions.RayError as error:
                reason = f"{task.clip.source}: its worker died {TRIES} times ({error})"
                yield Entry(task.clip.source, "failed", task.key, " ".join(reason.split()))


def _connected(address: str) -> Any:
    try:
        import ray
    except ImportError as error:
        raise ClusterError(
            "--cluster needs Ray: pip install 'posse[cluster]' on every machine"
        ) from error
    if not ray.is_initialized():
        _check_reachable(address)
        try:
            ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False)
        except (ConnectionError, ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise ClusterError(
                f"no Ray cluster at {address} ({reason}); start one with 'ray start --head'"
            ) from error
    return ray


def _check_reachable(address: str) -> None:
    """Raise ClusterError if nothing listens at host:port; Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        return  # "auto" and the like
    try:
        socket.create_connection((host, int(port)), ANSWERS_WITHIN_S).close()
    except OSError as error:
        raise ClusterError(
            f"no Ray cluster at {address} ({error}); start one with 'ray start --head'"
        ) from error


# One pipeline per process: Ray runs many tasks in a process, and networks take seconds to load
_loaded: dict[tuple[PipelineConfig, Build], Pipeline] = {}


def _track(task: Task, job: Job, build: Build, board: Any, *weights: Sent) -> Entry:
    """What a Ray task runs."""
    config = with_local_weights(job.settings.pipeline, *weights)
    made = config, build
    if made not in _loaded:
        _loaded.clear()
        _loaded[made] = build(config)
    tell, stopped = _posting(board)
    return attempt(task, job, _loaded[made], tell, stopped)


def _posting(board: Any) -> tuple[Tell, Stopped]:
    """`tell` and `stopped` that call the board every TOLD_EVERY_S and otherwise cost nothing."""
    import ray

    told_s = float("-inf")
    stop = False

    def tell(progress: Progress) -> None:
        nonlocal told_s, stop
        if time.monotonic() - told_s >= TOLD_EVERY_S:
            told_s = time.monotonic()
            stop = ray.get(board.post.remote(progress))

    return tell, lambda: stop


def with_local_weights(config: PipelineConfig, *sent: Sent) -> PipelineConfig:
    """The configuration with paths of the sent detector and pose network, written to files here."""
    files = zip(("detector", "pose"), map(_written, sent), strict=False)
    local: dict[str, Any] = {part: str(file) for part, file in files}
    return replace(config, **local)


def _written(sent: Sent) -> Path:
    """Write the files to a folder of their own on this machine; return the first one's path."""
    digest = hashlib.sha256()
    for content in sent.values():
        digest.update(content)
    folder = Path(tempfile.gettempdir()) / f"posse-weights-{digest.hexdigest()}"
    folder.mkdir(exist_ok=True)
    for name, content in sent.items():
        if not (folder / name).is_file():
            with tempfile.NamedTemporaryFile(dir=folder, delete=False) as partial:
                partial.write(content)
            Path(partial.name).replace(folder / name)  # two tasks may do this at the same time
    return folder / next(iter(sent))
