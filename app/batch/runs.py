"""Track many clips: skip finished ones, continue after broken ones, and account for all."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.batch.clip import NOBODY, Clip, Stopped, Tell
from app.batch.frames import fingerprint
from app.batch.manifest import Entry, Manifest
from app.batch.progress import Reporter
from app.batch.store import Store
from app.batch.workers import Job, Task
from app.config import Settings
from app.video.source import MediaError
from pose.command import counted, program_version

log = logging.getLogger(__name__)

# (tasks, job, tell, stopped) -> entries as clips end; see app.batch.workers and app.batch.cluster
Runner = Callable[[Sequence[Task], Job, Tell, Stopped], Iterator[Entry]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a batch ended."""

    done: list[Entry]
    skipped: list[Entry]  # finished by an earlier run
    failed: list[Entry]
    interrupted: bool

    @property
    def exit_code(self) -> int:
        """0: all done; 1: the only clip failed or holds nobody; 2: some of several failed."""
        if self.interrupted:
            return 130  # the shell's code for Ctrl-C
        if self.failed:
            return 1 if self.tried == 1 else 2
        return 1 if self.tried == 1 and self.empty else 0

    @property
    def tried(self) -> int:
        """How many clips were done, skipped or failed."""
        return len(self.done) + len(self.skipped) + len(self.failed)

    @property
    def empty(self) -> list[Entry]:
        """The clips in which nobody was found; a skipped one only if it is the only clip."""
        before = self.skipped if self.tried == 1 else []
        return [entry for entry in (*self.done, *before) if not entry.people]


def run_batch(
    clips: Sequence[Clip],
    output: Path,
    settings: Settings,
    weights: dict[str, str],
    run: Runner,
    reporter: Reporter,
    stopped: Stopped,
    resume: bool = True,
    store: Store | None = None,
) -> Outcome:
    """Track `clips` with `run` and record each end in the manifest of the folder `output`.

    With a `store`, files and manifest end up there and `output` is the working folder. With
    `resume`, a finished clip is skipped if its file, settings, weights and the program have not
    changed since.
    """
    manifest = Manifest(output, store)
    made_of = {clip.source: fingerprint(clip.source) for clip in clips}
    clips = _apart(clips, output, manifest, made_of)
    stems = {clip.source: clip.stem.relative_to(output).as_posix() for clip in clips}
    tasks = [Task(clip, key_of(made_of[clip.source], settings, weights)) for clip in clips]
    skipped: list[Entry] = []
    if resume:
        finished = [manifest.finished(task.clip, task.key) for task in tasks]
        skipped = [entry for entry in finished if entry is not None]
        tasks = [task for task, entry in zip(tasks, finished, strict=True) if entry is None]
    else:
        _remove_work(clips)
    reporter.start(len(tasks), len(skipped))
    _log_start(tasks, skipped, output, settings, weights)
    ended: list[Entry] = []
    try:
        if tasks:
            job = Job(settings, weights, output, store)
            for ended_as in run(tasks, job, reporter.progress, stopped):
                source = ended_as.source
                entry = replace(ended_as, stem=stems[source], made_of=made_of[source])
                manifest.add(entry)
                reporter.ended(entry)
                log.info("%s", _told(entry))
                ended.append(entry)
    finally:
        reporter.close()
        for folder in {clip.work.parent for clip in clips}:
            with contextlib.suppress(OSError):  # it does not exist, or holds unfinished work
                folder.rmdir()
    outcome = Outcome(
        [entry for entry in ended if entry.status == "done"],
        skipped,
        [entry for entry in ended if entry.status == "failed"],
        stopped() or any(entry.status == "interrupted" for entry in ended),
    )
    stop = ", stopped" if outcome.interrupted else ""
    log.info("end: %s%s; exit code %d", _counts(outcome), stop, outcome.exit_code)
    return outcome


def _remove_work(clips: Sequence[Clip]) -> None:
    """Delete what earlier runs left unfinished."""
    for clip in clips:
        with contextlib.suppress(MediaError), clip.alone():  # tracking it will say why
            clip.remove_work()


def _log_start(
    tasks: Sequence[Task],
    skipped: Sequence[Entry],
    output: Path,
    settings: Settings,
    weights: Mapping[str, str],
) -> None:
    log.info("start: %s into %s", program_version(), output)
    usual, chosen = _flat(Settings().to_json()), _flat(settings.to_json())
    other = {name: value for name, value in chosen.items() if value != usual.get(name)}
    networks = {name: chosen[f"pipeline.{name}"] for name in ("detector", "pose")}
    made_of = {f"sha256 of {part}": digest for part, digest in weights.items()}
    told = {**networks, "device": settings.pipeline.device, **other, **made_of}
    log.info("settings: %s", ", ".join(f"{name} {value}" for name, value in told.items()))
    for entry in skipped:
        log.info("finished before: %s", entry.source)
    for task in tasks:
        log.info("clip: %s -> %s", task.clip.source, task.clip.stem)


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The values of nested tables under dotted names such as pipeline.tracker.birth_thr."""
    result: dict[str, Any] = {}
    for name, value in table.items():
        nested = isinstance(value, Mapping)
        result |= _flat(value, f"{prefix}{name}.") if nested else {prefix + name: value}
    return result


def _told(entry: Entry) -> str:
    """How a clip ended, as a line of the log."""
    found = (
        f"{counted(entry.people, 'person', 'people')}, {counted(entry.frames, 'frame')}, "
        f"{entry.seconds:.1f} s{_rate(entry)}"
    )
    if entry.status == "failed":  # the reason begins with the source
        return f"failed: {entry.reason} ({found})"
    return f"{entry.status}: {entry.source}: {'; '.join(filter(None, (found, entry.reason)))}"


def _rate(entry: Entry) -> str:
    return f", {entry.tracked / entry.seconds:.1f} frames/s" if entry.tracked else ""


def _apart(
    clips: Sequence[Clip],
    output: Path,
    manifest: Manifest,
    made_of: Mapping[str, Mapping[str, Any]],
) -> list[Clip]:
    """The clips, renamed where the name holds files that an earlier run made of another source.

    Every evening's footage has a cam1.mp4.
    """
    taken: set[Path] = set()
    result = []
    for clip in clips:
        stem = clip.stem
        for number in itertools.count(2):
            owner = manifest.owner(stem.relative_to(output).as_posix())
            ours = owner is None or _same(owner.made_of, made_of[clip.source])
            if ours and stem not in taken:
                break
            stem = clip.stem.with_name(f"{clip.stem.name}_{number}")
        taken.add(stem)
        result.append(replace(clip, stem=stem))
    return result


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two fingerprints are of the same source: as it was, changed, or moved."""
    moved = {**one, "source": other.get("source")} == other
    return moved or one.get("source") == other.get("source")


def key_of(made_of: Mapping[str, Any], settings: Settings, weights: dict[str, str]) -> str:
    """A hash of the source's fingerprint, the settings, the weights and the program's version."""
    parts = [made_of, settings.to_json(), weights, program_version()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def empty_clips(outcome: Outcome) -> list[str]:
    """A line for each clip in which nobody was found, with the likely reason."""
    return list(map(_remark, outcome.empty))


def _remark(entry: Entry) -> str:
    return f"{entry.source}: {entry.reason or NOBODY}"


def summary(outcome: Outcome, output: Path | str) -> list[str]:
    """The summary printed at the end, as lines; `output` is a folder or a store's URL."""
    lines = []
    for entry in outcome.done:
        lines.append(
            f"{entry.source}: {counted(entry.people, 'person', 'people')}, "
            f"{counted(entry.frames, 'frame')}{_rate(entry)} -> {output}/{_files(entry)}"
        )
        if entry.reason or not entry.people:
            lines.append(_remark(entry))
    if outcome.tried > 1:
        lines.append(_counts(outcome))
    elif outcome.skipped:
        lines.append(
            f"{outcome.skipped[0].source}: finished before and unchanged; "
            "--no-resume tracks it anew"
        )
        lines += empty_clips(outcome)
    if outcome.interrupted:
        lines.append("stopped; the same command goes on from here")
    return lines


def _counts(outcome: Outcome) -> str:
    return (
        f"done {len(outcome.done)}, skipped {len(outcome.skipped)} (finished before), "
        f"failed {len(outcome.failed)}"
    )


def _files(entry: Entry) -> str:
    """The outputs as the first one's name and the endings of the others: NAME.mp4 .json .csv.

    Endings that differ only in a number, as of a picture per person, are merged into one.
    """
    endings = [name.removeprefix(entry.stem) for name in entry.outputs[1:]]
    numbered = Counter(re.sub(r"\d+", "*", ending) for ending in endings)
    told = [
        ending if numbered[same] == 1 else f"{same} ({numbered[same]})"
        for ending in endings
        for same in [re.sub(r"\d+", "*", ending)]
    ]
    return " ".join(dict.fromkeys([*entry.outputs[:1], *told]))
