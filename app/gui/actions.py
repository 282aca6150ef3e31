"""All commands of the window in one table: name, text, icon, keys, hint."""

from __future__ import annotations

from dataclasses import dataclass

from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtWidgets import QToolButton, QWidget

from app.gui.icons import icon
from app.gui.translation import tr


@dataclass(frozen=True, slots=True)
class Command:
    """One line of the table."""

    name: str
    text: str
    icon: str = ""
    keys: str = ""
    hint: str = ""
    checkable: bool = False


def commands() -> tuple[Command, ...]:
    """The table, in the user's language."""
    return (
        Command("open", tr("Open…"), "open", "Ctrl+O", tr("Videos, pictures or finished tracks")),
        Command("open-folder", tr("Open a folder…"), "open", "Ctrl+Shift+O",
                tr("Its videos one after the other, or its pictures as one")),
        Command("camera", tr("Camera…"), "camera", "Ctrl+K",
                tr("A camera of this computer or one on the network, or the screen")),
        Command("close-source", tr("Close"), "close", "Ctrl+W"),
        Command("play", tr("Play or pause"), "play", "Space",
                tr("For files; a camera is always live")),
        Command("back", tr("One frame back"), "step-back", "Left"),
        Command("forward", tr("One frame forward"), "step-forward", "Right"),
        Command("back-far", tr("Five seconds back"), "", "Ctrl+Left"),
        Command("forward-far", tr("Five seconds forward"), "", "Ctrl+Right"),
        Command("start", tr("To the start"), "", "Home"),
        Command("slower", tr("Slower"), "", "-", tr("How fast a file plays")),
        Command("faster", tr("Faster"), "", "+", tr("How fast a file plays")),
        Command("previous-source", tr("Previous file"), "", "P",
                tr("Of the files opened together")),
        Command("next-source", tr("Next file"), "", "N", tr("Of the files opened together")),
        Command("loop", tr("Loop"), "loop", "L", tr("Start over at the end"), True),
        Command("range-start", tr("Range starts here"), "", "I", tr("Play from this picture on")),
        Command("range-end", tr("Range ends here"), "", "O", tr("Play up to this picture")),
        Command("range-clear", tr("Play the whole video"), "", "Shift+I"),
        Command("record", tr("Record"), "record", "R", tr("Start or stop recording"), True),
        Command("snapshot", tr("Snapshot"), "snapshot", "S",
                tr("Save this picture as PNG; beside a reference, both")),
        Command("mirror", tr("Mirror"), "mirror", "M",
                tr("Left and right exchanged, as in a dance studio"), True),
        Command("delay", tr("Delay"), "delay", "D", tr("Show what the camera saw some seconds ago"),
                True),
        Command("reference", tr("Reference beside…"), "reference", "Ctrl+R",
                tr("A second video beside the picture, to compare with")),
        Command("sync", tr("Sync here"), "sync", "Y",
                tr("The two pictures on screen are one moment, and go together from here; off: "
                   "the reference stands still"), True),
        Command("reference-back", tr("Reference one frame back"), "step-back", "Shift+Left"),
        Command("reference-forward", tr("Reference one frame forward"), "step-forward",
                "Shift+Right"),
        Command("reference-mirror", tr("Mirror the reference"), "mirror", "Shift+M",
                tr("For a teacher who faces the class"), True),
        Command("reference-close", tr("Close the reference"), "close", "Ctrl+Shift+W"),
        Command("fit", tr("Fit to window"), "fit", "Ctrl+0"),
        Command("zoom-in", tr("Zoom in"), "", "Ctrl++"),
        Command("zoom-out", tr("Zoom out"), "", "Ctrl+-"),
        Command("rename", tr("Rename"), "rename", "F2", tr("Give the selected person a name")),
        Command("swap", tr("Swap from here"), "swap", "Ctrl+T",
                tr("The two selected people exchange numbers")),
        Command("merge", tr("Merge"), "merge", "Ctrl+M", tr("The selected people are one person")),
        Command("split", tr("Split from here"), "split", "Ctrl+B",
                tr("From here on the selected person is somebody new")),
        Command("delete", tr("Delete"), "delete", "Del", tr("Not a person: leave out everywhere")),
        Command("set-id", tr("Set number"), "number", "Ctrl+I",
                tr("Give the selected person another number")),
        Command("lock", tr("Lock on"), "lock", "F", tr("Keep this person, and dim everybody else"),
                True),
        Command("undo", tr("Undo"), "undo", "Ctrl+Z", tr("Take the last correction back")),
        Command("redo", tr("Redo"), "redo", "Ctrl+Shift+Z", tr("Apply it again")),
        Command("save", tr("Save tracks and corrections"), "save", "Ctrl+S"),
        Command("export", tr("Export corrected tracks and measures…"), "export", "Ctrl+E"),
        Command("skeleton", tr("Show or hide skeletons"), "", "1"),
        Command("joints", tr("Show or hide joints"), "", "2"),
        Command("boxes", tr("Show or hide boxes"), "", "3"),
        Command("labels", tr("Show or hide names"), "", "4"),
        Command("angles", tr("Show or hide angles"), "", "5",
                tr("At the selected people’s joints")),
        Command("timings", tr("Milliseconds per frame"), "", "",
                tr("The chart of the time that each frame takes; without it there is more room"),
                True),
        Command("full-screen", tr("Full screen"), "", "F11", "", True),
        Command("picture-alone", tr("Picture alone"), "", "Shift+F11",
                tr("Without tools, panels and timeline; Escape brings them back"), True),
        Command("log", tr("Log"), "log", "Ctrl+L", tr("What the program reports"), True),
        Command("help", tr("Keyboard and mouse"), "help", "F1", "", True),
        Command("about", tr("About Posse")),
        Command("quit", tr("Quit"), "", "Ctrl+Q"),
    )  # fmt: skip


def make_actions(window: QWidget) -> dict[str, QAction]:
    """The commands as QActions of `window`, by name."""
    actions: dict[str, QAction] = {}
    for command in commands():
        action = QAction(command.text, window)
        if command.icon:
            action.setIcon(icon(command.icon))
        if command.keys:
            action.setShortcut(QKeySequence(command.keys))
        keys = f" ({command.keys})" if command.keys else ""
        text = command.text.replace("…", "")
        action.setToolTip(f"{text}{keys}" + (f"\n{command.hint}" if command.hint else ""))
        action.setCheckable(command.checkable)
        window.addAction(action)
        actions[command.name] = action
    return actions


def button_of(action: QAction) -> QToolButton:
    """A button that shows and runs `action`."""
    button = QToolButton()
    button.setDefaultAction(action)
    button.setAccessibleName(action.text())
    return button
