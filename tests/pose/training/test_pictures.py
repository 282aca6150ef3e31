"""Pictures are found where they lie, read straight from videos, and never fill the memory."""

from __future__ import annotations

import multiprocessing
import pickle
import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from pose.people import ImageArray
from pose.training.pictures import Pictures, Place, find_picture, read_picture


@pytest.fixture
def dance(tmp_path: Path) -> Path:
    """A video of 30 frames, of which the n-th is grey of value 8 * n."""
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


def _binary(path: Path, codec: str, stamps: Sequence[int]) -> Path:
    """A video whose n-th frame, shown at `stamps[n]`, has the bits of n as black and white bars."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.options, stream.bit_rate = {"g": "12"}, 2_000_000
        for number, stamp in enumerate(stamps):
            image = np.zeros((48, 64, 3), np.uint8)
            for bit in range(6):
                image[:, 10 * bit : 10 * bit + 10] = 255 * (number >> bit & 1)
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = stamp, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def _number_in(image: ImageArray | None) -> int:
    assert image is not None
    bars = image[:, :60].reshape(48, 6, 10, 3)[:, :, 3:7].mean((0, 2, 3))
    return sum(1 << bit for bit in range(6) if bars[bit] > 128)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "libx264"), ("a.avi", "libx264"), ("a.ts", "libx264"), ("a.mpg", "mpeg2video")],
)
def test_frames_are_counted_alike_in_every_container(tmp_path: Path, name: str, codec: str) -> None:
    video = _binary(tmp_path / name, codec, range(30))
    found = [_number_in(read_picture(Place(video, number))) for number in range(30)]
    assert found == list(range(30))
    assert read_picture(Place(video, 30)) is None


def test_frames_are_counted_alike_at_a_variable_rate(tmp_path: Path) -> None:
    stamps = [number if number < 10 else 10 + 4 * (number - 10) for number in range(30)]
    video = _binary(tmp_path / "a.mp4", "libx264", stamps)
    assert [_number_in(read_picture(Place(video, n))) for n in range(30)] == list(range(30))


def test_a_video_taken_upright_is_read_upright(dance: Path) -> None:
    data = bytearray(dance.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40  # ISO 14496-12, 8.3.2, version 0
    data[matrix : matrix + 36] = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
    dance.write_bytes(data)
    image = read_picture(Place(dance, 3))
    assert image is not None and image.shape == (64, 48, 3)


def test_a_picture_of_another_size_than_its_labels_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((30, 40, 3), np.uint8))
    entry = {"file_name": "a.png", "width": 80, "height": 60}
    for size, fits in (((80, 60), False), ((40, 30), True), ((41, 31), True)):
        place = find_picture(tmp_path, entry | {"width": size[0], "height": size[1]})
        assert place is not None
        assert (Pictures((place,))[0] is not None) == fits
    assert [each.message.split(".png ")[1] for each in caplog.records] == [
        "is 40x30, but its labels are for 80x60; its people are left out"
    ]


def test_an_exif_rotation_is_ignored_if_the_labels_ignored_it(tmp_path: Path) -> None:
    encoded = cv2.imencode(".jpg", np.zeros((30, 40, 3), np.uint8))[1].tobytes()
    tag = struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, 0x0112, 3, 1, 6, 0, 0)
    exif = b"\xff\xe1" + struct.pack(">H", 8 + len(tag)) + b"Exif\0\0" + tag
    file = tmp_path / "a.jpg"
    file.write_bytes(encoded[:2] + exif + encoded[2:])
    for size_wh, shape in ((None, (40, 30)), ((30, 40), (40, 30)), ((40, 30), (30, 40))):
        image = read_picture(Place(file, size_wh=size_wh))
        assert image is not None and image.shape[:2] == shape


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


def test_leading_folders_that_are_not_there_are_dropped(tmp_path: Path) -> None:
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


def test_pictures_are_decoded_before_a_fork_and_not_sent_to_other_processes(
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
