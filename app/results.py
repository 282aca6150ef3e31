"""Open finished results (tracks with their video and corrections), save and export them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from app.batch.manifest import NAME as MANIFEST
from app.batch.manifest import read_entries
from app.corrections import (
    Correction,
    corrected_people,
    load_corrections,
    moved,
    names_of,
    save_corrections,
    sidecar_of,
)
from app.measures.table import MeasuresWriter
from app.taken import taken_of
from app.video.source import VIDEO_SUFFIXES, MediaError
from pose.skeleton import Skeleton
from tracking.files import (
    ClipInfo,
    Tracks,
    TracksWriter,
    frame_without_picture,
    open_writer,
    read_tracks,
)
from tracking.formats.whole import completing
from tracking.tracks import KnownFrame

DRAWN = "overlay_drawn_in"  # in a header's settings: the name of a video that shows the people
# In a header's settings: missing frames were not tracked yet. Tracks from elsewhere may hold every
# fourth frame on purpose, or those of a cropped picture, and must not be overwritten
GOES_ON = "following_goes_on"

Progress = Callable[[float], None]  # gets the share done, 0..1; may raise to cancel


@dataclass(frozen=True, slots=True, eq=False)
class OpenResult:
    """The content of a tracks file and of the files beside it, at the times of the video."""

    video: str
    drawn: bool  # the video shows the people already
    frames: list[KnownFrame]
    corrections: tuple[Correction, ...]
    tracks: Path
    goes_on: bool  # missing frames can still be tracked
    # Times in the files minus times in the video: the video of a part of a clip begins at 0, its
    # tracks have their times in the whole clip
    later_s: float = 0.0


def is_result(path: Path) -> bool:
    """Whether `open_result` can open this file, by its name."""
    return path.suffix == ".json" and not path.name.endswith((".corrections.json", ".info.json"))


def open_result(path: Path, video: Path | None = None) -> OpenResult:
    """Read `path`, its video (found unless given) and its corrections. Raises UserErrors."""
    tracks = read_tracks(path)
    source, outputs = _batch_of(path)
    found = video or video_of(path, tracks.info, source)
    drawn = _shows_people(found, outputs, tracks.info)
    begins_later = taken_of(tracks.info, path).begins_later
    later_s = tracks.frames[0].frame.time_s if drawn and tracks.frames and begins_later else 0.0
    frames = [
        KnownFrame(result.frame.time_s - later_s, result.people, result.ground)
        for result in tracks.frames
    ]
    beside = sidecar_of(path)
    # Whatever saves tracks to continue from always writes corrections beside them
    goes_on = not drawn and beside.is_file() and bool(tracks.info.settings.get(GOES_ON))
    corrections = moved(load_corrections(beside), -later_s)
    return OpenResult(str(found), drawn, frames, corrections, path, goes_on, later_s)


def with_corrections(path: Path, tracks: Tracks) -> tuple[Tracks, dict[int, str]]:
    """The tracks of `path` with the window's corrections applied, and its names by corrected id.

    If there are corrections, a note of the tracks says whether they are applied. Raises
    CorrectionsError.
    """
    kept = sidecar_of(path)
    if not is_result(path):  # a table with that name may be another program's
        if not kept.is_file():
            return tracks, {}
        of = path.with_suffix(".json").name
        note = f"{kept.name} is of {of}; name that to have the corrections in it applied"
        return replace(tracks, notes=(*tracks.notes, note)), {}
    corrections = load_corrections(kept)
    if not corrections:
        return tracks, {}
    frames = [
        replace(result, people=corrected_people(result.people, result.frame.time_s, corrections))
        for result in tracks.frames
    ]
    notes = (*tracks.notes, f"the corrections of {kept.name} are applied")
    return replace(tracks, frames=frames, notes=notes), names_of(corrections)


def is_drawn(video: Path, tracks: Path, info: ClipInfo) -> bool:
    """True if people are drawn in `video`: the batch or the window wrote it with the tracks."""
    return _shows_people(video, _batch_of(tracks)[1], info)


def _shows_people(video: Path, outputs: Sequence[Path], info: ClipInfo) -> bool:
    ours = video.resolve() in [path.resolve() for path in outputs]
    return ours or info.settings.get(DRAWN) == video.name


def video_of(tracks: Path, info: ClipInfo, source: Path | None = None) -> Path:
    """The video of a tracks file that was made from `source`. Raises MediaError.

    Videos without people drawn in come first: the clean video beside the tracks, then the source,
    if it still exists and no frame was left out, cropped, rotated or mirrored.
    """
    clean = _beside(tracks, f"{tracks.stem}.clean")
    if clean is not None:
        return clean
    if source is not None and source.exists() and taken_of(info, tracks).as_they_are:
        return source
    for stem in dict.fromkeys((tracks.stem, info.name)):
        path = _beside(tracks, stem)
        if path is not None:
            return path
    raise MediaError(
        f"{tracks}: its video {tracks.stem}.mp4 is not beside it; copy it there and open it again"
    )


def _beside(tracks: Path, stem: str) -> Path | None:
    """The video with that name, in either case of its ending; lower case, as ours, wins."""
    named = (path for path in tracks.parent.iterdir() if path.stem == stem)
    ours_last = sorted(named, key=lambda path: (path.suffix.islower(), path.name))
    found = {path.suffix.lower(): path for path in ours_last}
    paths = (found[suffix] for suffix in VIDEO_SUFFIXES if suffix in found)
    return next((path for path in paths if path.is_file()), None)


def _batch_of(tracks: Path) -> tuple[Path | None, list[Path]]:
    """The source from which a batch made `tracks`, and all that it wrote beside them."""
    for folder in tracks.absolute().parents:
        for entry in reversed(read_entries(folder / MANIFEST)):
            outputs = [folder / name for name in entry.outputs]
            if tracks.absolute() in outputs:
                # As named, it is relative to where the batch ran; the fingerprint has the full path
                source = Path(str(entry.made_of.get("source", entry.source)))
                return source, [tracks.with_name(path.name) for path in outputs]
    return None, []


def save_result(
    path: Path,
    info: ClipInfo,
    frames: Sequence[KnownFrame],
    corrections: Sequence[Correction],
    progress: Progress,
) -> None:
    """Write the tracks without corrections to `path`, and the corrections beside it.

    The tracks go first: if that is cancelled or fails, the old tracks must keep their corrections.
    """
    writers = [open_writer("posetrack18", path, info)]
    with completing(writers):
        _put(frames, writers, info.skeleton, (), progress)
    save_corrections(sidecar_of(path), corrections)


def export_result(
    path: Path,
    info: ClipInfo,
    frames: Sequence[KnownFrame],
    corrections: Sequence[Correction],
    kpt_thr: float,
    progress: Progress,
) -> None:
    """Write tracks with corrections applied, as JSON and CSV, and the measures, for other programs.

    Joints that score below `kpt_thr` are in the tracks but are not measured.
    """
    writers: list[TracksWriter] = []
    table = path.with_suffix(".measures.csv")
    with completing(writers):
        writers.append(open_writer("posetrack18", path, info))
        writers.append(open_writer("csv", path.with_suffix(".csv"), info))
        writers.append(MeasuresWriter(table, names_of(corrections), kpt_thr, info.frame_s))
        _put(frames, writers, info.skeleton, corrections, progress)


def _put(
    frames: Sequence[KnownFrame],
    writers: Sequence[TracksWriter],
    skeleton: Skeleton,
    corrections: Sequence[Correction],
    progress: Progress,
) -> None:
    """Give the frames to the writers, with the joints of `skeleton` throughout.

    Some frames may be of an earlier pose network that finds other joints.
    """
    for index, (time_s, people, ground) in enumerate(frames):
        shown = corrected_people(people, time_s, corrections).in_joints_of(skeleton)
        result = frame_without_picture(index, time_s, shown, ground)
        for writer in writers:
            writer.put(result)
        if index % 50 == 0:
            progress(index / len(frames))
