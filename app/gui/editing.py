"""Commands on people: rename, swap, merge and the rest, with undo and redo."""

from __future__ import annotations

from PyQt6.QtCore import QObject, QPointF, pyqtSignal
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QMenu, QWidget

from app.corrections import Correction
from app.gui.presenter import Presenter
from app.gui.timeline import time_text
from app.gui.translation import tr

ON_ONE = ("rename", "split", "set-id", "lock")
ON_PEOPLE = ("rename", "set-id", "swap", "merge", "split", "delete", "lock")
ON_PICTURE = ("play", "snapshot", "mirror", "fit", "full-screen", "picture-alone")


class Editing(QObject):
    """Turns the selection and the actions into corrections of the session."""

    selection_changed = pyqtSignal(tuple, int)  # ids selected, id locked on, or 0
    rename_wanted = pyqtSignal()
    id_wanted = pyqtSignal()
    said = pyqtSignal(str)

    def __init__(self, presenter: Presenter, actions: dict[str, QAction], parent: QWidget) -> None:
        super().__init__(parent)
        self.locked = 0
        self._locked_before = 0  # the value of `locked` before the last click
        self._presenter = presenter
        self._actions = actions
        self._parent = parent
        for name, slot in (
            ("rename", self.rename_wanted.emit),
            ("set-id", self.id_wanted.emit),
            ("swap", self.swap),
            ("merge", self.merge),
            ("split", self.split),
            ("delete", self.delete),
            ("undo", self.undo),
            ("redo", self.redo),
        ):
            actions[name].triggered.connect(slot)
        actions["lock"].toggled.connect(self._lock_toggled)
        self.renew()

    def select(self, ids: tuple[int, ...]) -> None:
        """Make `ids` the selection."""
        if ids != self._presenter.selected:
            self._presenter.selected = ids
            if self.locked and ids and self.locked not in ids:
                self.locked = ids[0]
            self._tell()

    def click(self, person: int, more: bool) -> None:
        """Handle a click on a person or nobody (0) in picture or timeline; `more`: add/remove."""
        old, self._locked_before = self._presenter.selected, self.locked
        if not person:
            self.select(old if more else ())
        elif not more:
            self.select((person,))
        elif person in old:
            self.select(tuple(i for i in old if i != person))
        else:
            self.select((*old, person))

    def double_click(self, person: int) -> None:
        """Lock on to `person`, or unlock if they were locked before the first click."""
        if self._locked_before == person:
            self._actions["lock"].setChecked(False)
        elif person != self.locked:  # else the first click moved the lock there
            self.toggle_lock(person)

    def toggle_lock(self, person: int) -> None:
        """Lock on to `person`, or unlock if locked on them already."""
        on = bool(person) and person != self.locked
        self.select((person,) if person else ())  # may move the lock there
        self._actions["lock"].setChecked(on)

    def rename(self, person: int, name: str) -> None:
        """Name a person; the name becomes one line."""
        self._do(Correction("rename", person, name=" ".join(name.split())))

    def set_id(self, person: int, number: int) -> None:
        """Give a person another number everywhere; whoever has it gets theirs."""
        self._do(Correction("set id", person, number))
        self.select((number,))

    def swap(self) -> None:
        """Swap the numbers of the two selected people from the picture on screen on."""
        first, second = self._presenter.selected
        self._do(Correction("swap", first, second, from_s=self._now_s()))

    def merge(self) -> None:
        """Merge the selected people into the smallest number: one step for each merged."""
        keep, *gone = sorted(self._presenter.selected)
        for person in gone:
            self._do(Correction("merge", keep, person))
        self.select((keep,))

    def split(self) -> None:
        """Make the selected person somebody new from the picture on screen on."""
        new = self._presenter.session.new_id()
        self._do(Correction("split", self._presenter.selected[0], new, from_s=self._now_s()))
        self.select((new,))

    def delete(self) -> None:
        """Delete the selected people everywhere."""
        if self.locked in self._presenter.selected:
            self._actions["lock"].setChecked(False)
        for person in self._presenter.selected:
            self._do(Correction("delete", person))
        self.select(())

    def undo(self) -> None:
        """Undo the last correction."""
        undone = self._presenter.session.undo()
        self._after(undone, tr("Undone: {}"))
        if undone is not None:
            self._rename_selection(numbers_after(undone, undone=True))

    def redo(self) -> None:
        """Redo the correction undone last."""
        done = self._presenter.session.redo()
        self._after(done, tr("Redone: {}"))
        if done is not None:
            self._rename_selection(numbers_after(done, undone=False))

    def source_changed(self) -> None:
        """Another source, other people: clear the selection and the lock."""
        self.select(())
        self._actions["lock"].setChecked(False)
        self.renew()

    def menu(self, person: int, at: QPointF) -> None:
        """Show the context menu of `person`, or of the picture if there is nobody (0)."""
        if person and person not in self._presenter.selected:
            self.select((person,))
        menu = QMenu(self._parent)
        for name in ON_PEOPLE if person else ON_PICTURE:
            menu.addAction(self._actions[name])
        menu.popup(at.toPoint())
        menu.aboutToHide.connect(menu.deleteLater)

    def _now_s(self) -> float:
        view = self._presenter.view
        return view.time_s if view is not None else 0.0

    def _do(self, correction: Correction) -> None:
        self._presenter.session.correct(correction)
        self._after(correction, "{}")

    def _after(self, correction: Correction | None, text: str) -> None:
        if correction is not None:
            said = text.format(told(correction))
            self.said.emit(said[0].upper() + said[1:])
            self._presenter.corrections_changed()
        self.renew()

    def _rename_selection(self, numbers: dict[int, int]) -> None:
        """Keep the same people selected and locked under their new numbers; 0: nobody."""
        ids = dict.fromkeys(numbers.get(person, person) for person in self._presenter.selected)
        locked = numbers.get(self.locked, self.locked)
        if not locked:
            self._actions["lock"].setChecked(False)
        elif locked != self.locked:
            self.locked = locked
            self._tell()
        self.select(tuple(person for person in ids if person))

    def _lock_toggled(self, on: bool) -> None:
        selected = self._presenter.selected
        self.locked = selected[0] if on and selected else 0
        self._tell()

    def _tell(self) -> None:
        self._presenter.session.lock(self.locked)
        self.renew()
        self.selection_changed.emit(self._presenter.selected, self.locked)

    def renew(self) -> None:
        """Enable what can be done now; release a lock on somebody no longer known."""
        if self.locked and self._presenter.session.lock_lost:
            self.said.emit(tr("There is no {} here any more: the lock is off").format(self.locked))
            self._actions["lock"].setChecked(False)
        count = len(self._presenter.selected)
        log = self._presenter.session.corrections
        for name in ON_ONE:
            self._actions[name].setEnabled(count == 1 or (name == "lock" and self.locked > 0))
        self._actions["swap"].setEnabled(count == 2)
        self._actions["merge"].setEnabled(count >= 2)
        self._actions["delete"].setEnabled(count > 0)
        self._actions["undo"].setEnabled(bool(log.done))
        self._actions["redo"].setEnabled(bool(log.undone))


def told(step: Correction) -> str:
    """Describe `step` in a few words."""
    from_s = time_text(step.from_s, True)
    match step.kind:
        case "rename" if step.name:
            return tr("person {} named “{}”").format(step.person, step.name)
        case "rename":
            return tr("name of person {} removed").format(step.person)
        case "swap":
            return tr("{} and {} swapped from {} on").format(step.person, step.other, from_s)
        case "merge":
            return tr("{} merged into {}").format(step.other, step.person)
        case "split":
            return tr("{} split from {} from {} on").format(step.other, step.person, from_s)
        case "delete":
            return tr("person {} deleted").format(step.person)
        case "set id":
            return tr("person {} renumbered to {}").format(step.person, step.other)


def numbers_after(step: Correction, undone: bool) -> dict[int, int]:
    """Numbers that change as `step` is undone, or redone: old -> new, 0 if deleted.

    A swap is left out: it is made with both people selected, and both stay selected.
    """
    match step.kind:
        case "set id":
            return {step.person: step.other, step.other: step.person}
        case "split":
            return {step.other: step.person} if undone else {step.person: step.other}
        case "merge":
            return {} if undone else {step.other: step.person}
        case "delete":
            return {} if undone else {step.person: 0}
    return {}
