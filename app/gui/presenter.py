"""Between the session and the widgets: takes views that are due, lays them out, passes them on.

Frames never travel through queued signals; a timer asks the session for the newest.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace

from PyQt6.QtCore import QObject, Qt, QTimer, pyqtSignal

from app.corrections import corrected_people, names_of
from app.drawing import Drawing
from app.gui.people_model import PersonRow
from app.live.gauges import KEPT
from app.live.history import Span, seen_s
from app.live.run import View
from app.measures.log import MeasureLog
from app.overlay import Overlay, OverlayStyle
from app.session import Session
from app.thumbnails import Thumbnails
from pose.people import ImageArray
from tracking.pipeline import FrameResult
from tracking.smoothing import Smoother
from tracking.tracks import TrackedPoses

LOOK_MS = 6  # how often a new frame is requested
REPORT_MS = 150  # how often numbers, rows and charts are updated
BEFORE_S = 0.5  # what is measured before the target of a jump, so that it has speeds


class Presenter(QObject):
    """Shows the session's views through `show`, and signals when to update the rest."""

    reported = pyqtSignal()  # numbers, people and spans may have changed
    source_changed = pyqtSignal()

    def __init__(
        self,
        session: Session,
        show: Callable[[View | None, Drawing | None], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self.session = session
        self.view: View | None = None
        self.spans: list[Span] = []
        self.names: dict[int, str] = {}
        self.selected: tuple[int, ...] = ()
        self.thumbnails = Thumbnails()
        self.measures = MeasureLog()
        self._draws_ms: deque[float] = deque(maxlen=KEPT)
        self.largest_gap_ms = 0.0  # between two timer ticks: how long the window was busy
        self._show = show
        self._overlay = Overlay(OverlayStyle())
        self._angles_of: tuple[int, ...] = ()
        self._smoother: Smoother | None = None
        self._smoothed: tuple[View, TrackedPoses] | None = None  # kept while only the style changes
        self._measured_s = math.inf  # the time of the frame that was measured last
        self._seen_version = (-1, -1)
        self._rows: list[PersonRow] = []
        self._rows_of: tuple[object, ...] = (None,) * 4  # what they were made from
        self._looked_s = time.monotonic()
        self._look = QTimer(self)
        self._look.setTimerType(Qt.TimerType.PreciseTimer)
        self._look.setInterval(LOOK_MS)
        self._look.timeout.connect(self._take)
        self._report = QTimer(self)
        self._report.setInterval(REPORT_MS)
        self._report.timeout.connect(self.report)

    def start(self) -> None:
        """Start the timers."""
        self._look.start()
        self._report.start()

    def stop(self) -> None:
        """Stop the timers."""
        self._look.stop()
        self._report.stop()

    @property
    def style(self) -> OverlayStyle:
        """How people are drawn, without their names."""
        return self._overlay.style

    @property
    def style_with_names(self) -> OverlayStyle:
        """How people are drawn, with their names."""
        return replace(self._overlay.style, names=dict(self.names))

    def set_style(self, style: OverlayStyle) -> None:
        """Redraw at once in this style, and measure the joints that it draws."""
        again = style.kpt_thr != self.style.kpt_thr
        self._restyle(style)
        self._draw_again()
        if again:
            self._measure()

    def show_angles_of(self, selected: tuple[int, ...], locked: int) -> None:
        """Draw the angles, if any, of the selected people; else of the locked one; else of all."""
        self._angles_of = selected or ((locked,) if locked else ())
        self._restyle(self.style)
        if self.style.angles:
            self._draw_again()

    def set_smoothing(self, share: float) -> None:
        """Smooth the drawing, from 0 (not at all) to 1; tracks and measures stay as found."""
        self._smoother = Smoother(share) if share > 0 else None
        self._smoothed = None

    def clear(self, same_people: bool = False) -> None:
        """Forget what belongs to the last source, except its people if `same_people`."""
        self.view, self.spans, self._smoothed = None, [], None
        self._draws_ms.clear()
        self._seen_version = (-1, -1)
        self._show(None, None)
        if same_people:
            self._overlay.reset()
        else:
            self._forget_people()
            self.source_changed.emit()

    def corrections_changed(self) -> None:
        """Update names after a correction, an undo, a redo, or a change of source."""
        self.names = names_of(self.session.corrections.done)
        self._restyle(self.style)
        self._overlay.reset()  # trails belong to ids that may now mean others
        self.report()

    def stages(self) -> list[dict[str, float]]:
        """Milliseconds per stage of the last frames that were followed and drawn, oldest first."""
        followed = reversed(self.session.gauges.stages())
        both = zip(followed, reversed(self._draws_ms), strict=False)  # newest first
        return [{**stages, "draw": draw_ms} for stages, draw_ms in both][::-1]

    def rows(self) -> list[PersonRow]:
        """The people of the source, those in the picture first; the same list until it changes."""
        shown = (self.view, self.spans, self.names, self.thumbnails)  # each replaced on a change
        if any(now is not then for now, then in zip(shown, self._rows_of, strict=True)):
            self._rows_of, self._rows = shown, self._new_rows()
        return self._rows

    def _new_rows(self) -> list[PersonRow]:
        seen = seen_s(self.spans)
        scores = self._scores_now()
        pictures = self._pictures()
        ids = sorted(seen.keys() | scores.keys(), key=lambda i: (i not in scores, i))
        return [
            PersonRow(i, self.names.get(i, ""), seen.get(i, 0.0), scores.get(i), pictures.get(i))
            for i in ids
        ]

    def report(self) -> None:
        """Update the spans if they changed, and emit `reported`."""
        corrections = self.session.corrections.done
        version = (self.session.history.version, hash(corrections))
        if version != self._seen_version:
            self._seen_version = version
            self.spans = self.session.history.spans(corrections)
        self.reported.emit()

    def _restyle(self, style: OverlayStyle) -> None:
        """Draw like this from now on, in a running recording too."""
        self._overlay.style = replace(style, names=self.names, angles_of=self._angles_of)
        self.session.restyle_recording(self.style_with_names)

    def _forget_people(self) -> None:
        """Forget what is stored by id: ids mean other people in another source."""
        self.thumbnails, self.measures = Thumbnails(), MeasureLog()
        self._overlay.reset()

    def _scores_now(self) -> dict[int, float]:
        if self.view is None:
            return {}
        people = self.view.result.people
        return dict(zip(people.ids.tolist(), people.poses.scores.tolist(), strict=True))

    def _pictures(self) -> dict[int, ImageArray]:
        """The pictures, by id shown; of merged people, that of the one who had the id already."""
        pictures = self.thumbnails.pictures
        seen = [span for span in self.spans if span.tracked in pictures]
        seen.sort(key=lambda span: span.person == span.tracked)  # the last one wins
        return {span.person: pictures[span.tracked] for span in seen}

    def _take(self) -> None:
        now_s = time.monotonic()
        self.largest_gap_ms = max(self.largest_gap_ms, (now_s - self._looked_s) * 1000)
        self._looked_s = now_s
        view = self.session.take()
        if view is None:
            return
        self.view = view
        self._draw_again()
        self.session.painted(view)
        self._draws_ms.append((time.monotonic() - now_s) * 1000)
        self._measure()
        tracked = FrameResult(view.result.frame, view.tracked, {})
        for _ in tracked.people.ids:  # one person per call; after a photograph no frame follows
            if not self.thumbnails.add(tracked):
                break

    def _measure(self) -> None:
        if self.view is None:
            return
        info = self.session.status().info
        rate = info.frame_rate if info is not None else None
        step_s = float(1 / rate) if rate else 0.0
        for result in (*self._known_before(self.view), self.view.result):
            self.measures.add(result, self.style.kpt_thr, step_s)
        self._measured_s = self.view.time_s

    def _known_before(self, view: View) -> Iterator[FrameResult]:
        """After a jump, the frames just before `view` as far as known: speeds need a past."""
        if self._measured_s <= view.time_s < self._measured_s + BEFORE_S:
            return
        history = self.session.history
        for time_s, tracked, ground in history.between(view.time_s - BEFORE_S, view.time_s):
            people = corrected_people(tracked, time_s, self.session.corrections.done)
            frame = replace(view.result.frame, time_s=time_s)
            yield FrameResult(frame, people, {}, shot=ground.shot, camera=ground.camera)

    def _draw_again(self) -> None:
        view = self.view
        if view is None:
            return
        result = view.result
        if self._smoother is not None:
            if self._smoothed is None or self._smoothed[0] is not view:
                people = self._smoother.update(result.people, result.frame.time_s)
                self._smoothed = view, people
            result = replace(result, people=self._smoothed[1])
        found = view.result.people.poses
        self._show(view, self._overlay.layout(result, view.tracked.poses, measured=found))
