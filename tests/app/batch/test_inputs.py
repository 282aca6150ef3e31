"""What the user names becomes clips, each with an output of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.batch.frames import fingerprint
from app.batch.inputs import find_clips
from app.batch.manifest import Entry, Manifest
from app.batch.outputs import beside
from app.video.source import MediaError, open_source


@pytest.fixture
def season(tmp_path: Path) -> Path:
    top = tmp_path / "season"
    for name in (
        "may/match1.mp4", "may/match2.MOV", "june/match1.mp4", "june/notes.txt",
        "june/.hidden.mp4", "stills/a1.jpg", "stills/a2.jpg",
    ):  # fmt: skip
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(b"x")
    return top


def stems_of(inputs: list[str], output: Path) -> dict[str, str]:
    return {
        Path(clip.source).name: clip.stem.relative_to(output).as_posix()
        for clip in find_clips(inputs, output)
    }


def test_a_tree_is_mirrored_and_folders_of_pictures_are_clips(season: Path, tmp_path: Path) -> None:
    clips = find_clips([str(season)], tmp_path / "out")
    assert sorted(clip.stem.relative_to(tmp_path / "out").as_posix() for clip in clips) == [
        "june/match1", "may/match1", "may/match2", "stills",
    ]  # fmt: skip


@pytest.mark.parametrize("spec", ["0", "rtsp://camera/1", "https://host/match.mp4", "screen"])
def test_what_is_live_is_no_clip(spec: str, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=f"posse gui {spec}"):
        find_clips([spec], tmp_path)


def test_outputs_inside_the_tree_are_no_inputs(season: Path) -> None:
    (season / "out").mkdir()
    (season / "out" / "old.mp4").write_bytes(b"x")
    assert len(find_clips([str(season)], season / "out")) == 4


def test_what_an_earlier_run_wrote_among_its_inputs_is_no_input(season: Path) -> None:
    (season / "may" / "match1_posse.mp4").write_bytes(b"x")
    outputs = ("may/match1_posse.mp4", "may/match1_posse.json")
    Manifest(season).add(Entry("may/match1.mp4", "done", "key", outputs=outputs))
    assert len(find_clips([str(season)], season)) == 4


def test_a_link_to_a_folder_above_is_not_walked_again(season: Path, tmp_path: Path) -> None:
    (season / "may" / "all").symlink_to(season, target_is_directory=True)
    assert len(find_clips([str(season)], tmp_path / "out")) == 4


def test_a_link_to_itself_becomes_a_clip_that_will_fail(season: Path, tmp_path: Path) -> None:
    (season / "self.mp4").symlink_to("self.mp4")
    clips = find_clips([str(season)], tmp_path / "out")
    assert str(season / "self.mp4") in [clip.source for clip in clips]
    assert fingerprint(str(season / "self.mp4"))


def test_clips_come_in_the_order_they_are_named_in(season: Path, tmp_path: Path) -> None:
    first, second = str(season / "may/match1.mp4"), str(season / "june/match1.mp4")
    clips = find_clips([first, second, first], tmp_path)
    assert [clip.source for clip in clips] == [first, second]


def test_patterns_are_expanded(season: Path, tmp_path: Path) -> None:
    for pattern in ("*/match1.mp4", "**/*.mp4"):
        clips = find_clips([str(season / pattern)], tmp_path)
        stems = sorted(clip.stem.relative_to(tmp_path).as_posix() for clip in clips)
        assert stems == ["june/match1", "may/match1"]
    pictures = find_clips([str(season / "stills" / "*.jpg")], tmp_path)
    assert [clip.stem.name for clip in pictures] == ["stills"]
    numbered = find_clips([str(season / "stills" / "a%d.jpg")], tmp_path)
    assert [clip.stem.name for clip in numbered] == ["stills"]


def test_a_pattern_over_folders_of_pictures_gives_a_clip_of_each(
    season: Path, tmp_path: Path
) -> None:
    (season / "june" / "day2").mkdir()
    (season / "june" / "day2" / "b1.jpg").write_bytes(b"x")
    clips = find_clips([str(season / "**" / "*.jpg")], tmp_path)
    assert {clip.stem.relative_to(tmp_path).as_posix(): clip.source for clip in clips} == {
        "june/day2": str(season / "june" / "day2" / "*.jpg"),
        "stills": str(season / "stills" / "*.jpg"),
    }


def test_a_list_names_inputs_relative_to_itself(season: Path, tmp_path: Path) -> None:
    chosen = season / "chosen.txt"
    chosen.write_text("# finals\nmay/match2.MOV\n\njune/match1.mp4\n")
    assert stems_of([f"@{chosen}"], tmp_path) == {"match2.MOV": "match2", "match1.mp4": "match1"}
    chosen.write_text("\ufeffmay/match2.MOV\n", encoding="utf-8")  # as Windows' editor writes it
    assert stems_of([f"@{chosen}"], tmp_path) == {"match2.MOV": "match2"}
    with pytest.raises(MediaError, match=r"gone\.txt"):
        find_clips(["@gone.txt"], tmp_path)


def test_a_list_that_names_itself_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("list.txt").write_text("@list.txt\n")
    (clip,) = find_clips(["@list.txt"], tmp_path)  # a file of that name, which is not there
    assert clip.source == "@list.txt"


@pytest.mark.parametrize("name", ["50% done.mp4", "take [1].mp4", "a.b.mp4"])
def test_a_clip_has_the_same_output_whether_it_or_its_folder_is_named(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).touch()
    out = tmp_path / "out"
    alone, in_tree = ([str(tmp_path / "in" / name)], [str(tmp_path / "in")])
    assert find_clips(alone, out)[0].stem == find_clips(in_tree, out)[0].stem == out / name[:-4]


def test_a_clip_named_twice_is_taken_once(season: Path, tmp_path: Path) -> None:
    named = str(season / "may" / "match1.mp4")
    assert len(find_clips([named, named], tmp_path)) == 1


def test_same_names_from_different_places_do_not_collide(season: Path, tmp_path: Path) -> None:
    (season / "may" / "match1.avi").write_bytes(b"x")
    names = [str(season / "may" / f"match1.{ending}") for ending in ("mp4", "avi")]
    assert stems_of(names, tmp_path) == {"match1.mp4": "match1_mp4", "match1.avi": "match1_avi"}


def test_an_input_that_gives_nothing_is_named(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="nothing"):
        find_clips([str(tmp_path / "nothing*.mp4")], tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(MediaError, match="empty"):
        find_clips([str(tmp_path / "empty")], tmp_path)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a user without all rights")
def test_what_may_not_be_read_becomes_a_clip_that_fails_by_name(season: Path) -> None:
    locked = season / "may"
    locked.chmod(0)
    try:
        clips = {Path(clip.source).name for clip in find_clips([str(season)], season / "out")}
        assert clips == {"may", "match1.mp4", "stills"}
        for source in (locked, locked / "match1.mp4"):
            with pytest.raises(MediaError, match="no permission to read"):
                open_source(source)
    finally:
        locked.chmod(0o755)


def test_an_input_is_never_written_over(season: Path) -> None:
    source = season / "may" / "match1.mp4"
    (clip,) = find_clips([str(source)], season / "may")
    assert beside(clip.stem, ".mp4") == season / "may" / "match1_posse.mp4"


def test_a_file_that_is_not_there_becomes_a_clip_that_will_fail(tmp_path: Path) -> None:
    assert len(find_clips(["gone.mp4"], tmp_path)) == 1
