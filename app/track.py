"""`posse track`: track clips in batch from the command line."""

from __future__ import annotations

import argparse
import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path

from app.batch.inputs import find_clips
from app.batch.progress import Bars, JsonLines, Quiet, Reporter
from app.batch.runs import Runner, empty_clips, run_batch, summary
from app.batch.store import Store
from app.batch.workers import Build, run_here, run_processes
from app.config import Settings
from app.log_file import logging_to
from app.track_options import add_arguments, settings_of
from app.video.source import VIDEO_SUFFIXES
from pose.command import say, tell
from pose.errors import UserError
from pose.writing import writing
from tracking.files import FORMATS
from tracking.pipeline import PipelineConfig, build_pipeline

__all__ = ["add_arguments", "run", "stopping_on_interrupt", "weights_files", "weights_of"]

log = logging.getLogger(__name__)


def run(args: argparse.Namespace, build: Build = build_pipeline) -> int:
    """Track what the arguments name; returns the exit code. `build` makes the pipelines."""
    with logging_to(args.log_file) if args.log_file else nullcontext():
        return _run(args, build)


def _run(args: argparse.Namespace, build: Build) -> int:
    settings = settings_of(args)
    store = Store(args.output.rstrip("/")) if "://" in args.output else None
    output = store.scratch if store else Path(args.output)
    files = (*VIDEO_SUFFIXES, *(kind.suffix for kind in FORMATS.values() if not kind.is_folder))
    if args.output.lower().endswith(files) and not output.exists():
        raise UserError(f"-o {args.output}: give a folder; what is in it is named after the clip")
    with writing(output):
        output.mkdir(parents=True, exist_ok=True)
    clips = find_clips(args.inputs, output)
    weights = weights_of(settings.pipeline) if build is build_pipeline else {}
    reporter: Reporter = Bars()
    if args.json_progress:
        reporter = JsonLines()
    elif args.quiet:
        reporter = Quiet()
    with stopping_on_interrupt() as stop:
        outcome = run_batch(
            clips,
            output,
            settings,
            weights,
            _runner(args, settings, build),
            reporter,
            stop.is_set,
            args.resume,
            store,
        )
    if not (args.quiet or args.json_progress):
        for line in summary(outcome, store.url if store else output):
            say(line)
    elif outcome.exit_code:
        for line in empty_clips(outcome):
            tell(line)
    for entry in outcome.failed:
        tell(entry.reason)
    return outcome.exit_code


def weights_of(config: PipelineConfig) -> dict[str, str]:
    """SHA-256 of the weights that `config` names. Raises pose.weight_files.WeightsError."""
    from pose.weight_files import sha256_of

    parts = zip(("detector", "pose"), weights_files(config), strict=True)
    return {part: sha256_of(*files) for part, files in parts}


def weights_files(config: PipelineConfig) -> list[tuple[Path, ...]]:
    """The files of the detector and of the pose network, of each the named one first."""
    from pose.weight_files import files_of, find_weights

    return [files_of(find_weights(name)) for name in (config.detector, config.pose)]


@contextmanager
def stopping_on_interrupt() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C or SIGTERM sets; a second one interrupts at once."""
    stop = threading.Event()

    def ask(signum: int, _: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        log.warning("finishing what is begun; press Ctrl-C again to leave at once")

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _runner(args: argparse.Namespace, settings: Settings, build: Build) -> Runner:
    if args.cluster:
        from app.batch.cluster import run_cluster

        sent = weights_files(settings.pipeline) if build is build_pipeline else ()
        return partial(run_cluster, build=build, address=args.cluster, weights_files=sent)
    if args.gpus:
        devices = [f"cuda:{number}" for number in args.gpus]
        return partial(run_processes, build=build, devices=devices)
    if args.jobs > 1:
        device = args.device or "auto"
        return partial(run_processes, build=build, devices=[device] * args.jobs)
    return partial(run_here, build=build)
