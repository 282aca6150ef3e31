"""Every command of the window in one table: name, text, icon, keys, hint."""

from __future__ import annotations

from dataclasses import dataclass

from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtWidgets import QWidget

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
        Command("open-folder", tr("Open a folder of pictures…"), "open", "Ctrl+Shift+O"),
        Command("camera", tr("Camera…"), "camera", "Ctrl+K", tr("A camera here or in the network")),
        Command("close-source", tr("Close the source"), "close", "Ctrl+W"),
        Command("play", tr("Play or pause"), "play", "Space", tr("Files; a camera is always live")),
        Command("back", tr("One frame back"), "step-back", "Left"),
        Command("forward", tr("One frame on"), "step-forward", "Right"),
        Command("back-far", tr("Five seconds back"), "", "Ctrl+Left"),
        Command("forward-far", tr("Five seconds on"), "", "Ctrl+Right"),
        Command("start", tr("To the start"), "", "Home"),
        Command("loop", tr("Loop"), "loop", "L", tr("Begin again at the end"), True),
        Command("range-start", tr("Play from here on"), "", "I", tr("The range begins here")),
        Command("range-end", tr("Play up to here"), "", "O", tr("The range ends here")),
        Command("range-clear", tr("Play all of it"), "", "Shift+I"),
        Command("record", tr("Record"), "record", "R", tr("Start or stop recording"), True),
        Command("snapshot", tr("Snapshot"), "snapshot", "S", tr("Keep this picture as PNG")),
        Command("mirror", tr("Mirror"), "mirror", "M", tr("Left to right, as in a mirror"), True),
        Command("delay", tr("Delay"), "delay", "D", tr("Show a camera seconds later"), True),
        Command("fit", tr("Fit the picture"), "fit", "Ctrl+0"),
        Command("zoom-in", tr("Larger"), "", "Ctrl++"),
        Command("zoom-out", tr("Smaller"), "", "Ctrl+-"),
        Command("rename", tr("Rename"), "rename", "F2", tr("Give the selected person a name")),
        Command(
            "swap", tr("Swap from here"), "swap", "Ctrl+T", tr("The selected two change numbers")
        ),
        Command("merge", tr("Merge"), "merge", "Ctrl+M", tr("The selected are one person")),
        Command(
            "split",
            tr("Split from here"),
            "split",
            "Ctrl+B",
            tr("The selected is somebody else from here on"),
        ),
        Command("delete", tr("Delete"), "delete", "Del", tr("Not a person; leave out everywhere")),
        Command(
            "set-id", tr("Set number"), "number", "Ctrl+I", tr("Give the selected another number")
        ),
        Command("lock", tr("Lock on"), "lock", "F", tr("Dim all but the selected"), True),
        Command("undo", tr("Undo"), "undo", "Ctrl+Z", tr("Take the last correction back")),
        Command("redo", tr("Redo"), "redo", "Ctrl+Shift+Z", tr("Make it once more")),
        Command("save", tr("Save tracks and corrections"), "save", "Ctrl+S"),
        Command("export", tr("Export corrected tracks and measures…"), "export", "Ctrl+E"),
        Command("skeleton", tr("Skeleton on or off"), "", "1"),
        Command("joints", tr("Joints on or off"), "", "2"),
        Command("boxes", tr("Boxes on or off"), "", "3"),
        Command("labels", tr("Names on or off"), "", "4"),
        Command("full-screen", tr("Full screen"), "", "F11", "", True),
        Command("log", tr("Log"), "log", "Ctrl+L", tr("What the program reports"), True),
        Command("help", tr("Keyboard and mouse"), "help", "F1", "", True),
        Command("about", tr("About Posse"), "", ""),
        Command("quit", tr("Quit"), "", "Ctrl+Q"),
    )


def make_actions(window: QWidget) -> dict[str, QAction]:
    """The commands as actions of `window`, by name."""
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
