"""Run the pipeline over a data set in PoseTrack's layout, and score it.

    python -m evaluation.run CONFIG.toml

The file names the truth, the pictures and the pipeline:

    truth = "posetrack_data/annotations/val"  # a PoseTrack .json per sequence
    frames = "posetrack_data"  # pictures as the truth names them, or NAME/, or NAME.mp4
    output = "out"
    kpt_thr = 0.4              # joints scored lower are not in the filtered set
    compat = "poseval"         # or "strict"

    [pipeline]                 # as in a preset
    pose = "pose_hrnet_w48_384x288.pth"
    flip = true

Two sets of predictions come out, as is usual in the field: `unfiltered` for AP and `filtered` for
tracking. Sequences that are already in `unfiltered` are not run again, unless the pipeline's
settings, its weights, the pictures' folder or the program differ from `made_with.json`.
"""

from __future__ import annotations

import argparse
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any

from app.config import ConfigError, put_over
from app.track import weights_of
from app.video.images import PICTURE_RATE, read_picture
from app.video.source import VIDEO_SUFFIXES, MediaError, open_source
from evaluation.annotation_files import read_sequence
from evaluation.annotations import AnnotationError, Sequence
from evaluation.pose_scores import ScoreOptions
from evaluation.posetrack import publish, score_set
from evaluation.results import check_folder, to_json, write_all
from pose.command import counted, program_version, run_command
from pose.people import Frame
from pose.reading import read_json, read_text, reading, shown
from tracking.files import ClipInfo
from tracking.formats.posetrack17 import Writer
from tracking.formats.whole import completing
from tracking.pipeline import Pipeline, PipelineConfig, build_pipeline


@dataclass(frozen=True, slots=True)
class RunConfig:
    """What to run on what; the file's paths are relative to its own folder."""

    truth: Path
    frames: Path
    output: Path
    kpt_thr: float = 0.4  # HRNet's own PoseTrack setting
    compat: str = "poseval"
    pipeline: PipelineConfig = field(default_factory=PipelineConfig)

    def __post_init__(self) -> None:
        if type(self.kpt_thr) not in (int, float) or not 0 <= self.kpt_thr <= 1:
            raise ConfigError(f"kpt_thr is {shown(self.kpt_thr)}, expected 0 to 1")
        if self.compat not in ("poseval", "strict"):
            raise ConfigError(f"compat is {self.compat!r}, expected poseval or strict")


def read_config(path: Path) -> RunConfig:
    """Read a TOML file. Raises ConfigError naming what is wrong with it."""
    try:
        table = tomllib.loads(read_text(path, ConfigError))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: cannot be read as TOML: {error}") from error
    known = {entry.name for entry in fields(RunConfig)}
    for name in table:
        if name not in known:
            raise ConfigError(f"{path}: no setting {name!r}; known are {', '.join(sorted(known))}")
    for name in ("truth", "frames", "output"):
        if not isinstance(table.get(name), str):
            raise ConfigError(f"{path}: {name} is missing or not a path")
        table[name] = path.parent / table[name]
    pipeline = table.get("pipeline", {})
    if not isinstance(pipeline, dict):
        raise ConfigError(f"{path}: pipeline is a table, [pipeline]")
    table["pipeline"] = put_over(PipelineConfig(), pipeline, f"{path}, [pipeline]")
    try:
        return RunConfig(**table)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def frames_of(sequence: Sequence, folder: Path) -> Iterator[Frame]:
    """The frames of a sequence, found by the truth's picture names or as a video of its name.

    Raises MediaError where one is missing, or where a video and the truth differ in frame count.
    """
    video = video_of(sequence, folder)
    if video is None:
        for index, name in enumerate(sequence.frame_names):
            path = _picture(sequence, index, folder)
            if path is None:
                raise MediaError(f"{folder}: no picture {name}, frame {index} of {sequence.path}")
            yield Frame(index, index / float(PICTURE_RATE), read_picture(path))
        return
    count = 0
    with open_source(video) as source:
        for frame in source:
            yield frame
            count += 1
    if count != len(sequence):
        raise MediaError(f"{video}: {count} frames, but {sequence.path} has {len(sequence)}")


def video_of(sequence: Sequence, folder: Path) -> Path | None:
    """The video of a sequence, None if its first picture is there; MediaError if neither is."""
    if not len(sequence):
        raise MediaError(f"{sequence.path} lists no frames")
    if _picture(sequence, 0, folder) is not None:
        return None
    videos = [folder / f"{sequence.path.stem}{suffix}" for suffix in VIDEO_SUFFIXES]
    for path in filter(Path.is_file, videos):
        return path
    names = f"{sequence.frame_names[0]}, {sequence.path.stem}/ or {videos[0].name}"
    raise MediaError(f"{folder}: no frames of {sequence.path.name} there; looked for {names}")


def _picture(sequence: Sequence, index: int, folder: Path) -> Path | None:
    name = Path(sequence.frame_names[index])
    places = (folder / name, folder / name.parent.name / name.name, folder / sequence.path.stem)
    candidates = (*places[:2], places[2] / name.name)
    return next((path for path in candidates if path.is_file()), None)


def predict(pipeline: Pipeline, sequence: Sequence, folder: Path, target: Path) -> None:
    """Run the pipeline over a sequence and write all its joints as a PoseTrack 2017 file."""
    pipeline.reset()
    writers: list[Writer] = []
    with completing(writers):
        for result in pipeline.follow(frames_of(sequence, folder)):
            if not writers:
                info = ClipInfo(sequence.path.stem, result.frame.size_wh, pipeline.skeleton)
                writers.append(Writer(target, info, sequence.frame_names))
            writers[0].put(result)


def without_low_joints(data: Any, threshold: float) -> Any:
    """A PoseTrack 2017 file's content without joints below the threshold or people left empty."""
    frames = []
    for frame in data["annolist"]:
        people = []
        for person in frame["annorect"]:
            points = person["annopoints"][0]["point"]
            kept = [point for point in points if point["score"][0] >= threshold]
            if kept:
                people.append({**person, "annopoints": [{"point": kept}]})
        frames.append({**frame, "annorect": people})
    return {**data, "annolist": frames}


def run_set(config: RunConfig) -> None:
    """Predict what is missing, write the filtered set, score, print and report."""
    truths = sorted(config.truth.glob("[!.]*.json"))
    if config.truth.is_file():
        truths = [config.truth]
    if not truths:
        raise AnnotationError(f"{config.truth}: no .json files there")
    unfiltered, filtered = config.output / "unfiltered", config.output / "filtered"
    check_folder(unfiltered)
    sequences = [read_sequence(path, truth=True, need_ids=True) for path in truths]
    unfiltered.mkdir(parents=True, exist_ok=True)
    _forget_others(config, [unfiltered / path.name for path in truths])
    _predict_missing(config, sequences, unfiltered)
    contents = {}
    for path in truths:
        kept = unfiltered / path.name
        with reading(str(kept), AnnotationError):  # it may come from elsewhere
            content = without_low_joints(read_json(kept, AnnotationError), config.kpt_thr)
        contents[path.name] = to_json(content)
    write_all(filtered, contents)
    # AP takes every joint, tracking those from the threshold on: this scores both sets in one go.
    options = ScoreOptions(strict=config.compat == "strict", kpt_thr=config.kpt_thr)
    scored = score_set(config.truth, unfiltered, options)
    publish(scored, options, config.output, per_sequence=True)


def _predict_missing(config: RunConfig, sequences: list[Sequence], unfiltered: Path) -> None:
    missing = [each for each in sequences if not (unfiltered / each.path.name).exists()]
    for sequence in missing:  # what is not there is said now, not after hours
        video_of(sequence, config.frames)
    if not missing:
        return
    pipeline = build_pipeline(config.pipeline)
    for number, sequence in enumerate(missing, start=1):
        start = time.perf_counter()
        predict(pipeline, sequence, config.frames, unfiltered / sequence.path.name)
        seconds = time.perf_counter() - start
        name, frames = sequence.path.stem, counted(len(sequence), "frame")
        sys.stderr.write(f"{number}/{len(missing)} {name}: {frames} in {seconds:.1f} s\n")


def _forget_others(config: RunConfig, predictions: list[Path]) -> None:
    """Delete predictions that were made with other settings than `config`, and record these."""
    note = config.output / "made_with.json"
    made_with = to_json(
        {
            "program": program_version(),
            "pipeline": asdict(config.pipeline),
            "weights": weights_of(config.pipeline),
            "frames": str(config.frames.resolve()),
        }
    )
    if note.is_file() and note.read_bytes() == made_with.encode():
        return
    there = [path for path in predictions if path.exists()]
    if there:
        count = counted(len(there), "sequence")
        sys.stderr.write(f"made with other settings, run again: {count}\n")
    for path in there:
        path.unlink()
    write_all(config.output, {note.name: made_with})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("config", type=Path, metavar="CONFIG", help="a TOML file")


def run(args: argparse.Namespace) -> int:
    """Run and score what the file asks for."""
    run_set(read_config(args.config))
    return 0


main = partial(run_command, "evaluation.run", __doc__, add_arguments, run)

if __name__ == "__main__":
    sys.exit(main())
