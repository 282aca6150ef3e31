"""Settings of the networks, thresholds and the tracker, changed during playback."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from PyQt6.QtCore import QTimer, pyqtSignal
from PyQt6.QtGui import QShowEvent
from PyQt6.QtWidgets import QComboBox, QLabel, QPushButton, QWidget

from app.gui.form import Form, Share, check, decimal, whole
from app.gui.network_list import NetworkList
from app.gui.networks import Choice, names_of
from app.gui.translation import tr
from tracking.pipeline import PipelineConfig

SETTLE_MS = 150  # delay before emitting, so that a dragged slider does not emit at every pixel


class TrackingPanel(Form):
    """Takes a PipelineConfig by `show_config`; emits it when the user changes it."""

    config_changed = pyqtSignal(object)
    preset_chosen = pyqtSignal(str)
    file_wanted = pyqtSignal(str)  # "detector" or "pose"
    smoothing_changed = pyqtSignal(float)  # 0 (none) to 1
    shown = pyqtSignal()

    def __init__(self, presets: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._config = PipelineConfig()  # as last given or emitted
        # The values of the controls then, rounded
        self._shown: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
        self._settling = QTimer(self)
        self._settling.setSingleShot(True)
        self._settling.setInterval(SETTLE_MS)
        self._settling.timeout.connect(self._tell)
        self.preset = QComboBox()
        self.preset.addItem(tr("Choose…"), "")
        for name in presets:
            self.preset.addItem(tr(name.capitalize()), name)
        self.preset.activated.connect(self._tell_preset)
        self.add(tr("Preset"), self.preset, tr("A set of networks and settings that fit together"))
        self.loading = QLabel(tr("Loading the networks…"))
        self.loading.setObjectName("muted")
        self.add_wide(self.loading)
        self.loading.hide()
        self._add_networks()
        self._add_thresholds()
        self._add_tracker()
        self.show_config(self._config)

    def _add_networks(self) -> None:
        self.add_heading(tr("NETWORKS"))
        self.detector, self.pose = NetworkList(names_of("detector")), NetworkList(names_of("pose"))
        self.add(tr("Detector"), self.detector, tr("Finds the people, as boxes"))
        self.add(
            tr("Pose"), self.pose, tr("Finds the joints in each box; the names tell the input size")
        )
        for kind, box in (("detector", self.detector), ("pose", self.pose)):
            box.currentIndexChanged.connect(self._settle)
            button = QPushButton(
                tr("Detector from a file…") if kind == "detector" else tr("Pose from a file…")
            )
            button.setAccessibleName(button.text())
            button.setToolTip(tr("Weights (.safetensors, .pth) or an exported network"))
            button.clicked.connect(lambda _, kind=kind: self.file_wanted.emit(kind))
            self.add_wide(button)
        self.flip = check(
            tr("Flip test"), tr("Average with the mirrored crop: more accurate, half as fast")
        )
        self.add_wide(self.flip)
        self.find_missed = check(
            tr("Look for missed people"),
            tr("Look also where somebody was just seen: fewer gaps"),
        )
        self.add_wide(self.find_missed)
        self.detector_size = whole(0, 2048, tr(" pixels"))
        self.detector_size.setSingleStep(64)
        self.detector_size.setSpecialValueText(tr("As trained"))
        self.add(
            tr("Detector input"),
            self.detector_size,
            tr("Longer side of its picture: smaller is faster, larger finds people farther away"),
        )
        self.advice = QLabel()
        self.advice.setObjectName("muted")
        self.advice.setWordWrap(True)
        self.add_wide(self.advice)
        self.advice.hide()
        self.max_latency = whole(0, 2000, " ms")
        self.max_latency.setSingleStep(10)
        self.max_latency.setSpecialValueText(tr("No limit"))
        self.add(
            tr("Time limit"),
            self.max_latency,
            tr("Per frame: where frames take longer, the detector sees less and runs less often"),
        )
        self.detect_every = whole(1, 30, tr(" frames"))
        self.detect_every.setPrefix(tr("Every "))
        self.detect_every.setSpecialValueText(tr("On every frame"))
        self.add(
            tr("Detector runs"),
            self.detect_every,
            tr("In between, the tracker predicts the boxes: faster, but new people appear later"),
        )
        self.max_people = whole(0, 100)
        self.max_people.setSpecialValueText(tr("All"))
        self.add(
            tr("Max. people"),
            self.max_people,
            tr("Keep at most this many people, those with the best scores"),
        )

    def _add_thresholds(self) -> None:
        self.add_heading(tr("THRESHOLDS"))
        self.bbox_thr, self.kpt_thr, self.nms_thr = Share(), Share(), Share()
        self.add(tr("Person"), self.bbox_thr, tr("Boxes with a lower score are ignored"))
        self.add(
            tr("Joint"),
            self.kpt_thr,
            tr("Joints with a lower score are neither drawn nor measured"),
        )
        self.add(
            tr("Overlap"),
            self.nms_thr,
            tr("Of two boxes that overlap more than this, only the better stays"),
        )
        for share in (self.bbox_thr, self.kpt_thr, self.nms_thr):
            share.slider.valueChanged.connect(self._settle)

    def _add_tracker(self) -> None:
        self.add_heading(tr("WHO IS WHO"))
        self.oks_weight, self.birth_thr = Share(), Share()
        self.memory = decimal(0.1, 60, 0.5, " s")
        self.add(
            tr("Pose weight"),
            self.oks_weight,
            tr("How much joints count against boxes when people are matched"),
        )
        self.add(
            tr("New person"), self.birth_thr, tr("Score that somebody new needs to be followed")
        )
        self.add(
            tr("Remember"), self.memory, tr("How long somebody out of sight keeps their number")
        )
        self.assignment = QComboBox()
        self.assignment.addItem(tr("Hungarian"), "hungarian")
        self.assignment.addItem(tr("Greedy"), "greedy")
        self.add(tr("Assignment"), self.assignment, tr("How people in two frames are matched"))
        self.appearance = check(
            tr("Compare appearance"),
            tr("People who were hidden are recognised by their clothes; slower"),
        )
        self.add_wide(self.appearance)
        self.camera_motion = check(
            tr("Moving camera"),
            tr("The camera’s motion is compensated; slower, but not while the camera stands still"),
        )
        self.add_wide(self.camera_motion)
        self.smoothing = Share()
        self.add(
            tr("Smoothing"),
            self.smoothing,
            tr("Steadies the drawing; the tracks themselves stay as found"),
        )
        self.smoothing.slider.valueChanged.connect(
            lambda value: self.smoothing_changed.emit(value / 100)
        )
        for share in (self.oks_weight, self.birth_thr):
            share.slider.valueChanged.connect(self._settle)
        self.assignment.currentIndexChanged.connect(self._settle)
        for field in (self.detector_size, self.max_latency, self.detect_every, self.max_people):
            field.valueChanged.connect(self._settle)
        self.memory.valueChanged.connect(self._settle)
        for box in (self.flip, self.find_missed, self.appearance, self.camera_motion):
            box.toggled.connect(self._settle)

    def show_config(self, config: PipelineConfig) -> None:
        """Set the controls to `config`, except those just touched and not yet emitted."""
        touched = self._with_touched(config) if self._settling.isActive() else config
        self._config = config
        self.blockSignals(True)
        self._set_controls(config)
        self._shown = self._values()
        self._set_controls(touched)
        self.blockSignals(False)

    def _set_controls(self, config: PipelineConfig) -> None:
        self.detector.choose(config.detector)
        self.pose.choose(config.pose)
        self.assignment.setCurrentIndex(self.assignment.findData(config.tracker.assignment))
        self.flip.setChecked(config.flip)
        self.find_missed.setChecked(config.find_missed)
        self.appearance.setChecked(config.appearance)
        self.camera_motion.setChecked(config.camera_motion)
        self.detector_size.setValue(config.detector_size)
        self.max_latency.setValue(round(config.max_latency_ms))
        self.detect_every.setValue(config.detect_every)
        self.max_people.setValue(config.max_people)
        self.bbox_thr.set_share(config.bbox_thr)
        self.kpt_thr.set_share(config.kpt_thr)
        self.nms_thr.set_share(config.nms_thr)
        self.oks_weight.set_share(config.tracker.oks_weight)
        self.birth_thr.set_share(config.tracker.birth_thr)
        self.memory.setValue(config.tracker.memory_s)

    def offer(self, detectors: Sequence[Choice], poses: Sequence[Choice]) -> None:
        """List the networks that can be chosen; the choice stays."""
        self.detector.offer(detectors)
        self.pose.offer(poses)

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: N802  Qt's name
        super().showEvent(event)
        self.shown.emit()

    def show_loading(self, loading: bool) -> None:
        """Show whether networks are being loaded."""
        self.loading.setVisible(loading)

    def show_advice(self, text: str) -> None:
        """Show advice on the detector's input; none if empty."""
        self.advice.setText(text)
        self.advice.setVisible(bool(text))

    def _settle(self) -> None:
        if not self.signalsBlocked():
            self._settling.start()

    def _tell_preset(self) -> None:
        if self.preset.currentData():
            self.preset_chosen.emit(self.preset.currentData())

    def _tell(self) -> None:
        self._config, self._shown = self._with_touched(self._config), self._values()
        self.config_changed.emit(self._config)

    def _with_touched(self, config: PipelineConfig) -> PipelineConfig:
        """`config` with the values that the user changed since the controls were set."""
        # A control rounds what it shows; a value that nobody touched stays exactly as given
        changed, tracker = (
            {name: value for name, value in now.items() if value != shown[name]}
            for now, shown in zip(self._values(), self._shown, strict=True)
        )
        return replace(config, **changed, tracker=replace(config.tracker, **tracker))

    def _values(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The values of the controls, by field: of the config, and of its tracker."""
        config = {
            "detector": self.detector.chosen,
            "pose": self.pose.chosen,
            "flip": self.flip.isChecked(),
            "find_missed": self.find_missed.isChecked(),
            "appearance": self.appearance.isChecked(),
            "camera_motion": self.camera_motion.isChecked(),
            # 0 means as trained; 1 to 63, as while 448 is typed, become the smallest that works
            "detector_size": self.detector_size.value() and max(self.detector_size.value(), 64),
            "max_latency_ms": float(self.max_latency.value()),
            "detect_every": self.detect_every.value(),
            "max_people": self.max_people.value(),
            "bbox_thr": self.bbox_thr.share,
            "kpt_thr": self.kpt_thr.share,
            "nms_thr": self.nms_thr.share,
        }
        tracker = {
            "assignment": self.assignment.currentData(),
            "oks_weight": self.oks_weight.share,
            "birth_thr": self.birth_thr.share,
            "memory_s": self.memory.value(),
        }
        return config, tracker
