"""Decoders and encoders: the CUDA device's where networks are on it, software's otherwise."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import pytest
from clips import SIZE, make_video, picture, turn

from app.video import coding
from app.video.coding import SOFTWARE, choose_encoder, coding_threads, cuda_in_use, open_input
from app.video.file import FileSource
from app.video.recorder import Recorder


def torch_with(allocated: list[int], initialised: bool = True) -> Any:
    """What `cuda_in_use` asks of torch, for a machine with so many bytes taken on each device."""
    cuda = SimpleNamespace(
        is_initialized=lambda: initialised,
        device_count=lambda: len(allocated),
        memory_allocated=lambda device: allocated[device],
    )
    return SimpleNamespace(cuda=cuda)


@pytest.mark.parametrize(
    ("torch", "device"),
    [
        (None, None),
        (torch_with([0, 0], initialised=False), None),
        (torch_with([0, 0]), None),
        (torch_with([0, 4096]), 1),
    ],
    ids=["no torch", "never used", "nothing on it", "the second"],
)
def test_the_device_in_use_is_the_one_that_holds_networks(
    monkeypatch: pytest.MonkeyPatch, torch: Any, device: int | None
) -> None:
    monkeypatch.setitem(sys.modules, "torch", torch)
    assert cuda_in_use() == device


@pytest.fixture
def networks_on_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coding, "cuda_in_use", lambda: 1)


@pytest.mark.usefixtures("networks_on_cuda")
def test_the_devices_coders_are_asked_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(coding, "_opens", lambda encoder, size_wh: True)
    assert choose_encoder(SIZE) == coding.Encoder("h264_nvenc", coding._nvenc(1).options)
    assert coding._nvenc(1).options["gpu"] == "1"

    video = make_video(tmp_path / "a.mp4", 3)
    opened = av.open

    def open_as_if(name: str, hwaccel: Any, **options: Any) -> Any:
        asked.append(hwaccel)
        return opened(name, **options)

    monkeypatch.setattr(av, "open", open_as_if)
    open_input(video).close()
    assert asked[-1].device_id == 1


@pytest.mark.usefixtures("networks_on_cuda")
@pytest.mark.skipif(Path("/dev/nvidia1").exists(), reason="this machine has the device")
def test_software_takes_over_where_the_device_refuses(tmp_path: Path) -> None:
    with Recorder(tmp_path / "a.mp4", SIZE, None) as recorder:
        for index in range(5):
            recorder.put(picture(index), index / 25)
    with FileSource(tmp_path / "a.mp4") as source:
        assert len(list(source)) == 5
    assert choose_encoder(SIZE) == SOFTWARE[0]


def test_an_encoder_that_this_build_lacks_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = coding.Encoder("h264_of_nobody", {})
    monkeypatch.setattr(coding, "SOFTWARE", (missing, SOFTWARE[-1]))
    assert choose_encoder(SIZE) == SOFTWARE[-1]
    monkeypatch.setattr(coding, "SOFTWARE", (missing,))
    assert choose_encoder(SIZE) is None


def test_odd_pictures_and_quick_ones_have_an_encoder_too() -> None:
    assert choose_encoder((161, 121)) == SOFTWARE[0]
    assert choose_encoder(SIZE, quick=True) == coding.QUICK


def test_coders_leave_half_of_the_cores_to_inference(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, threads in ((1, 1), (2, 1), (16, 8)):
        monkeypatch.setattr(
            os, "sched_getaffinity", lambda _, cores=cores: range(cores), raising=False
        )
        assert coding_threads() == threads


@pytest.mark.gpu
def test_the_device_decodes_and_encodes(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    held = torch.zeros(1, device="cuda")
    assert cuda_in_use() == held.device.index
    video = make_video(tmp_path / "a.mp4", 10, size_wh=(320, 240))
    with open_input(video) as container:
        stream = container.streams.video[0]
        assert len(list(container.decode(stream))) == 10
        assert stream.codec_context.is_hwaccel
    with FileSource(turn(video)) as source:  # PyAV 17 lost the tag on the way from the device
        assert source.size_wh == (240, 320)
    encoder = choose_encoder((320, 240))
    assert encoder is not None
    if any(name in torch.cuda.get_device_name() for name in ("A100", "A30", "H100", "H200")):
        assert encoder == SOFTWARE[0]  # these cards have no encoder
    else:
        assert encoder.name == "h264_nvenc"
