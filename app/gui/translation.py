"""Every text of the window goes through `tr`, so that a .qm file can translate it."""

from __future__ import annotations

from PyQt6.QtCore import QCoreApplication


def tr(text: str) -> str:
    """`text` in the user's language."""
    return QCoreApplication.translate("Posse", text)
