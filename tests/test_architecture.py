"""The folders import each other in one direction only, and scoring stays free of heavy packages."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("pose", "tracking", "evaluation", "app")

# Which of our folders each one may import.
ALLOWED = {
    "pose": {"pose"},
    "tracking": {"pose", "tracking"},
    "evaluation": {"pose", "tracking", "evaluation"},
    "app": set(PACKAGES),
}
# Programs that measure the whole pipeline, decoding and drawing included, stand above app.
ABOVE_APP = {
    "evaluation/labelled_pictures.py",
    "evaluation/networks.py",
    "evaluation/run.py",
    "evaluation/speed.py",
    "evaluation/stages.py",
}


def imported_modules(path: Path) -> Iterator[tuple[str, int]]:
    """Every module that a file imports, anywhere in the file, and the line."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield name.name, node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module, node.lineno


def arrows_against(package: str, allowed: set[str], root: Path = ROOT) -> list[str]:
    """A folder's imports of those of our folders that it may not import."""
    wrong = []
    for path in sorted((root / package).rglob("*.py")):
        if path.relative_to(root).as_posix() in ABOVE_APP:
            continue
        for module, line in imported_modules(path):
            top = module.split(".")[0]
            if top in PACKAGES and top not in allowed:
                wrong.append(f"{path.relative_to(root)}:{line} imports {module}")
    return wrong


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_follow_the_direction(package: str) -> None:
    assert arrows_against(package, ALLOWED[package]) == []


def test_an_import_in_the_wrong_direction_is_found(tmp_path: Path) -> None:
    (tmp_path / "pose").mkdir()
    (tmp_path / "pose" / "x.py").write_text("def f():\n    from app.cli import main\n")
    assert arrows_against("pose", ALLOWED["pose"], tmp_path) == ["pose/x.py:2 imports app.cli"]


def test_only_the_gui_knows_qt() -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if "gui" not in path.parts
        and any(module.split(".")[0] == "PyQt6" for module, _ in imported_modules(path))
    ]
    assert wrong == []
