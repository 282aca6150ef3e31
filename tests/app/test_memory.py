"""Memory does not grow with the length of a clip."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from clips import build, make_video

from app.batch import clip
from app.batch.clip import Clip, Progress, track_clip
from app.config import Settings

FRAMES = int(os.environ.get("POSSE_LONG_RUN", "1500"))  # a hundred thousand: a quarter of an hour
ALLOWED_MB = 8  # from 500 frames on; of a thousand more, 8 KB each


def resident_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_is_flat_from_the_first_block_to_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clip, "BLOCK_FRAMES", min(clip.BLOCK_FRAMES, FRAMES // 5))
    source = make_video(tmp_path / "long.mp4", FRAMES, (64, 48), codec="mpeg4")
    seen: list[float] = []

    def look(progress: Progress) -> None:
        if progress.frames % 500 == 0:
            seen.append(resident_mb())

    settings = Settings()
    report = track_clip(
        Clip(str(source), tmp_path / "out" / "long"), settings, build(settings.pipeline), {}, look
    )
    print([round(mb) for mb in seen])
    assert report.frames == FRAMES
    assert seen[-1] - seen[1] < ALLOWED_MB, seen
