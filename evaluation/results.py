"""Result files that appear only when all of them are complete."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import orjson

from pose.errors import UserError
from pose.writing import partial_name, put_in_place, writing


def write_all(folder: Path, contents: Mapping[str, str]) -> None:
    """Write every file of `contents` (name -> text) into `folder`, which is created if needed.

    Earlier results are replaced only once all new ones are complete beside them. Raises UserError.
    """
    written = []
    try:
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            for name, text in contents.items():
                partial = partial_name(folder / name)
                written.append((partial, folder / name))
                # Names of files that are not valid text are replaced
                partial.write_bytes(text.encode("utf-8", "replace"))
            for partial, final in written:
                put_in_place(partial, final)
    finally:
        for partial, _ in written:
            partial.unlink(missing_ok=True)


def check_folder(folder: Path) -> None:
    """Raise UserError where no files can be created in `folder`; call it before the work.

    The folder need not exist yet, and is not created: work that fails leaves none behind.
    """
    if trouble := _trouble(folder):
        raise UserError(f"{folder}: the results cannot be written: {trouble}")


def check_writable(path: Path) -> None:
    """Raise UserError where the file `path` cannot be created; otherwise as `check_folder`."""
    if trouble := "it is a folder" if path.is_dir() else _trouble(path.parent):
        raise UserError(f"{path}: cannot be written: {trouble}")


def _trouble(folder: Path) -> str:
    """Why no file can be created in a folder or its nearest existing parent; empty if one can."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        return f"{there} is not a folder"
    trial = partial_name(there / "results")
    try:
        trial.touch()
        trial.unlink()
    except OSError as error:
        return f"{error.strerror} in {there}"
    return ""


def write_figures(path: Path, figures: object) -> None:
    """Write figures as JSON, complete or not at all. Raises UserError."""
    write_all(path.parent, {path.name: json.dumps(figures, indent=1) + "\n"})


def to_json(value: object) -> str:
    """Indented JSON, with null in place of NaN, which the standard does not allow."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE
    try:
        return orjson.dumps(value, option=options).decode()
    except TypeError:  # a file name that is not valid UTF-8: once more, with ? in its place
        text = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
        return orjson.dumps(json.loads(text), option=options).decode()
