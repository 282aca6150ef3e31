"""Weight files are read back as they were written, or named in a clear error."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from pose.weight_files import WeightsError, cache_dir, sha256_of
from pose.weights import load_checkpoint, load_weights, save_weights

STATE = {"conv.weight": torch.arange(6.0).reshape(2, 3), "bn.num_batches_tracked": torch.tensor(7)}


def test_what_is_saved_is_loaded_with_its_metadata(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "net.safetensors"
    save_weights(path, STATE, {"kind": "pose"})
    state, metadata = load_weights(path)
    assert metadata == {"kind": "pose"}
    assert path.stat().st_mode & 0o777 == 0o644  # for other users too
    assert state["conv.weight"].dtype == torch.float32
    assert torch.equal(state["conv.weight"], STATE["conv.weight"])
    assert state["bn.num_batches_tracked"].dtype == torch.int64
    assert state["bn.num_batches_tracked"] == 7
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_equal_weights_make_equal_files(tmp_path: Path) -> None:
    metadata = {name: name for name in ("kind", "network", "input_wh", "steps", "score", "sigma")}
    files = [tmp_path / f"{number}.safetensors" for number in range(4)]
    for file in files:
        save_weights(file, STATE, metadata)
    assert len({file.read_bytes() for file in files}) == 1


def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WeightsError, match=r"a\.safetensors: cannot be written: Not a directory"):
        save_weights(tmp_path / "file" / "new" / "a.safetensors", STATE, {})


def test_a_failed_save_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "net.safetensors"
    save_weights(path, STATE, {})
    before = sha256_of(path)

    def full_disk(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("pose.weights.save", full_disk)
    with pytest.raises(WeightsError, match="no space"):
        save_weights(path, STATE, {})
    assert sha256_of(path) == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("load", [load_weights, load_checkpoint])
def test_missing_empty_and_foreign_files_give_one_clear_line(load, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(WeightsError, match=r"gone\.pth: no such weights file"):
        load(tmp_path / "gone.pth")
    empty = tmp_path / "empty.pth"
    empty.touch()
    with pytest.raises(WeightsError, match="is empty"):
        load(empty)
    foreign = tmp_path / "foreign.pth"
    foreign.write_text("<html>404</html>" * 99)
    with pytest.raises(WeightsError, match="damaged or not a") as caught:
        load(foreign)
    assert "\n" not in str(caught.value)


def test_truncated_files_are_named_as_damaged(tmp_path: Path) -> None:
    ours, official = tmp_path / "a.safetensors", tmp_path / "b.pth"
    save_weights(ours, STATE, {})
    torch.save(STATE, official)
    for path in (ours, official):
        path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(WeightsError, match="damaged"):
        load_weights(ours)
    with pytest.raises(WeightsError, match="damaged"):
        load_checkpoint(official)


def test_a_checkpoint_with_a_changed_byte_is_named_as_damaged(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    torch.save(STATE, path)
    path.write_bytes(path.read_bytes().replace(b"num_batches", b"num\xffbatches", 1))
    with pytest.raises(WeightsError, match="damaged"):  # a name that is not UTF-8
        load_checkpoint(path)


@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: {"state_dict": s, "epoch": 3}])
def test_a_checkpoint_is_found_at_its_top_or_under_state_dict(wrap, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "net.pth"
    torch.save(wrap(STATE), path)
    assert torch.equal(load_checkpoint(path)["conv.weight"], STATE["conv.weight"])


def test_a_checkpoint_with_averaged_weights_gives_the_averaged_ones(tmp_path: Path) -> None:
    """mmengine saves these under `state_dict`, and the latest ones under `ema_state_dict`."""
    path = tmp_path / "epoch_210.pth"
    latest = {f"module.{name}": value + 1 for name, value in STATE.items()}
    ema = {"steps": torch.tensor(3), **latest}
    torch.save({"ema_state_dict": ema, "state_dict": STATE, "meta": {}}, path)
    assert torch.equal(load_checkpoint(path)["conv.weight"], STATE["conv.weight"])
    assert load_checkpoint(path).keys() == STATE.keys()


def test_values_beyond_float16_are_kept(tmp_path: Path) -> None:
    variances = torch.tensor([1e6, 1.0])
    save_weights(tmp_path / "net.safetensors", {"bn.running_var": variances}, {})
    state, _ = load_weights(tmp_path / "net.safetensors")
    assert torch.equal(state["bn.running_var"], variances)


def test_a_checkpoint_without_tensors_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    itself: dict[str, object] = {}
    itself["model"] = itself
    for content in ({"epoch": 3}, {1: torch.zeros(2)}, itself):
        torch.save(content, path)
        with pytest.raises(WeightsError, match="holds no network weights"):
            load_checkpoint(path)


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("code ran",)


def test_code_in_a_checkpoint_is_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "evil.pth"
    torch.save({"state_dict": _Evil()}, path)
    with pytest.raises(WeightsError):
        load_checkpoint(path)
    assert capsys.readouterr().out == ""


class _TrainingLog:
    def __init__(self) -> None:
        self.losses = [1.0, 0.5]


def test_objects_beside_the_weights_do_not_hinder(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    torch.save({"state_dict": STATE, "log": _TrainingLog(), "ap": np.float64(0.3)}, path)
    assert torch.equal(load_checkpoint(path)["conv.weight"], STATE["conv.weight"])


def test_the_format_of_old_torch_is_read(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    torch.save(STATE, path, _use_new_zipfile_serialization=False)
    assert torch.equal(load_checkpoint(path)["conv.weight"], STATE["conv.weight"])


@pytest.mark.skipif(os.name == "nt", reason="the folder is Windows' own there")
def test_an_unknown_user_without_a_home_still_gets_a_cache_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("POSSE_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 3_999_999)
    assert cache_dir() == Path("/.cache/posse")
