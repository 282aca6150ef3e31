"""What is drawn over the picture, and how."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QCheckBox

from app.gui.form import Form, check, decimal
from app.gui.translation import tr
from app.overlay import OverlayStyle


class OverlayPanel(Form):
    """Takes an OverlayStyle by `show_style`; emits it when the user changes it."""

    style_changed = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__()
        self._style = OverlayStyle()
        self._checks: dict[str, QCheckBox] = {
            "skeleton": check(tr("Skeleton"), tr("Limbs, the right side darker (1)")),
            "joints": check(tr("Joints"), tr("A dot on every joint that is seen (2)")),
            "boxes": check(tr("Boxes"), tr("Corners around each person (3)")),
            "labels": check(tr("Names and numbers"), tr("A label above each head (4)")),
            "angles": check(
                tr("Angles"),
                tr("At the joints of the selected people; of everybody, if nobody is selected (5)"),
            ),
            "heat": check(tr("Confidence"), tr("Colour joints from red (unsure) to green (sure)")),
            "black_background": check(tr("Black background"), tr("Hide the picture itself")),
            "blur_faces": check(tr("Hide faces"), tr("Make faces unrecognisable")),
        }
        self.add_heading(tr("SHOW"))
        for box in self._checks.values():
            self.add_wide(box)
            box.toggled.connect(self._tell)
        self.add_heading(tr("STYLE"))
        self.trails = decimal(0, 20, 0.5, " s")
        self.add(
            tr("Trails"),
            self.trails,
            tr("How many seconds of their path follow each person; 0 for none"),
        )
        self.thickness = decimal(0, 30, 0.5, " px")
        self.thickness.setSpecialValueText(tr("Automatic"))
        self.add(tr("Thickness"), self.thickness, tr("Width of a limb, in pixels of the picture"))
        self.radius = decimal(0, 30, 0.5, " px")
        self.radius.setSpecialValueText(tr("Automatic"))
        self.add(tr("Joint size"), self.radius, tr("Radius of a joint, in pixels of the picture"))
        for field in (self.trails, self.thickness, self.radius):
            field.valueChanged.connect(self._tell)
        self.show_style(self._style)

    def show_style(self, style: OverlayStyle) -> None:
        """Set the controls to `style`."""
        self.blockSignals(True)
        self._style = style
        for name, box in self._checks.items():
            box.setChecked(getattr(style, name))
        self.trails.setValue(style.trails_s)
        self.thickness.setValue(style.thickness or 0)
        self.radius.setValue(style.radius or 0)
        self._shown = self._values()
        self.blockSignals(False)

    def toggle(self, name: str) -> None:
        """Toggle one of the check boxes."""
        self._checks[name].toggle()

    def _tell(self) -> None:
        if self.signalsBlocked():
            return
        # A control rounds what it shows; a value that nobody touched stays exactly as given
        values = self._values()
        changed = {name: value for name, value in values.items() if value != self._shown[name]}
        self._style, self._shown = replace(self._style, **changed), values
        self.style_changed.emit(self._style)

    def _values(self) -> dict[str, Any]:
        """The values of the controls, by field of the style."""
        return {
            "trails_s": self.trails.value(),
            "thickness": self.thickness.value() or None,
            "radius": self.radius.value() or None,
            **{name: box.isChecked() for name, box in self._checks.items()},
        }
