"""Send keys and the wheel to a control only if it has the focus; else they act on the window."""

from __future__ import annotations

from PyQt6.QtCore import QEvent, QObject, Qt, QTimer
from PyQt6.QtGui import QKeyEvent, QWheelEvent
from PyQt6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QPushButton,
    QScrollArea,
    QTabBar,
    QWidget,
)

_KEY = Qt.Key
_ALONG = frozenset({_KEY.Key_Left, _KEY.Key_Right, _KEY.Key_Home})
_KEPT: tuple[tuple[type[QWidget], frozenset[int]], ...] = (
    (QAbstractButton, frozenset({_KEY.Key_Space})),
    (QComboBox, frozenset({_KEY.Key_Space})),
    (QAbstractSlider, _ALONG),
    (QTabBar, _ALONG),
)
_ENDS_TYPING = frozenset({_KEY.Key_Return, _KEY.Key_Enter, _KEY.Key_Escape})


class ControlKeys(QObject):
    """Lets controls in `window` use keys that are also shortcuts of the window.

    Such a control takes the focus by Tab, not by a click: Space still pauses the video after
    somebody ticked a box. Return and Escape in a spin box give the focus back to `home`. The wheel
    over a control without the focus scrolls the form.
    """

    def __init__(self, window: QWidget, home: QWidget) -> None:
        super().__init__(window)
        self._home = home
        for control in window.findChildren(QWidget):
            if not control.focusPolicy() & Qt.FocusPolicy.TabFocus:
                continue
            if _kept_by(control):
                control.setFocusPolicy(Qt.FocusPolicy.TabFocus)
                control.installEventFilter(self)
            if isinstance(control, QTabBar):  # else Qt gives the new page's first control the focus
                control.tabBarClicked.connect(lambda _: home.setFocus())
            if isinstance(control, QAbstractSpinBox):
                control.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # no focus by the wheel
                control.installEventFilter(self)
            if isinstance(control, QPushButton):
                control.setAutoDefault(True)  # so Return presses it; Qt's default only in dialogs

    def eventFilter(self, control: QObject | None, event: QEvent | None) -> bool:  # noqa: N802  Qt's
        if isinstance(event, QWheelEvent) and isinstance(control, QWidget):
            if _scrolled_with(control) and not control.hasFocus():
                event.ignore()  # else scrolling the form would change settings on the way
                return True
        elif isinstance(event, QKeyEvent):
            if event.type() == QEvent.Type.ShortcutOverride:
                return self._keep(control, event)
            if isinstance(control, QAbstractSpinBox) and event.key() in _ENDS_TYPING:
                QTimer.singleShot(0, self._home.setFocus)  # once the field has taken the number
        return False

    def _keep(self, control: QObject | None, event: QKeyEvent) -> bool:
        """Deliver a key that `control` uses to it as a key press, not as a shortcut."""
        alone = (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
        kept = event.key() in _kept_by(control) and event.modifiers() in alone
        if kept:
            event.accept()
        return kept


def _scrolled_with(control: QWidget) -> bool:
    """Whether `control` is inside a scroll area."""
    above = control.parentWidget()
    while above is not None and not isinstance(above, QScrollArea):
        above = above.parentWidget()
    return above is not None


def _kept_by(control: QObject | None) -> frozenset[int]:
    """The keys that `control` uses."""
    return next((keys for kind, keys in _KEPT if isinstance(control, kind)), frozenset())
