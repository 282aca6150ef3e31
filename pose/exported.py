"""Describe networks in ONNX, OpenVINO and TensorRT files from the file alone.

A file of ours has a description (kind, skeleton, input size, ...) as JSON under the key `posse` of
its metadata, and takes raw frame bytes. A file from elsewhere is recognised by its shapes: float
pictures in, COCO-17 heatmaps or YOLOX's raw predictions out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pose.networks import Pictures, raw_pictures
from pose.reading import MALFORMED, reading
from pose.weight_files import SUFFIX, WeightsError, require_file

KEY = "posse"


def describe(file: Path) -> dict[str, Any]:
    """Describe an exported file: kind, input_wh, joints or classes; ours give more.

    A side of `input_wh` is 0 if the file accepts any length.

    Raises WeightsError if it is damaged, or neither a pose network nor a detector.
    """
    require_file(file)
    if file.suffix == SUFFIX["openvino"]:
        require_file(file.with_suffix(".bin"))  # its weights
    if file.suffix == SUFFIX["tensorrt"]:
        from pose.on_tensorrt import read_description

        return read_description(file)
    from openvino.frontend import FrontEndManager, GeneralFailure

    # `read_model` tries all readers, and TensorFlow's writes to stderr what it cannot read
    kind_of_file = "onnx" if file.suffix == SUFFIX["onnx"] else "ir"
    try:
        reader = FrontEndManager().load_by_framework(kind_of_file)
        model = reader.convert(reader.load(str(file)))
    except (RuntimeError, GeneralFailure, *MALFORMED) as error:
        raise WeightsError(f"{file} is damaged, or not an ONNX or OpenVINO network") from error
    own = _own_description(model, file)
    if own:
        return own
    takes = [_sides(given.partial_shape) for given in model.inputs]
    gives = [_sides(output.partial_shape) for output in model.outputs]
    shape = takes[0] if len(takes) == 1 else []
    if len(shape) != 4 or shape[1] != 3:
        raise WeightsError(f"{file} takes {takes}; expected pictures [N, 3, height, width]")
    common = {"input_wh": [shape[3], shape[2]]}
    found = gives[0] if len(gives) == 1 else []
    if len(found) == 4 and found[1]:
        return {"kind": "pose", "joints": found[1], **common}
    if len(found) == 3 and found[2] > 5:
        return {"kind": "detector", "classes": found[2] - 5, **common}
    raise WeightsError(
        f"{file} gives {gives} (0: of any length); expected heatmaps [N, K, h, w] of a pose "
        "network or YOLOX's raw predictions [N, anchors, 5 + classes]"
    )


def _sides(shape: Any) -> list[int]:
    """A shape as numbers, 0 for a dynamic side; empty if not even the rank is known."""
    if shape.rank.is_dynamic:
        return []
    return [side.get_length() if side.is_static else 0 for side in shape]


def _own_description(model: Any, file: Path) -> dict[str, Any]:
    """The JSON under `posse`: at the top of an OpenVINO file, under `framework` of an ONNX one."""
    for path in ([KEY], ["framework", KEY]):
        if model.has_rt_info(path):
            with reading(f"{file}: what it says of itself", WeightsError):
                return dict(json.loads(model.get_rt_info(path).astype(str)))
    return {}


def pictures_of(description: dict[str, Any]) -> Pictures:
    """The pictures that a described file takes; if it takes bytes, it normalises them itself."""
    width, height = description["input_wh"]
    size_wh = (width, height)
    return Pictures(size_wh) if description["kind"] == "pose" else raw_pictures(size_wh)
