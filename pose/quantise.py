"""Run the convolutions of a network on CPUs in 8-bit integers, a third faster than bf16.

`python -m pose.quantise WEIGHTS --data COCO_JSON --images DIR` runs the network over pictures of
people, records the range of each convolution's input, and writes it into the file's header; a
published checkpoint becomes a file of ours, `-o FILE`. OpenVINO then rounds the inputs and weights
of convolutions to 8 bits (pose.rounding), except in the first and last layers.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from pose.command import number, positive, run_command, say
from pose.crops import crop_people, letterbox
from pose.errors import UserError
from pose.geometry import crop_regions, xywh_to_xyxy
from pose.header import Header, Ranges, parse_header, parse_size
from pose.library import any_network
from pose.networks import DetectorNetwork, Network, PoseNetwork, padding_for
from pose.official import recognise
from pose.people import FloatArray, ImageArray
from pose.reading import read_json, reading
from pose.runtime import FromBytes
from pose.weight_files import SUFFIX, find_weights, holder, read_metadata
from pose.weights import State, load_checkpoint, load_weights, save_weights

_KEPT = ("final_layer", "preds")  # their output is the answer, where rounding shows
_SHARE = 0.9999  # of a picture's values that must lie in the range; outliers may be cut off


def activation_ranges(network: Network, pictures: Sequence[ImageArray]) -> Ranges:
    """The range of each convolution's input over pictures (H, W, 3), by module name.

    The network's first convolution is left out: its input is the picture.
    """
    assert network.build is not None
    module = FromBytes(network.build(), network.pictures).eval()
    ranges: dict[str, tuple[float, float]] = {}

    def note(name: str, x: Tensor) -> None:
        values = x.flatten().float()
        beyond = max(1, round((1 - _SHARE) * len(values)))
        high = float(values.topk(beyond).values[-1])
        low = float(values.topk(beyond, largest=False).values[-1])
        before = ranges.get(name, (0.0, 0.0))
        ranges[name] = (min(before[0], low), max(before[1], high))

    convolutions = [item for item in module.named_modules() if isinstance(item[1], nn.Conv2d)]
    for name, convolution in convolutions[1:]:
        if not any(kept in name for kept in _KEPT):
            convolution.register_forward_pre_hook(
                lambda _, inputs, name=name: note(name, inputs[0])
            )
    with torch.inference_mode():
        for picture in tqdm(pictures, desc=network.name, disable=None):
            module(torch.from_numpy(np.ascontiguousarray(picture))[None])
    return ranges


def calibration_pictures(
    network: PoseNetwork | DetectorNetwork, data: Path, images: Path, count: int
) -> list[ImageArray]:
    """Inputs from a COCO-keypoints file, spread evenly over it: crops, or letterboxed pictures."""
    names, people = _read_labels(data)
    if not people:
        raise UserError(f"{data}: nobody has a box there")
    chosen = [people[index] for index in np.linspace(0, len(people) - 1, count).astype(int)]
    pictures = []
    for image_id, box in chosen:
        if image_id not in names:
            raise UserError(f"{data}: the picture {image_id} is not listed")
        image = cv2.imread(str(images / names[image_id]))
        if image is None:
            raise UserError(f"{images / names[image_id]} is missing or no picture")
        picture = np.asarray(image, np.uint8)
        size_wh = network.network.pictures.size_wh
        if isinstance(network, PoseNetwork):
            regions = crop_regions(box[None], size_wh, network.padding)
            pictures.append(crop_people(picture, regions, size_wh, network.unbiased)[0])
        else:
            pictures.append(letterbox(picture, size_wh)[0])
    return pictures


def _read_labels(data: Path) -> tuple[dict[int, str], list[tuple[int, FloatArray]]]:
    """The pictures' names by id, and each person's picture id and box (4,), of COCO keypoints."""
    content = read_json(data, UserError)
    with reading(f"{data}: no COCO keypoints", UserError):
        names = {image["id"]: str(image["file_name"]) for image in content["images"]}
        people = [
            (person["image_id"], xywh_to_xyxy(np.array(person["bbox"], np.float32).reshape(4)))
            for person in content["annotations"]
            if person.get("bbox") and not person.get("iscrowd")
        ]
    return names, people


def checkpoint_as_ours(file: Path) -> tuple[State, Header]:
    """A published checkpoint as a file of ours: its state, and the header it needs."""
    found = recognise(load_checkpoint(file))
    network = any_network(str(file))
    size_wh = network.network.pictures.size_wh
    header = Header(found.kind, dict(found.arguments), size_wh, file.stem)
    if isinstance(network, PoseNetwork):
        header = replace(
            header, skeleton=network.skeleton, unbiased=network.unbiased, sigma=network.sigma
        )
    return found.state, header


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    add = parser.add_argument
    add("weights", help="a name that 'posse models' lists, or a weights file")
    text = "the safetensors file (default: the weights' own)"
    add("-o", "--output", type=Path, metavar="FILE", help=text)
    add("--data", type=Path, required=True, metavar="FILE", help="COCO-keypoints JSON")
    add("--images", type=Path, required=True, metavar="DIR", help="folder of its pictures")
    text = "for crops of this size; the output then has a header alone, for the weights beside it"
    add("--size", type=_size_wh, metavar="WxH", help=text)
    text = "a crop's sides over its box's: small crops may see more where they are tighter"
    add("--padding", type=_padding, metavar="X", help=text)
    add("--count", type=positive, default=200, metavar="N", help="pictures to look at")


def _padding(text: str) -> float:
    if not 1 <= (padding := number(text)) <= 2:
        raise argparse.ArgumentTypeError(f"{text} is not from 1 to 2")
    return padding


def _size_wh(text: str) -> tuple[int, int]:
    try:
        size_wh = parse_size(text)
    except ValueError:
        size_wh = (0, 1)
    if any(side % 32 for side in size_wh):
        raise argparse.ArgumentTypeError(f"{text} is not a size; write multiples of 32, as 192x256")
    return size_wh


def run(args: argparse.Namespace) -> int:
    """Calibrate a weights file, in place or into `-o`; returns 0."""
    file = find_weights(args.weights)
    output = args.output or file
    if output.suffix != ".safetensors":
        raise UserError(f"{output}: ranges go into a safetensors file; name one with -o")
    if file.suffix in SUFFIX.values():
        raise UserError(f"{file} is an exported file; name the weights it is from")
    if file.suffix == output.suffix:
        state, metadata = load_weights(file)
        header = parse_header(metadata, file)
    else:
        state, header = checkpoint_as_ours(file)
    network = any_network(str(file))
    if args.size:
        if output == file or output.parent.resolve() != file.parent.resolve():
            raise UserError(f"--size: name a new file beside {file} with -o")
        pictures_of = replace(network.network.pictures, size_wh=args.size)
        network = replace(network, network=replace(network.network, pictures=pictures_of))
        held_by = holder(file, read_metadata(file).get("weights"))
        header = replace(header, input_wh=args.size, weights=held_by.name, name=output.stem)
        if isinstance(network, PoseNetwork) and args.padding is None:
            args.padding = padding_for(args.size)
        state = {}
    if args.padding:
        if isinstance(network, DetectorNetwork):
            raise UserError("--padding is for pose networks")
        network = replace(network, padding=args.padding)
        header = replace(header, padding=args.padding)
    pictures = calibration_pictures(network, args.data, args.images, args.count)
    ranges = activation_ranges(network.network, pictures)
    short = {name: (round(low, 4), round(high, 4)) for name, (low, high) in ranges.items()}
    save_weights(output, state, replace(header, ranges=short).text())
    use = f"use it as --{header.kind} {output}"
    say(f"{output}: ranges of {len(short)} convolutions over {len(pictures)} pictures; {use}")
    return 0


main = partial(run_command, "pose.quantise", __doc__, add_arguments, run)

if __name__ == "__main__":
    sys.exit(main())
