"""What all tests share: the folder of test data beside the project."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# Set before torch is loaded, also for programs that tests start: with networks of a few kilobytes,
# threads only wait for each other, spinning.
os.environ["OMP_NUM_THREADS"] = "1"

# The same examples on every machine: what one run finds, the next one finds again.
settings.register_profile("posse", derandomize=True)
settings.load_profile("posse")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(autouse=True, scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache and a temporary folder for these tests only; the user's stay as they are."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("POSSE_CACHE", str(folder))
        patch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("temporary")))
        yield folder


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of clips, truth and teachers; skips the test if it is missing."""
    if not SHARED.is_dir():
        pytest.skip("the shared test data is not beside this checkout")
    return SHARED
