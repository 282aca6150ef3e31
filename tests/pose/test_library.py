"""What a user names is found, recognised and opened, or refused in one line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pose import library, weight_files
from pose.catalogue import by_name
from pose.header import Header, parse_header, read_skeleton, write_skeleton
from pose.hrnet import HRNet
from pose.library import detector_network, pose_network
from pose.skeleton import AIC14, COCO17, CROWDPOSE14, MPII16, POSETRACK18, SKELETONS, WHOLEBODY133
from pose.weight_files import WeightsError, find_weights
from pose.weights import save_weights
from pose.yolox import YOLOX, YOLOX_SIZES

TINY = {"width": 8, "stage_modules": (1, 1, 1), "blocks": 1, "stem_blocks": 1, "stem_width": 8}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("POSSE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache" / "weights").mkdir(parents=True)
    return tmp_path / "cache" / "weights"


def save_checkpoint(path: Path, joints: int) -> Path:
    torch.save({"state_dict": HRNet(**TINY, joints=joints).state_dict()}, path)
    return path


@pytest.mark.parametrize(
    ("name", "joints", "skeleton", "size_wh", "unbiased", "sigma"),
    [
        ("pose_hrnet_w32_256x192.pth", 17, COCO17, (192, 256), False, None),
        ("pose_hrnet_w48_384x288.pth", 17, COCO17, (288, 384), False, None),
        ("mine_mpii_256x256.pth", 16, MPII16, (256, 256), False, None),
        ("crowdpose_256x192.pth", 14, CROWDPOSE14, (192, 256), False, None),
        ("aic_256x192.pth", 14, AIC14, (192, 256), False, None),
        ("posetrack18_256x192.pth", 17, POSETRACK18, (192, 256), False, None),
        ("wholebody_384x288_dark.pth", 133, WHOLEBODY133, (288, 384), False, 3.0),
        ("my_udp-256x192.pth", 17, COCO17, (192, 256), True, 2.0),
    ],
)
def test_an_official_file_is_recognised_by_name_and_head(
    name, joints, skeleton, size_wh, unbiased, sigma, tmp_path
) -> None:  # type: ignore[no-untyped-def]
    network = pose_network(str(save_checkpoint(tmp_path / name, joints)))
    assert network.skeleton == skeleton
    assert network.network.pictures.size_wh == size_wh
    assert (network.unbiased, network.sigma) == (unbiased, sigma)


def test_a_yolox_checkpoint_becomes_a_detector(tmp_path: Path) -> None:
    path = tmp_path / "yolox_nano.pth.mine.pth"
    torch.save({"model": YOLOX(**YOLOX_SIZES["nano"]).state_dict()}, path)
    network = detector_network(str(path)).network
    assert (network.pictures.size_wh, network.pictures.rgb) == ((416, 416), False)
    assert network.build is not None
    with torch.no_grad():
        found = network.build()(torch.zeros(1, 3, 64, 64))
    assert found.shape == (1, 64 + 16 + 4, 85)
    assert 0 < found[..., 4:].min() <= found[..., 4:].max() < 0.5
    with pytest.raises(WeightsError, match=r"is a detector \(yolox-nano\)"):
        pose_network(str(path))


@pytest.mark.parametrize("name", ["hrnet-w32", "hrnet-w48"])
def test_a_network_name_without_a_size_is_coco_at_256x192(name: str, cache: Path) -> None:
    with pytest.raises(WeightsError, match=f"^{name}-256x192 is not on this machine"):
        find_weights(name)
    save_checkpoint(cache / f"{name}.pth", 17)  # a user's own file comes first
    assert find_weights(name) == cache / f"{name}.pth"


def test_a_published_file_must_have_its_hash(cache: Path) -> None:
    published = by_name("hrnet-w32-256x192")
    assert published is not None
    save_checkpoint(cache / published.file_name, 17)
    with pytest.raises(WeightsError, match="as published"):
        pose_network(published.name)


def test_a_published_file_is_found_by_its_name_with_what_the_table_knows(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save_checkpoint(cache / "net-00.pth", 17)
    known = by_name("hrnet-w32-udp-384x288")
    assert known is not None
    entry = replace(known, url="https://here/net-00.pth", sha256=weight_files.sha256_of(path)[:8])
    for module in (library, weight_files):
        monkeypatch.setattr(module, "by_name", lambda name: entry)
    network = pose_network("hrnet-w32-udp-384x288")
    assert network.network.pictures.size_wh == (288, 384)
    assert (network.unbiased, network.sigma) == (True, 3.0)


def test_missing_weights_say_how_to_get_them() -> None:
    with pytest.raises(WeightsError, match=r"models fetch yolox-s'.* 'posse models add FILE"):
        detector_network("yolox-s")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("yolox-ss", "did you mean yolox-s"),
        ("qqq", "'posse models' lists them"),
        ("nowhere/net.pth", "no such weights file"),
        ("net.onnx", "no such weights file"),
        (__file__, r"test_library.py: weights end in \.safetensors, "),
    ],
)
def test_unknown_names_are_refused(name: str, message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        find_weights(name)


def save_ours(path: Path, **metadata: str) -> Path:
    named = {"kind": "pose", "network": json.dumps(TINY), "input_wh": "96x128", **metadata}
    kept = {key: value for key, value in named.items() if value}
    save_weights(path, HRNet(**TINY).state_dict(), kept)
    return path


def test_our_own_weights_say_what_they_are(cache: Path) -> None:
    save_ours(cache / "mine.safetensors")
    network = pose_network("mine")
    assert network.network.pictures.size_wh == (96, 128)
    assert (network.skeleton, network.unbiased, network.sigma) == (COCO17, True, 1.5)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"kind": "detector"}, "is a detector network; a pose network is needed"),
        ({"network": ""}, "does not say what it is .no network in its header"),
        ({"skeleton": "spider"}, "expected one of coco17"),
        ({"kind": "cat"}, "'kind' in its header: cat is neither pose nor detector"),
        ({"input_wh": "0x0"}, "'input_wh' in its header: 0x0 is not a size"),
        ({"padding": "wide"}, "'padding' in its header: not built as it should be"),
        ({"padding": "0"}, "'padding' in its header: 0 is not above 0"),
        ({"sigma": "nan"}, "'sigma' in its header: nan is not above 0"),
        ({"network": "[1]"}, "'network' in its header: not built as it should be"),
        ({"skeleton": "mpii16"}, "its network has 17 joints, its skeleton 16"),
    ],
)
def test_odd_headers_are_refused(metadata: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=message):
        pose_network(str(save_ours(tmp_path / "odd.safetensors", **metadata)))


@pytest.mark.parametrize(
    "header",
    [
        Header("detector", {"hrnet": {"width": 8}}, (96, 96), ranges={"stem": (-1.5, 2.0)}),
        Header("pose", {"width": 8}, (9, 12), "mine", CROWDPOSE14, False, None, 1.1, 0.5, 3, {}),
        Header("pose", {}, (9, 12), sigma=2.0, weights="others.safetensors"),
    ],
)
def test_headers_survive_the_round_trip_through_text(header: Header) -> None:
    again = parse_header(header.text(), Path("its.safetensors"))
    if header.kind == "detector":  # a detector has no sigma
        again = replace(again, sigma=None)
    assert again == header


@pytest.mark.parametrize("arguments", [{"breadth": 3}, {"width": -8}])
def test_weights_of_no_network_are_refused(arguments: dict[str, int], tmp_path: Path) -> None:
    odd = json.dumps(arguments)
    network = pose_network(str(save_ours(tmp_path / "odd.safetensors", network=odd))).network
    assert network.build is not None
    with pytest.raises(WeightsError, match="'network' in its header"):
        network.build()


def test_weights_that_do_not_fit_their_header_are_refused(tmp_path: Path) -> None:
    wide = json.dumps({**TINY, "width": 16})
    network = pose_network(str(save_ours(tmp_path / "odd.safetensors", network=wide))).network
    assert network.build is not None
    with pytest.raises(WeightsError, match="shapes are different"):
        network.build()


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda skeleton: skeleton.name)
def test_skeletons_survive_the_round_trip_through_text(skeleton) -> None:  # type: ignore[no-untyped-def]
    own = replace(skeleton, name="own")
    assert read_skeleton(write_skeleton(skeleton)) == skeleton
    assert read_skeleton(write_skeleton(own)) == own
