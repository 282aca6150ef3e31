"""The table of published weights: where each is, what it is, and what it scored.

OpenMMLab's file names contain the first eight hex digits of their SHA-256; for YOLOX's files the
whole hash is known. Scores are the publishers': COCO val2017 AP with flip test and a 56.4 AP person
detector where `score` says COCO, the data set's own measure elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

_MMPOSE = "https://download.openmmlab.com/mmpose"
_TOP_DOWN = f"{_MMPOSE}/top_down/hrnet"
_V1 = f"{_MMPOSE}/v1/body_2d_keypoint/topdown_heatmap/coco"
_YOLOX = "https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0"


@dataclass(frozen=True, slots=True)
class Published:
    """Weights that somebody published, and all that is needed to fetch, check and run them."""

    name: str  # what the user types
    kind: str  # "pose" or "detector"
    family: str  # as in pose.official
    url: str
    sha256: str  # as many leading hex digits as are known
    input_wh: tuple[int, int]
    score: str
    size_mb: int
    skeleton: str = "coco17"  # of a pose network
    unbiased: bool = False  # UDP
    dark: bool = False  # trained for DARK's decoding: sub-pixel positions, no quarter shift
    layout: str = "openmmlab"
    licence: str = "Apache-2.0"

    @property
    def file_name(self) -> str:
        """The published file's name, kept in the cache."""
        return PurePosixPath(self.url).name


def _hrnet(name: str, url: str, score: str, skeleton: str = "coco17") -> Published:
    """An OpenMMLab entry; width, input size, hash and training follow from the name and URL."""
    width, _, rest = name.removeprefix("hrnet-").partition("-")
    size = rest.split("-")[-1]
    height, across = (int(side) for side in size.split("x"))
    stem = PurePosixPath(url).stem  # ..._256x192-c78dce93_20200708
    return Published(
        name=name,
        kind="pose",
        family=f"hrnet-{width}",
        url=url,
        sha256=stem.rsplit("-", 1)[1].split("_")[0],
        input_wh=(across, height),
        score=score,
        size_mb={"w32": 110, "w48": 243}[width],
        skeleton=skeleton,
        unbiased="udp" in rest,
        dark="dark" in rest or "udp" in rest,
    )


def _coco(name: str, file: str, score: float) -> Published:
    base = _V1 if file.startswith("td-hm") else _TOP_DOWN
    return _hrnet(name, f"{base}/{file}.pth", f"COCO AP {score}")


def _yolox(size: str, sha256: str, side: int, score: float, size_mb: int) -> Published:
    return Published(
        name=f"yolox-{size}",
        kind="detector",
        family=f"yolox-{size}",
        url=f"{_YOLOX}/yolox_{size}.pth",
        sha256=sha256,
        input_wh=(side, side),
        score=f"COCO box AP {score}",
        size_mb=size_mb,
        layout="official",
    )


CATALOGUE = (
    _coco("hrnet-w32-256x192", "hrnet_w32_coco_256x192-c78dce93_20200708", 74.6),
    _coco("hrnet-w32-384x288", "hrnet_w32_coco_384x288-d9f0d786_20200708", 76.0),
    _coco("hrnet-w48-256x192", "hrnet_w48_coco_256x192-b9e0b3ab_20200708", 75.6),
    _coco("hrnet-w48-384x288", "hrnet_w48_coco_384x288-314c8528_20200708", 76.7),
    _coco(
        "hrnet-w32-dark-256x192",
        "td-hm_hrnet-w32_dark-8xb64-210e_coco-256x192-0e00bf12_20220914",
        75.7,
    ),
    _coco(
        "hrnet-w48-dark-384x288",
        "td-hm_hrnet-w48_dark-8xb32-210e_coco-384x288-39c3c381_20220916",
        77.2,
    ),
    _coco(
        "hrnet-w32-udp-256x192",
        "td-hm_hrnet-w32_udp-8xb64-210e_coco-256x192-73ede547_20220914",
        76.2,
    ),
    _coco(
        "hrnet-w32-udp-384x288",
        "td-hm_hrnet-w32_udp-8xb64-210e_coco-384x288-9a3f7c85_20220914",
        76.8,
    ),
    _coco(
        "hrnet-w48-udp-256x192",
        "td-hm_hrnet-w48_udp-8xb32-210e_coco-256x192-3feaef8f_20220913",
        76.8,
    ),
    _coco(
        "hrnet-w48-udp-384x288",
        "td-hm_hrnet-w48_udp-8xb32-210e_coco-384x288-70d7ab01_20220913",
        77.3,
    ),
    _hrnet(
        "hrnet-w32-mpii-256x256",
        f"{_TOP_DOWN}/hrnet_w32_mpii_256x256-6c4f923f_20200812.pth",
        "MPII PCKh 90.0",
        "mpii16",
    ),
    _hrnet(
        "hrnet-w32-aic-256x192",
        f"{_TOP_DOWN}/hrnet_w32_aic_256x192-30a4e465_20200826.pth",
        "AI Challenger AP 32.3",
        "aic14",
    ),
    _hrnet(
        "hrnet-w32-crowdpose-256x192",
        f"{_TOP_DOWN}/hrnet_w32_crowdpose_256x192-960be101_20201227.pth",
        "CrowdPose AP 67.5",
        "crowdpose14",
    ),
    _hrnet(
        "hrnet-w32-wholebody-256x192",
        f"{_TOP_DOWN}/hrnet_w32_coco_wholebody_256x192-853765cd_20200918.pth",
        "COCO-WholeBody AP 53.6",
        "wholebody133",
    ),
    _hrnet(
        "hrnet-w48-wholebody-dark-384x288",
        f"{_TOP_DOWN}/hrnet_w48_coco_wholebody_384x288_dark-f5726563_20200918.pth",
        "COCO-WholeBody AP 66.1",
        "wholebody133",
    ),
    _hrnet(
        "hrnet-w32-posetrack18-256x192",
        f"{_TOP_DOWN}/hrnet_w32_posetrack18_256x192-1ee951c4_20201028.pth",
        "PoseTrack18 mAP 83.4 (truth boxes)",
        "posetrack18",
    ),
    _yolox(
        "nano", "cd28f55fbbc1829f99d9ac9b38a16d259a22889739c8728ea877610201feff7b", 416, 25.8, 8
    ),
    _yolox(
        "tiny", "9de513de589ac98bb92d3bca53b5af7b9acfa9b0bacb831f7999d0f7afaee8f0", 416, 32.8, 39
    ),
    _yolox("s", "f55ded7181e1b0c13285c56e7790b8f0e8f8db590fe4edb37f0b7f345c913a30", 640, 40.5, 69),
    _yolox("m", "60076992b32da82951c90cfa7bd6ab70eba9eda243e08b940a396f60ac2d19b6", 640, 47.2, 194),
    _yolox("l", "1e6b7fa6240375370b2a8a8eab9066b3cdd43fd1d0bfa8d2027fd3a51def2917", 640, 50.1, 415),
    _yolox("x", "5652330b6ae860043f091b8f550a60c10e1129f416edfdb65c259be6caf355cf", 640, 51.5, 757),
)


# The input size at which HRNet's authors compare it with other networks
SHORT_NAMES = {"hrnet-w32": "hrnet-w32-256x192", "hrnet-w48": "hrnet-w48-256x192"}


def by_name(name: str) -> Published | None:
    """The entry that `name` refers to: by its full or short name, or by its file's name."""
    name = SHORT_NAMES.get(name, name)
    for entry in CATALOGUE:
        if name in (entry.name, entry.file_name, PurePosixPath(entry.file_name).stem):
            return entry
    return None
