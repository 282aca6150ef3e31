"""The documentation's examples run, and its pages are consistent."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.config import read_preset

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
PERSON = re.compile(r"\d\.\d\d s: person \d+, nose at \[.*\]")


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], list[str]]:
    """What the examples of the library's page and of the README print, run by one process."""
    [readme] = PYTHON.findall(README)
    assert "follow(video)" in readme
    short = readme.replace("follow(video)", "follow(islice(video, 5))")
    parts = "\n".join(PYTHON.findall(LIBRARY)), f"from itertools import islice\n{short}"
    program = "\nprint('README')\n".join(f"exec({part!r}, {{}})" for part in parts)
    program = program.replace("assets/sample.mp4", str(ROOT / "assets/sample.mp4"))
    folder = tmp_path_factory.mktemp("examples")
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=folder, check=False
    )
    assert done.returncode == 0, done.stderr
    library, _, of_readme = done.stdout.partition("README\n")
    return library.splitlines(), of_readme.splitlines()


def test_the_librarys_examples_run(printed: tuple[list[str], list[str]]) -> None:
    lines, _ = printed
    assert any(map(PERSON.fullmatch, lines))
    assert lines[-2:] == ["[1]", "1"]


def test_the_readmes_example_runs(printed: tuple[list[str], list[str]]) -> None:
    _, lines = printed
    assert lines
    assert all(map(PERSON.fullmatch, lines))


def test_the_batch_pages_settings_are_accepted(tmp_path: Path) -> None:
    batch = (ROOT / "docs" / "batch.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```toml\n(.*?)```", batch, re.DOTALL)
    mine = tmp_path / "mine.toml"
    mine.write_text(example, encoding="utf-8")
    settings = read_preset(str(mine))
    assert settings.pipeline.detector_size == 1024
    assert settings.clip.formats == ("csv", "mot")


@pytest.mark.parametrize("module", re.findall(r"^::: (\S+)", API, re.MULTILINE))
def test_everything_on_the_api_page_is_described(module: str) -> None:
    tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))
    bare = [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef | ast.FunctionDef)
        and (not node.name.startswith("_") and node.col_offset == 0)
        and not ast.get_docstring(node)
    ]
    assert bare == []


def test_links_between_pages_lead_somewhere() -> None:
    for page in (ROOT / "docs").glob("*.md"):
        for link in re.findall(r"\]\(([^)#:]+\.md)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).is_file(), f"{page.name} links to {link}"


PAGES = ["README.md", *sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES)
def test_the_files_that_a_page_names_are_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = re.findall(r"`((?:app|assets|docs|evaluation|pose|tests|tracking)/[\w/.-]*)`", text)
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.slow
def test_the_pages_can_be_built(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason="mkdocs is not installed: pip install posse[docs]")
    pytest.importorskip("mkdocstrings", reason="mkdocstrings is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(tmp_path / "site")],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    api = (tmp_path / "site" / "api" / "index.html").read_text(encoding="utf-8")
    assert "PoseTracker" in api
    assert "(N, K, 2) x y" in api  # the shapes in comments beside the fields
