"""Results that go to a place with a URL, by way of fsspec."""

from __future__ import annotations

from pathlib import Path

import pytest
from clips import build, make_video
from fsspec.implementations.memory import MemoryFileSystem

from app import track
from app.batch.manifest import NAME
from app.batch.store import Store, StoreError
from app.cli import main, make_parser


@pytest.fixture
def bucket(request: pytest.FixtureRequest) -> Store:
    """An object store of this process."""
    return Store(f"memory://{request.node.name}/season")


def files_in(store: Store) -> list[str]:
    root = store.url.removeprefix("memory:/")
    return sorted(path.removeprefix(f"{root}/") for path in MemoryFileSystem().find(root))


def run(source: Path, output: str, *words: str) -> int:
    args = make_parser(["track"]).parse_args(["track", str(source), "-o", output, *words])
    return track.run(args, build)


def test_a_batch_ends_up_in_the_store_and_is_skipped_next_time(
    tmp_path: Path, bucket: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    season = tmp_path / "season"
    (season / "may").mkdir(parents=True)
    make_video(season / "a.mp4", 12)
    make_video(season / "may" / "b.mp4", 12)
    words = ["--format", "csv,openpose", "--no-video"]
    assert run(season, bucket.url + "/", *words) == 0
    assert f"{bucket.url}/may/b.csv" in capsys.readouterr().out
    found = files_in(bucket)
    assert {"a.csv", "a.info.json", "may/b.csv", "may/b.info.json", NAME} < set(found)
    assert sum(name.startswith("a_openpose/") for name in found) == 12
    # What is done and sent takes no room here
    assert [path.name for path in bucket.scratch.rglob("*") if path.is_file()] == [NAME]
    assert run(season, bucket.url, *words) == 0
    assert "done 0, skipped 2" in capsys.readouterr().out
    MemoryFileSystem().rm(f"{bucket.url.removeprefix('memory:/')}/a.csv")
    assert run(season, bucket.url, *words) == 0
    assert "done 1, skipped 1" in capsys.readouterr().out
    assert files_in(bucket) == found


def test_the_files_are_those_of_a_folder(tmp_path: Path) -> None:
    source = make_video(tmp_path / "walk.mp4", 12)
    assert run(source, str(tmp_path / "plain")) == 0
    assert run(source, f"file://{tmp_path}/store") == 0
    plain = {path.name: path.read_bytes() for path in (tmp_path / "plain").iterdir()}
    stored = {path.name: path.read_bytes() for path in (tmp_path / "store").iterdir()}
    assert plain.keys() == stored.keys() == {
        "walk.mp4", "walk.json", "walk.csv", "walk.info.json", NAME,
    }  # fmt: skip
    for name in stored.keys() - {NAME}:
        assert plain[name] == stored[name], name


def test_what_could_not_be_sent_is_not_tracked_again(
    tmp_path: Path, bucket: Store, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    source = make_video(tmp_path / "walk.mp4", 12)

    def refuse(store: Store, path: Path, name: str) -> None:
        raise StoreError(f"{name}: no room")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "take", refuse)
        assert run(source, bucket.url) == 1
    assert "no room" in capsys.readouterr().err
    assert run(source, bucket.url) == 0
    said = capsys.readouterr().out
    assert "12 frames ->" in said  # no frames/s: all of them are of the first run
    assert {"walk.mp4", "walk.json"} < set(files_in(bucket))
    assert [path.name for path in bucket.scratch.rglob("*") if path.is_file()] == [NAME]


def test_a_place_that_cannot_be_reached_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = make_video(tmp_path / "walk.mp4", 3)
    assert main(["track", str(source), "-o", "carrier-pigeon://coop/season"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("posse: carrier-pigeon://coop/season: ")
    assert said.count("\n") == 1
    with pytest.raises(StoreError, match="check the address"):
        Store("carrier-pigeon://coop").exists("x")
