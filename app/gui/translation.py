"""Every text of the window goes through `tr`, which asks the translators that Qt has installed."""

from __future__ import annotations

from PyQt6.QtCore import QCoreApplication


def tr(text: str) -> str:
    """`text` in the user's language."""
    return QCoreApplication.translate("Posse", text)
