"""The window's colours, dark or light as the system prefers."""

from __future__ import annotations

from dataclasses import dataclass

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor, QGuiApplication, QPalette
from PyQt6.QtWidgets import QApplication

from app.gui import icons


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of everything that is painted."""

    window: str
    panel: str
    raised: str  # buttons, fields
    line: str
    text: str
    muted: str
    accent: str
    on_accent: str
    stage: str  # around the picture
    danger: str


DARK = Theme(
    window="#15171c", panel="#1b1e25", raised="#262a33", line="#2f343f", text="#e7e9ee",
    muted="#929aa9", accent="#3fb6e8", on_accent="#06222f", stage="#0e1013", danger="#ff6b63",
)  # fmt: skip
LIGHT = Theme(
    window="#eef0f4", panel="#fbfcfd", raised="#ffffff", line="#d6dae2", text="#1a1e26",
    muted="#667082", accent="#0b7fb8", on_accent="#ffffff", stage="#d9dde4", danger="#c9352d",
)  # fmt: skip

_STYLE = """
QWidget {{ font-size: 10pt; }}
QMainWindow, QDialog {{ background: {window}; }}
QToolTip {{ background: {raised}; color: {text}; border: 1px solid {line}; padding: 4px 6px; }}
QToolBar {{ background: {window}; border: none; spacing: 4px; padding: 6px 8px; }}
QToolBar::separator {{ background: {line}; width: 1px; margin: 6px 6px; }}
QToolButton {{ border: 1px solid transparent; border-radius: 7px; padding: 5px 8px;
  color: {text}; }}
QToolButton:hover {{ background: {raised}; }}
QToolButton:checked {{ background: {raised}; border-color: {accent}; }}
QToolButton:focus {{ border-color: {accent}; }}
QToolButton:pressed {{ background: {line}; }}
QToolButton:disabled {{ color: {muted}; }}
QToolButton:checked:disabled {{ border-color: {line}; }}
QToolButton[popupMode="1"] {{ padding-right: 20px; }}
QToolButton::menu-button {{ border: none; border-radius: 7px; width: 16px; }}
QToolButton::menu-indicator {{ image: none; }}
QPushButton {{ background: {raised}; border: 1px solid {line}; border-radius: 7px;
  padding: 5px 12px; color: {text}; }}
QPushButton:hover {{ border-color: {accent}; }}
QPushButton:pressed {{ background: {line}; }}
QPushButton:focus {{ border-color: {accent}; }}
QPushButton:disabled {{ color: {muted}; }}
QPushButton:default, QPushButton#primary {{ background: {accent}; color: {on_accent};
  border-color: {accent}; }}
QPushButton#primary:focus {{ border-color: {text}; }}
QPushButton#primary:disabled {{ background: {raised}; color: {muted}; border-color: {line}; }}
QComboBox, QSpinBox, QDoubleSpinBox, QLineEdit {{ background: {raised}; border: 1px solid {line};
  border-radius: 6px; padding: 4px 8px; color: {text}; selection-background-color: {accent}; }}
QComboBox:focus, QSpinBox:focus, QDoubleSpinBox:focus, QLineEdit:focus {{ border-color: {accent}; }}
QComboBox::drop-down {{ border: none; width: 24px; }}
QComboBox::down-arrow, QToolButton::menu-arrow {{ image: url({chevron}); width: 12px;
  height: 12px; }}
QSpinBox::up-button, QDoubleSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::down-button
{{ width: 0; border: none; }}
QDockWidget {{ border: none; }}
QMainWindow::separator {{ background: {window}; width: 6px; height: 6px; }}
QTabWidget::pane {{ border: none; background: {panel}; }}
QTabBar {{ qproperty-drawBase: 0; }}
QTabBar::tab {{ background: transparent; color: {muted}; padding: 8px 12px; border: none;
  border-bottom: 2px solid transparent; }}
QTabBar::tab:selected {{ color: {text}; border-bottom-color: {accent}; }}
QTabBar::tab:hover {{ color: {text}; }}
QListView {{ background: {panel}; border: none; outline: none; }}
QScrollArea, QScrollArea > QWidget > QWidget {{ background: {panel}; border: none; }}
QScrollBar:vertical {{ background: transparent; width: 10px; margin: 2px; }}
QScrollBar::handle:vertical {{ background: {line}; border-radius: 3px; min-height: 30px; }}
QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 2px; }}
QScrollBar::handle:horizontal {{ background: {line}; border-radius: 3px; min-width: 30px; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QSplitter::handle {{ background: {window}; }}
QStatusBar {{ background: {window}; color: {muted}; border-top: 1px solid {line}; }}
QStatusBar::item {{ border: none; }}
QStatusBar QLabel {{ padding: 3px 8px; color: {muted}; }}
QMenu {{ background: {panel}; border: 1px solid {line}; padding: 5px; }}
QMenu::item {{ padding: 6px 24px 6px 10px; border-radius: 5px; color: {text}; }}
QMenu::item:selected {{ background: {raised}; }}
QMenu::item:disabled {{ color: {muted}; }}
QMenu::separator {{ height: 1px; background: {line}; margin: 5px 8px; }}
QCheckBox::indicator {{ width: 14px; height: 14px; border: 1px solid {muted}; border-radius: 4px;
  background: {raised}; }}
QCheckBox::indicator:hover, QCheckBox:focus::indicator {{ border-color: {accent}; }}
QCheckBox::indicator:checked {{ background: {accent}; border-color: {accent};
  image: url({check}); }}
QSlider::groove:horizontal {{ height: 4px; background: {line}; border-radius: 2px; }}
QSlider::sub-page:horizontal {{ background: {accent}; border-radius: 2px; }}
QSlider::handle:horizontal {{ background: {text}; width: 14px; height: 14px; margin: -5px 0;
  border-radius: 7px; }}
QSlider::handle:horizontal:focus {{ background: {accent}; }}
QLabel#heading {{ color: {muted}; font-size: 9pt; font-weight: 600; padding-top: 8px; }}
QLabel#muted {{ color: {muted}; }}
QLabel#problem {{ color: {danger}; }}
QFrame#panel, QWidget#panel {{ background: {panel}; border-radius: 10px; }}
QFrame#card QLabel#row, QFrame#card QLabel#muted {{ font-size: 9pt; }}
QFrame#card {{ background: {panel}; border: 1px solid {line}; border-radius: 12px; }}
QPlainTextEdit {{ background: {panel}; color: {text}; border: none; font-family: monospace;
  font-size: 9pt; }}
QProgressBar {{ background: {raised}; border: none; border-radius: 4px; height: 8px;
  text-align: center; }}
QProgressBar::chunk {{ background: {accent}; border-radius: 4px; }}
"""

_current = DARK


def current_theme() -> Theme:
    """The theme in use."""
    return _current


def system_theme() -> Theme:
    """The theme that the system prefers; dark, like a stage, if it states none."""
    hints = QGuiApplication.styleHints()
    light = hints is not None and hints.colorScheme() == Qt.ColorScheme.Light
    return LIGHT if light else DARK


def apply_theme(app: QApplication, theme: Theme) -> None:
    """Apply `theme` to every widget."""
    global _current
    _current = theme
    icons.recolour(theme.text, theme.muted)
    app.setStyle("Fusion")
    app.setPalette(_palette(theme))
    shade = "dark" if theme is LIGHT else "light"
    pictures = {
        name: (icons.FOLDER / f"{name}-{shade}.svg").as_posix() for name in ("check", "chevron")
    }
    colours = {name: getattr(theme, name) for name in Theme.__slots__}
    app.setStyleSheet(_STYLE.format(**pictures, **colours))


def _palette(theme: Theme) -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    for where, colour in (
        (role.Window, theme.window), (role.WindowText, theme.text), (role.Base, theme.panel),
        (role.AlternateBase, theme.raised), (role.Text, theme.text), (role.Button, theme.raised),
        (role.ButtonText, theme.text), (role.Highlight, theme.accent),
        (role.HighlightedText, theme.on_accent), (role.ToolTipBase, theme.raised),
        (role.ToolTipText, theme.text), (role.PlaceholderText, theme.muted),
        (role.Mid, theme.line), (role.Link, theme.accent),
    ):  # fmt: skip
        palette.setColor(where, QColor(colour))
    palette.setColor(QPalette.ColorGroup.Disabled, role.Text, QColor(theme.muted))
    palette.setColor(QPalette.ColorGroup.Disabled, role.ButtonText, QColor(theme.muted))
    return palette
