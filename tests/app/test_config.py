"""Settings from defaults, presets and the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.config import ConfigError, Settings, preset_names, read_preset


def preset(folder: Path, text: str) -> str:
    path = folder / "mine.toml"
    path.write_text(text)
    return str(path)


def test_a_preset_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    text = (
        "[pipeline]\nbbox_thr = 0.5\n[pipeline.tracker]\nmemory_s = 4\n"
        "[overlay]\nthickness = 3\n[clip]\nformats = ['csv', 'mot']\n"
    )
    settings = read_preset(preset(tmp_path, text))
    assert settings.pipeline.bbox_thr == 0.5
    assert settings.pipeline.tracker.memory_s == 4.0
    assert settings.overlay.thickness == 3
    assert settings.clip.formats == ("csv", "mot")
    assert settings.pipeline.nms_thr == Settings().pipeline.nms_thr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[pipeline]\nbox_thr = 0.5", "no setting box_thr; did you mean bbox_thr?"),
        ("[pipeline]\nbbox_thr = 2", "bbox_thr is 2.0, expected 0 to 1"),
        ("[pipeline]\nflip = 1", "flip is 1, expected true or false"),
        ("[pipeline]\ndetect_every = 'two'", 'detect_every is "two", expected a whole number'),
        ("pipeline = 3", r"pipeline is a table, \[pipeline\]"),
        ("[pipeline]\ndetector_size = 100000", "expected 64 to 4096, or 0"),
        ("[pipeline]\nmax_latency_ms = nan", "max_latency_ms is nan, expected 0 or more"),
        ("[overlay]\nradius = nan", "radius is nan, expected more than 0"),
        ("[overlay]\ntrails_s = -1", "trails_s is -1.0, expected 0 or more"),
        ("[clip]\nvideo = false\nformats = []", "nothing would be written"),
        ("[clip]\nrotate = 45", "expected 0, 90, 180 or 270"),
        ("[clip]\ntime_range = [1.0]", r"time_range is \[1.0\], expected a list of 2 numbers"),
        ("[clip]\ncrop = [1, 2, 300]", "expected a list of 4 whole numbers"),
        ("[overlay]\nthickness = 'thick'", 'thickness is "thick", expected a number'),
        ("[pipeline.tracker]\nsigmas = ['a']", r'sigmas is \["a"\], expected a list of numbers'),
        ("[pipeline.tracker]\nassignment = 3", "assignment is 3, expected text in quotes"),
        ("[clip]\nformats = 'csv'", 'formats is "csv", expected a list of texts in quotes'),
        ("[clip]\nformats = ['csv', 'csv']", "formats names csv more than once"),
        ("[clip", "not a TOML file"),
        ("[overlay.names]\n1 = 'Ann'", "there is no setting names; known are angles, black_"),
        ("[overlay]\nkpt_thr = 0.5", "there is no setting kpt_thr"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        read_preset(preset(tmp_path, text))
    assert "mine.toml" in str(caught.value)


def test_an_unknown_preset_tells_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="no such preset or file"):
        read_preset("ballet")


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_of_ours_can_be_read(name: str) -> None:
    assert read_preset(name) != Settings() or name == "balanced"


def test_the_device_does_not_decide_what_comes_out() -> None:
    assert "device" not in Settings().to_json()["pipeline"]
