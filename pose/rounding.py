"""Round the inputs and weights of an OpenVINO model's convolutions to eight bits.

Uniform, one scale per input tensor and per output channel of the weights (Jacob et al., CVPR 2018);
the sums between convolutions stay as they are. `python -m pose.quantise` finds the ranges.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import openvino.opset13 as op

from pose.header import Ranges


def quantised(model: Any, ranges: Ranges) -> Any:
    """A copy of an OpenVINO model, converted from torch, with its convolutions rounded.

    Convolutions whose module has no range are left as they are.
    """
    model = model.clone()
    rounded: dict[tuple[str, int], Any] = {}
    # A tensor that feeds several convolutions is rounded once, for the widest range.
    for node, span in _convolutions(model, ranges):
        source = node.input_value(0)
        key = (source.get_node().get_friendly_name(), source.get_index())
        before = rounded.get(key, (0.0, 0.0))
        rounded[key] = (min(before[0], span[0]), max(before[1], span[1]))
    made: dict[tuple[str, int], Any] = {}
    for node, _ in _convolutions(model, ranges):
        source, weights = node.input_value(0), node.input_value(1)
        key = (source.get_node().get_friendly_name(), source.get_index())
        if key not in made:
            low, high = (np.float32(bound) for bound in rounded[key])
            made[key] = op.fake_quantize(source, low, high, low, high, 256).output(0)
        values = np.abs(weights.get_node().get_data()).reshape(weights.shape[0], -1)
        most = np.maximum(values.max(1), 1e-6).reshape(-1, 1, 1, 1).astype(np.float32)
        node.input(0).replace_source_output(made[key])
        node.input(1).replace_source_output(
            op.fake_quantize(weights, -most, most, -most, most, 255).output(0)
        )
    model.validate_nodes_and_infer_types()
    return model


def _convolutions(model: Any, ranges: Ranges) -> list[tuple[Any, tuple[float, float]]]:
    """The convolutions with known ranges, found by the names that tracing gives them."""
    found = []
    for node in model.get_ordered_ops():
        name = node.get_friendly_name().removeprefix("__module.").split("/")[0]
        if node.get_type_name() == "Convolution" and name in ranges:
            found.append((node, ranges[name]))
    return found
