"""One run at a time per clip."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from app.batch import lock
from app.video.source import MediaError


def test_a_lock_excludes_others_until_it_is_released_and_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "work" / "a.lock"
    for _ in range(2):
        with lock.held(path, "a.mp4"):
            with pytest.raises(MediaError, match=r"a\.mp4: another run"), lock.held(path, "a.mp4"):
                pass
            assert path.is_file()
        assert not path.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be deleted there")
@pytest.mark.parametrize("replaced", [False, True])
def test_a_lock_on_a_file_that_its_last_holder_deleted_counts_for_nothing(
    tmp_path: Path, replaced: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.lock"
    opened = os.open

    def deleted_meanwhile(*args: object) -> int:
        file = opened(*args)
        path.unlink()
        if replaced:
            path.write_bytes(b"")
        return file

    monkeypatch.setattr(os, "open", deleted_meanwhile)
    with pytest.raises(MediaError, match="another run"), lock.held(path, "a.mp4"):
        pass
    assert path.exists() is replaced
