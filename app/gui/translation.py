"""Every text of the window goes through `tr`, which uses the translators installed in Qt."""

from __future__ import annotations

from PyQt6.QtCore import QCoreApplication


def tr(text: str) -> str:
    """`text` in the user's language."""
    return QCoreApplication.translate("Posse", text)
