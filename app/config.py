"""Settings: one frozen tree, from defaults, a TOML preset and the command line, in that order.

A preset's tables are [pipeline], [pipeline.tracker], [overlay] and [clip], with the field names of
PipelineConfig, TrackerConfig, OverlayStyle and ClipOptions. The same tables below [cuda] override
them if the device is a CUDA one.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from app.measures.options import MeasureOptions
from app.overlay import OverlayStyle
from pose.command import nearest
from pose.errors import UserError
from pose.reading import read_text, shown
from tracking.pipeline import PipelineConfig

PRESETS = Path(__file__).resolve().parent.parent / "assets" / "presets"
_IN_WORDS = {  # one and several
    bool: ("true or false", "true and false"),
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    str: ("text in quotes", "texts in quotes"),
}

Table = TypeVar("Table")


class ConfigError(UserError):
    """A setting or preset that is wrong."""


@dataclass(frozen=True, slots=True)
class ClipOptions:
    """Which frames of a clip are taken, how they are framed, and what is written."""

    start_frame: int = 0  # frames skipped at the start
    max_frames: int = 0  # frames tracked at most; 0 takes all
    time_range: tuple[float, float] | None = None  # seconds since the first frame
    every: int = 1  # take every Nth frame
    crop: tuple[int, int, int, int] | None = None  # x y width height of the upright picture
    rotate: int = 0  # degrees clockwise: 0, 90, 180 or 270
    mirror: bool = False  # left to right, as in a dance studio
    video: bool = True  # write the picture with the overlay
    quick_video: bool = False  # encode in two thirds of the time, at nearly twice the size
    formats: tuple[str, ...] = ("posetrack18", "csv")  # of tracking.files.FORMATS
    follow: int = 0  # draw and write only the person with this id; 0: all
    refine: bool = False  # link, fill and smooth the tracks at the end of the clip
    measures: MeasureOptions = field(default_factory=MeasureOptions)  # angles, speeds, report

    def __post_init__(self) -> None:
        for name in ("start_frame", "max_frames", "follow"):
            if (value := getattr(self, name)) < 0:
                raise ValueError(f"{name} is {value}, expected 0 or more")
        twice = [name for name, count in Counter(self.formats).items() if count > 1]
        if twice:
            raise ValueError(f"formats names {twice[0]} more than once")
        if not (self.video or self.formats or self.measures.wanted):
            raise ValueError("no video, no formats and no measures: nothing would be written")
        if self.every < 1:
            raise ValueError(f"every is {self.every}, expected 1 or more")
        if self.rotate not in (0, 90, 180, 270):
            raise ValueError(f"rotate is {self.rotate}, expected 0, 90, 180 or 270")
        if self.time_range and not 0 <= self.time_range[0] < self.time_range[1]:
            raise ValueError(f"time_range is {self.time_range}, expected 0 <= start < end")
        if self.crop and (min(self.crop[:2]) < 0 or min(self.crop[2:]) < 16):
            raise ValueError(f"crop is {self.crop}, expected x y width height of 16 pixels or more")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that determines a clip's results."""

    pipeline: PipelineConfig = field(default_factory=PipelineConfig)
    overlay: OverlayStyle = field(default_factory=OverlayStyle)
    clip: ClipOptions = field(default_factory=ClipOptions)

    def to_json(self) -> dict[str, Any]:
        """As JSON values, without the device, which affects speed but not results."""
        tree = dataclasses.asdict(self)
        del tree["pipeline"]["device"]
        return tree


def preset_names() -> list[str]:
    """The names of the presets that come with the program."""
    return sorted(path.stem for path in PRESETS.glob("*.toml"))


def read_preset(
    name_or_file: str, settings: Settings | None = None, device: str = "auto"
) -> Settings:
    """`settings` overridden by a bundled preset or a TOML file, for `device`.

    Raises ConfigError if the file is missing, is not TOML, or names an unknown setting.
    """
    path = Path(name_or_file)
    if not path.suffix and (PRESETS / f"{name_or_file}.toml").is_file():
        path = PRESETS / f"{name_or_file}.toml"
    if not os.path.exists(path):  # noqa: PTH110  Path raises without permission to look
        known = ", ".join(preset_names()) or "none"
        raise ConfigError(f"{name_or_file}: no such preset or file; the presets are {known}")
    try:
        table = tomllib.loads(read_text(path, ConfigError))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: not a TOML file ({error})") from error
    on_cuda = table.pop("cuda", {})
    if not isinstance(on_cuda, dict):
        raise ConfigError(f"{path}: cuda is a table, [cuda]")
    settings = put_over(settings or Settings(), table, str(path))
    return put_over(settings, on_cuda, f"{path}, [cuda]") if _cuda(on_cuda, device) else settings


def _cuda(wanted: Mapping[str, Any], device: str) -> bool:
    """Whether `device` is a CUDA one; checked only if `wanted` holds settings."""
    if not wanted or device == "cpu":
        return False
    from pose.runtime import choose_device  # torch takes a while to load

    return choose_device(device).type == "cuda"


def put_over(settings: Table, table: Mapping[str, Any], where: str) -> Table:
    """A copy of a frozen dataclass with the values of `table`, nested tables included.

    Raises ConfigError, beginning with `where`, if a name or value does not fit.
    """
    assert is_dataclass(settings)
    assert not isinstance(settings, type)
    known = setting_names(settings)
    kinds = get_type_hints(type(settings))
    changes: dict[str, Any] = {}
    for name, value in table.items():
        if name not in known:
            close = nearest(name, known)
            hint = f"did you mean {close}?" if close else f"known are {', '.join(sorted(known))}"
            raise ConfigError(f"{where}: there is no setting {name}; {hint}")
        present = getattr(settings, name)
        if is_dataclass(present):
            if not isinstance(value, Mapping):
                raise ConfigError(f"{where}: {name} is a table, [{name}]")
            changes[name] = put_over(present, value, f"{where}, [{name}]")
        else:
            changes[name] = _fitting(name, value, kinds[name], where)
    try:
        return dataclasses.replace(settings, **changes)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{where}: {error}") from error


def setting_names(settings: Any) -> list[str]:
    """The names a preset may set in this dataclass: all fields but those that only code sets."""
    return [entry.name for entry in fields(settings) if entry.metadata.get("setting", True)]


def _fitting(name: str, value: Any, kind: Any, where: str) -> Any:
    """`value` as the declared type `kind` of a setting; lists become tuples."""
    fitting: Any = tuple(value) if isinstance(value, list) else value
    if not _is_of(fitting, kind):
        raise ConfigError(f"{where}: {name} is {shown(value)}, expected {_in_words(kind)}")
    return float(fitting) if kind is float else fitting


def _in_words(kind: Any) -> str:
    """What a declared type is in a TOML file."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is UnionType:  # of something and None, which TOML does not have
        return _in_words(arguments[0])
    if origin is tuple:
        count = "" if arguments[-1] is Ellipsis else f"{len(arguments)} "
        return f"a list of {count}{_IN_WORDS[arguments[0]][1]}"
    return _IN_WORDS.get(kind, _IN_WORDS[str])[0]  # a choice is text


def _is_of(value: Any, kind: Any) -> bool:
    """Whether a value is of a declared type; an int counts as a float, a bool as neither."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return any(_is_of(value, each) for each in arguments)
    if origin is tuple:
        endless = arguments[-1] is Ellipsis
        of_each = itertools.repeat(arguments[0]) if endless else arguments
        right_length = isinstance(value, tuple) and (endless or len(value) == len(arguments))
        return right_length and all(map(_is_of, value, of_each))
    if origin is Literal:  # the class itself names the choices
        return isinstance(value, str)
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, int | float if kind is float else kind)
