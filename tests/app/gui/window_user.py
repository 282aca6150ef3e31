"""What somebody at the window sees and does, for its tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from fake_session import SIZE_WH, BoxJoints, TwoWalkers, burnt_number, picture

from app.corrections import Correction
from app.gui.main_window import MainWindow
from app.results import save_result
from pose.people import Frame
from pose.skeleton import COCO17
from tracking.files import ClipInfo
from tracking.tracks import KnownFrame, TrackedPoses

FIRST = Frame(0, 0.0, picture(0))
BOTH = TrackedPoses(BoxJoints()(FIRST, TwoWalkers()(FIRST)), np.array([1, 2]))


def write_tracks(
    tracks: Path,
    times_s: Iterable[float] = (0.0,),
    corrections: Sequence[Correction] = (),
    **settings: Any,
) -> None:
    """Write finished tracks of both people, who stand still."""
    info = ClipInfo(tracks.stem, SIZE_WH, COCO17, settings=settings)
    frames = [KnownFrame(time_s, BOTH) for time_s in times_s]
    save_result(tracks, info, frames, corrections, lambda share: None)


def number_shown(window: MainWindow) -> int:
    """The number burnt into the frame on screen; -1 for none."""
    if window.presenter.view is None:
        return -1
    return burnt_number(window.presenter.view.result.frame.image)


def ids_shown(window: MainWindow) -> list[int]:
    """The ids on screen."""
    assert window.presenter.view is not None
    return window.presenter.view.result.people.ids.tolist()


def trigger(window: MainWindow, name: str) -> None:
    """Run a command as its shortcut would."""
    action = window.actions_by_name[name]
    assert action.isEnabled(), f"{name} is disabled"
    action.trigger()
