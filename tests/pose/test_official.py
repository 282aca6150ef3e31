"""Official checkpoints: our networks have their names, and each of their layouts is recognised."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pose.hrnet import HRNet
from pose.official import HRNET_SIZES, recognise
from pose.weight_files import WeightsError
from pose.yolox import YOLOX, YOLOX_SIZES

State = dict[str, Tensor]


def named_like(network: nn.Module) -> State:
    return dict(network.state_dict())


def hrnet_w32(joints: int = 17) -> State:
    with torch.device("meta"):
        return named_like(HRNet(joints=joints))


@pytest.mark.parametrize("size", ["w32", "w48"])
def test_hrnet_has_the_official_names_and_shapes_in_their_order(size: str, shared: Path) -> None:
    official = json.loads((shared / "eval" / "official" / f"hrnet_{size}_state.json").read_text())
    with torch.device("meta"):
        network = HRNet(**HRNET_SIZES[f"hrnet-{size}"])
    ours = {name: list(tensor.shape) for name, tensor in network.state_dict().items()}
    assert list(ours.items()) == list(official.items())


@pytest.mark.parametrize("size", ["w32", "w48"])
@pytest.mark.parametrize("layout", ["official", "module.", "openmmlab", "openmmlab 1.x"])
def test_every_layout_of_hrnet_is_recognised(size: str, layout: str, shared: Path) -> None:
    official = json.loads((shared / "eval" / "official" / f"hrnet_{size}_state.json").read_text())
    head = {"openmmlab": "keypoint_head.", "openmmlab 1.x": "head."}.get(layout)
    state = {}
    for name, shape in official.items():
        if head:
            name = (head if name.startswith("final_layer") else "backbone.") + name
        elif layout == "module.":
            name = "module." + name
        state[name] = torch.empty(shape, device="meta")
    found = recognise(state)
    assert (found.kind, found.family, found.outputs) == ("pose", f"hrnet-{size}", 17)
    assert found.layout == layout.removesuffix(" 1.x")
    assert list(found.state) == list(official)


@pytest.mark.parametrize("joints", [14, 16, 133])
def test_other_skeletons_are_recognised_by_the_head(joints: int) -> None:
    assert recognise(hrnet_w32(joints)).outputs == joints


@pytest.mark.parametrize("size", list(YOLOX_SIZES))
def test_every_yolox_is_recognised(size: str) -> None:
    with torch.device("meta"):
        state = named_like(YOLOX(**YOLOX_SIZES[size]))
    found = recognise(state)
    assert (found.kind, found.family, found.outputs) == ("detector", f"yolox-{size}", 80)


def test_recognising_a_network_draws_no_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """To draw them for their shapes only, torch loads its compiler: three seconds per start."""
    state = hrnet_w32()
    for name in ("kaiming_normal_", "normal_"):
        monkeypatch.delattr(nn.init, name)
    assert recognise(state).family == "hrnet-w32"


def test_a_recognised_network_computes_what_the_original_does() -> None:
    arguments = {"width": 8, "stage_modules": (1, 1, 2), "blocks": 1, "stem_blocks": 2}
    network = HRNet(**arguments, joints=5).eval()
    picture = torch.rand(1, 3, 64, 32)
    found = recognise({f"module.{k}": v for k, v in network.state_dict().items()})
    with torch.no_grad():
        assert torch.equal(found.build()(picture), network(picture))


def test_batch_counters_may_be_missing() -> None:
    network = HRNet(width=8, stage_modules=(1, 1, 1), blocks=1, joints=5)
    state = {k: v for k, v in network.state_dict().items() if "num_batches" not in k}
    assert recognise(state).outputs == 5


def test_what_is_wrong_is_reported_in_one_line() -> None:
    state = hrnet_w32()
    del state["bn1.bias"]
    state["conv2.weight"] = torch.empty(64, 3, 3, 3)
    with pytest.raises(WeightsError) as caught:
        recognise(state)
    assert str(caught.value) == (
        "nearest network is hrnet-w32, but 1 key is missing (bn1.bias); "
        "1 shape is different (conv2.weight is 64x3x3x3, expected 64x64x3x3)"
    )


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["layer1.0.conv1.weight", "fc.weight"], "neither HRNet nor YOLOX"),
        (["conv1.weight", "stage2.0.branches.0.0.conv1.weight"], "without its head"),
        (["head.stems.0.conv.weight"], "YOLOX of another kind"),
    ],
)
def test_other_networks_are_refused(keys: list[str], message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        recognise({key: torch.empty(8, 8, 3, 3) for key in keys})


@pytest.mark.parametrize("key", ["final_layer.weight", "layer1.0.conv1.weight"])
def test_a_number_in_place_of_a_convolution_is_reported(key: str) -> None:
    state = HRNet(width=8, stage_modules=(1, 1, 1), blocks=1, joints=5).state_dict()
    with pytest.raises(WeightsError, match=r"nearest network .* (a number, expected|missing)"):
        recognise({**state, key: torch.tensor(1.0)})


def test_our_yolox_computes_what_the_released_one_does(shared: Path) -> None:
    """The released nano, batch norms folded into its convolutions, in our network."""
    import cv2
    import onnx
    import onnxruntime
    from onnx import numpy_helper

    path = shared / "teachers" / "yolox_nano.onnx"
    graph = onnx.load(path).graph
    constants = {
        tensor.name: torch.tensor(numpy_helper.to_array(tensor)) for tensor in graph.initializer
    }
    folded = [
        [constants[name] for name in node.input[1:]]
        for node in graph.node
        if node.op_type == "Conv"
    ]
    network = YOLOX(**YOLOX_SIZES["nano"]).eval()
    convolutions: list[tuple[nn.Conv2d, nn.BatchNorm2d | None]] = []

    def note(module: nn.Module, *_: object) -> None:
        if hasattr(module, "bn"):
            convolutions.append((module.conv, module.bn))
        elif isinstance(module, nn.Conv2d) and module.bias is not None:
            convolutions.append((module, None))

    hooks = [module.register_forward_hook(note) for module in network.modules()]
    picture = cv2.resize(
        cv2.imread(str(next((shared / "eval" / "coco_people").rglob("*.jpg")))), (416, 416)
    )
    pixels = torch.from_numpy(picture).permute(2, 0, 1)[None].float()
    with torch.no_grad():
        network(pixels)
        for hook in hooks:
            hook.remove()
        # The graph's nodes and our calls are both in order of execution.
        for (convolution, norm), (weight, bias) in zip(convolutions, folded, strict=True):
            convolution.weight.copy_(weight)
            if norm is None:
                convolution.bias.copy_(bias)
                continue
            norm.weight.copy_((norm.running_var + norm.eps).sqrt())  # the norm does nothing
            norm.bias.copy_(bias)
        ours = network(pixels)
    ours = torch.cat([ours[..., :4], ours[..., 4:].sigmoid()], dim=-1)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    theirs = session.run(None, {"images": pixels.numpy()})[0]
    assert theirs[..., 4].max() > 0.3  # something is in the picture
    np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-3)
