"""Pass settings between panels and session: presets, networks, overlay, smoothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject
from PyQt6.QtWidgets import QFileDialog

from app.config import Settings, preset_names, read_preset
from app.gui.translation import tr
from app.gui.work import Progress
from app.live.inference import same_people
from app.live.loading import holding_nobody_up
from app.overlay import OverlayStyle
from tracking.pipeline import PipelineConfig

if TYPE_CHECKING:
    from app.gui.main_window import MainWindow

PRESET_ORDER = ("lightweight", "balanced", "performance")


class Tuning(QObject):
    """Connects the overlay and tracking panels."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._kept: OverlayStyle | None = None  # set while the overlay is off over a drawn video
        window.library.opened.connect(self._show_opened)
        window.overlay.style_changed.connect(self._restyle)
        window.tracking.config_changed.connect(self.configure)
        window.tracking.preset_chosen.connect(self._use_preset)
        window.tracking.file_wanted.connect(self._choose_weights)
        window.tracking.smoothing_changed.connect(window.presenter.set_smoothing)
        for name in ("skeleton", "joints", "boxes", "labels", "angles"):
            action = window.actions_by_name[name]
            action.triggered.connect(lambda _, name=name: window.overlay.toggle(name))

    def show(self, settings: Settings) -> None:
        """Show `settings` in the panels, and draw accordingly."""
        self._window.overlay.show_style(settings.overlay)
        self._window.tracking.show_config(settings.pipeline)
        self._restyle(settings.overlay)

    @property
    def style(self) -> OverlayStyle:
        """The style to save for the next time."""
        return self._kept or replace(self._window.presenter.style, names={}, angles_of=())

    def _show_opened(self, drawn: bool) -> None:
        """Turn the overlay off for a video with people drawn in, until another one is opened."""
        style = self.style
        self._kept = style if drawn else None
        if drawn:
            style = replace(
                style,
                boxes=False,
                skeleton=False,
                joints=False,
                labels=False,
                angles=False,
                trails_s=0.0,
            )
        self._window.overlay.show_style(style)
        self._restyle(style)

    def configure(self, config: PipelineConfig) -> None:
        """Use `config` from one of the next frames on."""
        session = self._window.session
        finds_others = not same_people(config, session.config)
        session.configure(config)
        self._window.stage.notice.remind()
        if finds_others and session.follows_known:
            text = tr("Opened tracks stay as they are; these settings apply to other videos")
            self._window.status.say(text)
        self._restyle(self._window.presenter.style)

    def _restyle(self, style: OverlayStyle) -> None:
        kpt_thr = self._window.session.config.kpt_thr
        self._window.presenter.set_style(replace(style, kpt_thr=kpt_thr))

    def _use_preset(self, name: str) -> None:
        device = self._window.session.config.device

        def read(progress: Progress) -> Settings:
            with holding_nobody_up():  # looking for a CUDA device needs torch
                return read_preset(name, Settings(PipelineConfig(device=device)), device)

        def use(settings: Settings) -> None:
            self._window.tracking.show_config(settings.pipeline)
            self._window.status.say(tr("Preset: {}").format(name))
            self.configure(settings.pipeline)

        self._window.work.begin(tr("Reading preset {}").format(name), read, use)

    def _choose_weights(self, kind: str) -> None:
        weights = tr("Weights (*.safetensors *.pth *.pt *.onnx *.xml *.engine)")
        dialog = self._window.playing.ask(
            tr("Weights"), QFileDialog.FileMode.ExistingFile, (weights, tr("All files (*)"))
        )

        def use(path: str) -> None:
            old = self._window.session.config
            new = replace(old, detector=path) if kind == "detector" else replace(old, pose=path)
            self._window.tracking.show_config(new)
            self.configure(new)

        dialog.fileSelected.connect(use)


def preset_choice() -> list[str]:
    """The presets, from light to heavy, then the others by name."""
    names = preset_names()
    return sorted(names, key=lambda name: (name not in PRESET_ORDER, _place(name), name))


def _place(name: str) -> int:
    return PRESET_ORDER.index(name) if name in PRESET_ORDER else len(PRESET_ORDER)
