"""Files beside a source: its tracks, and what to open instead of a CSV table."""

from __future__ import annotations

import shlex
from pathlib import Path

from app.corrections import sidecar_of
from app.gui.translation import tr
from app.results import OpenResult, is_result, open_result
from app.video.images import SUFFIXES
from app.video.source import MediaError
from pose.errors import UserError


def tracks_of(source: Path) -> Path:
    """Where the tracks of a video or folder are kept: NAME.json beside it."""
    return source.with_name(f"{source.stem}.json")


def saved_with(source: Path) -> OpenResult | None:
    """What was saved with `source`, tracks or a video; None if it has no tracks of its own.

    Tracks beside a video are its own if they have corrections beside them, as the window saves
    them, or if the people are drawn in it. Raises UserErrors.
    """
    if is_result(source):
        return open_tracks(source)
    beside = tracks_of(source)
    if not beside.is_file():
        return None
    return (
        open_result(beside, source) if sidecar_of(beside).is_file() else result_of(beside, source)
    )


def open_tracks(tracks: Path) -> OpenResult:
    """Open `tracks` with their video, or with the folder or photograph of that name beside them.

    Raises UserErrors.
    """
    try:
        return open_result(tracks)
    except MediaError:
        pictures = _pictures_of(tracks)
        if pictures is None:
            raise
        return open_result(tracks, pictures)


def _pictures_of(tracks: Path) -> Path | None:
    folder = tracks.with_suffix("")
    if folder.is_dir():
        return folder
    found = (tracks.with_suffix(suffix) for suffix in sorted(SUFFIXES))
    return next((path for path in found if path.is_file()), None)


def result_of(tracks: Path, video: Path) -> OpenResult | None:
    """The finished result whose overlay video, with people drawn in, is `video`.

    None for any other video: tracks beside it may belong to something else.
    """
    try:
        return open_result(tracks) if open_result(tracks, video).drawn else None
    except UserError:
        return None


def instead_of(table: Path) -> str:
    """Say what to open instead of a CSV file, which cannot be opened."""
    stem = table.stem.removesuffix(".measures")
    tracks, found = table.with_name(f"{stem}.json"), table.with_name(f"{stem}.csv")
    if tracks.is_file():
        return tr("{}: a table; open the tracks {} beside it").format(table, tracks.name)
    if found != table and not found.is_file():
        return tr("{}: a table of measures; open the tracks that it was made of").format(table)
    command = f"posse convert {shlex.quote(found.name)} {shlex.quote(tracks.name)}"
    text = tr("{}: a table, which is not opened; “{}” makes tracks that are, beside their video")
    return text.format(table, command)


def tracks_text(reference: str, result: OpenResult | None) -> str:
    """What was saved with a reference, in one line."""
    name = Path(reference).name
    if result is not None:
        rest = tr("; follow the rest and save it (Ctrl+S) to see it drawn")
        return f"{name}: {_summary(result)}{rest if result.goes_on else ''}"
    text = tr("{} has no saved tracks: follow and save it (Ctrl+S) to see its people drawn")
    return text.format(name)


def summary_of(result: OpenResult) -> str:
    """What was opened, in one line."""
    rest = tr("; the rest is followed as it plays")
    return _summary(result) + (rest if result.goes_on else "")


def _summary(result: OpenResult) -> str:
    people = {int(i) for frame in result.frames for i in frame.people.ids}
    until_s = result.frames[-1].time_s if result.frames else 0.0
    text = tr("{} in {} up to {:.1f} s, {}").format(
        _counted(len(people), tr("{} person"), tr("{} people")),
        _counted(len(result.frames), tr("{} frame"), tr("{} frames")),
        until_s,
        _counted(len(result.corrections), tr("{} correction"), tr("{} corrections")),
    )
    if result.drawn:
        text += tr("; drawn in the video already, so the overlay is off")
    return text


def _counted(number: int, one: str, many: str) -> str:
    return (one if number == 1 else many).format(number)
