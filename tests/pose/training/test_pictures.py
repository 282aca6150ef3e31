"""Pictures are found where they lie, read straight from videos, and never fill the memory."""

from __future__ import annotations

import multiprocessing
import pickle
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from pose.training.pictures import Pictures, Place, find_picture, read_picture


@pytest.fixture
def dance(tmp_path: Path) -> Path:
    """A video of 30 frames, the n-th of which is grey of 8 * n."""
    path = tmp_path / "3rIk56dcBTM.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(30000, 1001))
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.options = {"g": "12", "qp": "4"}
        for number in range(30):
            image = np.full((48, 64, 3), 8 * number, np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("number", [0, 1, 11, 12, 25, 29])
def test_a_frame_is_read_straight_from_its_video(dance: Path, number: int) -> None:
    entry = {"file_name": f"3rIk56dcBTM/img-{number + 1:06d}.png"}
    place = find_picture(dance.parent, entry)
    assert place == Place(dance, number)
    image = read_picture(place)
    assert image is not None
    assert abs(float(image.mean()) - 8 * number) < 4


def test_an_entry_may_name_video_and_frame(dance: Path) -> None:
    assert find_picture(dance.parent, {"video": dance.name, "frame": 4}) == Place(dance, 4)


def test_an_extracted_frame_is_preferred_to_the_video(dance: Path) -> None:
    extracted = dance.parent / "3rIk56dcBTM" / "img-000003.png"
    extracted.parent.mkdir()
    cv2.imwrite(str(extracted), np.zeros((4, 4, 3), np.uint8))
    entry = {"file_name": "3rIk56dcBTM/img-000003.png"}
    assert find_picture(dance.parent, entry) == Place(extracted)


def test_a_frame_beyond_the_end_is_no_picture(dance: Path) -> None:
    assert read_picture(Place(dance, 400)) is None


def test_leading_folders_that_are_not_there_are_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "b" / "c.png"
    file.parent.mkdir()
    cv2.imwrite(str(file), np.zeros((4, 4, 3), np.uint8))
    assert find_picture(tmp_path, {"file_name": "/data/a/b/c.png"}) == Place(file)
    assert find_picture(tmp_path, {"file_name": "../b/c.png"}) == Place(file)
    assert find_picture(tmp_path, {"file_name": "C:\\data\\b\\c.png"}) == Place(file)
    assert find_picture(tmp_path, {"file_name": "d.png"}) is None


def test_decoded_pictures_are_kept_up_to_a_limit(tmp_path: Path) -> None:
    places = []
    for number in range(3):
        file = tmp_path / f"{number}.png"
        cv2.imwrite(str(file), np.full((10, 10, 3), number, np.uint8))
        places.append(Place(file))
    pictures = Pictures(tuple(places), limit_bytes=2 * 300)
    for index in (0, 1, 2):
        assert pictures[index] is not None
    for place in places:
        place.file.unlink()
    values = [
        image if image is None else int(image[0, 0, 0])
        for image in map(pictures.__getitem__, range(3))
    ]
    assert values == [0, 1, None]


def test_all_are_decoded_before_processes_are_forked_and_none_is_sent_to_others(
    tmp_path: Path,
) -> None:
    places = []
    for number in range(5):
        file = tmp_path / f"{number}.png"
        cv2.imwrite(str(file), np.full((10, 10, 3), number, np.uint8))
        places.append(Place(file))
    places[1].file.write_bytes(b"no picture")
    pictures = Pictures(tuple(places), limit_bytes=3 * 300)
    pictures.decode_all()
    sent = pickle.loads(pickle.dumps(pictures))
    for place in places:
        place.file.unlink()
    forked = multiprocessing.get_start_method() == "fork"
    assert [pictures[index] is not None for index in range(5)] == [
        forked, False, forked, forked, False
    ]  # fmt: skip
    assert all(sent[index] is None for index in range(5))


def test_a_damaged_picture_is_named_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    pictures = Pictures((Place(tmp_path / "a.png"),))
    assert [pictures[0], pictures[0]] == [None, None]
    assert len(caplog.records) == 1
    assert "a.png cannot be decoded" in caplog.text
