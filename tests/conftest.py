"""What all tests share: the folder of test data beside the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

# The same examples on every machine: what a run finds, the next one finds again.
settings.register_profile("posse", derandomize=True)
settings.load_profile("posse")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of clips, truth and teachers; skips the test where it is not there."""
    if not SHARED.is_dir():
        pytest.skip("the shared test data is not beside this checkout")
    return SHARED
