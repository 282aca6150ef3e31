"""Report a batch's progress to a person (bars), to another program (JSON lines) or to nobody."""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any, Protocol, TextIO

from tqdm import tqdm

from app.batch.clip import Progress
from app.batch.manifest import Entry

WINDOW_S = 10.0  # the rate shown is over the last WINDOW_S seconds


class Reporter(Protocol):
    """Is notified of what happens in a batch."""

    def start(self, clips: int, skipped: int) -> None:
        """The batch begins; `clips` are to be tracked, `skipped` are done already."""

    def progress(self, progress: Progress) -> None:
        """A clip has come this far."""

    def ended(self, entry: Entry) -> None:
        """A clip has ended."""

    def close(self) -> None:
        """The batch is over."""


class Rate:
    """Frames a second over the last WINDOW_S seconds, and the time left."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def update(self, frames: int, now_s: float) -> None:
        """`frames` are finished at `now_s`."""
        self._seen.append((now_s, frames))
        while now_s - self._seen[0][0] > WINDOW_S:
            self._seen.popleft()

    @property
    def frames_per_second(self) -> float | None:
        """None until two different times are known."""
        (first_s, first), (last_s, last) = self._seen[0], self._seen[-1]
        return (last - first) / (last_s - first_s) if last_s > first_s else None

    def left_s(self, frames: int, total: int | None) -> float | None:
        """Seconds until `total`; None where unknown."""
        rate = self.frames_per_second
        return (total - frames) / rate if rate and total is not None else None


def redrawn_after_s() -> float:
    """Seconds between redraws of a bar: a log needs fewer lines than a screen."""
    return 0.1 if sys.stderr.isatty() else 10.0


class Bars:
    """A bar for each clip in progress and, if there are several clips, one for the batch."""

    def __init__(self) -> None:
        self._all: Any = None
        self._bars: dict[str, Any] = {}

    def start(self, clips: int, skipped: int) -> None:
        """Show the batch's bar."""
        if clips + skipped > 1:
            self._all = tqdm(
                total=clips + skipped, initial=skipped, unit="clip", desc="all", position=0
            )

    def progress(self, progress: Progress) -> None:
        """Show or advance the clip's bar."""
        bar = self._bars.get(progress.source)
        if bar is None:
            name = Path(progress.source).name
            taken = {self._all, *self._bars.values()}
            lines = {abs(each.pos) for each in taken if each is not None}
            bar = tqdm(
                total=progress.total,
                initial=progress.frames,
                unit="frame",
                desc=name if len(name) <= 30 else f"…{name[-29:]}",
                leave=False,
                smoothing=0.05,
                mininterval=redrawn_after_s(),
                position=min(set(range(len(lines) + 1)) - lines),
            )
            self._bars[progress.source] = bar
        if bar.total is not None and progress.frames > bar.total:
            bar.total = progress.frames  # the container stated too few
        bar.update(progress.frames - bar.n)
        if progress.doing:
            bar.set_postfix_str(progress.doing)  # at once: the bar does not move meanwhile

    def ended(self, entry: Entry) -> None:
        """Remove the clip's bar and advance the batch's."""
        bar = self._bars.pop(entry.source, None)
        if bar is not None:
            bar.close()
        if self._all is not None:
            self._all.update(1)

    def close(self) -> None:
        """Remove what is left."""
        for bar in [*self._bars.values(), self._all]:
            if bar is not None:
                bar.close()


class JsonLines:
    """One JSON object a line: at most one a second per clip, and one when a clip ends.

    What takes a while after the last frame has one of its own.
    """

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._rates: dict[str, Rate] = {}
        self._told_s: dict[str, float] = {}
        self._clips = self._ended = 0

    def start(self, clips: int, skipped: int) -> None:
        """Report how many clips there are."""
        self._clips = clips
        self._say(event="start", clips=clips, skipped=skipped)

    def progress(self, progress: Progress) -> None:
        """Report a clip's progress, unless that was done within the last second."""
        now_s = time.monotonic()
        rate = self._rates.setdefault(progress.source, Rate())
        rate.update(progress.frames, now_s)
        last_s = self._told_s.get(progress.source, float("-inf"))
        if now_s - last_s < 1 and not progress.doing:
            return
        self._told_s[progress.source] = now_s
        self._say(
            event="progress",
            source=progress.source,
            frames=progress.frames,
            total=progress.total,
            doing=progress.doing,
            frames_per_second=_rounded(rate.frames_per_second),
            left_s=_rounded(rate.left_s(progress.frames, progress.total)),
            clips_left=self._clips - self._ended,
        )

    def ended(self, entry: Entry) -> None:
        """Report how a clip ended."""
        self._ended += 1
        self._rates.pop(entry.source, None)
        self._told_s.pop(entry.source, None)
        self._say(
            event=entry.status,
            source=entry.source,
            frames=entry.frames,
            people=entry.people,
            seconds=entry.seconds,
            reason=entry.reason,
            outputs=list(entry.outputs),
        )

    def close(self) -> None:
        """Report the end of the batch."""
        self._say(event="end")

    def _say(self, **content: Any) -> None:
        self._out.write(json.dumps(content, ensure_ascii=False) + "\n")
        self._out.flush()


class Quiet:
    """Reports nothing."""

    def start(self, clips: int, skipped: int) -> None:
        """Nothing."""

    def progress(self, progress: Progress) -> None:
        """Nothing."""

    def ended(self, entry: Entry) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
