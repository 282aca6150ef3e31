"""`posse export`: write a network as ONNX, OpenVINO or TensorRT, and check the result."""

from __future__ import annotations

import argparse
from pathlib import Path

from pose.command import say
from pose.export import deviation, export
from pose.library import any_network
from pose.networks import DetectorNetwork, PoseNetwork
from pose.runtime import choose_device, choose_runtime
from pose.weight_files import SUFFIX, WeightsError
from pose.writing import writing

# Relative to the largest output: float16 weights alone deviate by up to 0.0082 in the bundled
# networks, and a user's network may deviate more; a TensorRT engine also computes in float16
_MOST_DEVIATION = {"onnx": 0.01, "openvino": 0.03, "tensorrt": 0.05}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    text = "a name that 'posse models' lists, or a weights file"
    parser.add_argument("network", metavar="NETWORK", help=text)
    parser.add_argument("--to", choices=sorted(SUFFIX), required=True)
    text = "what to write (default: NETWORK.onnx, .xml or .engine)"
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help=text)


def run(args: argparse.Namespace) -> int:
    """Export and check; 0."""
    ending = SUFFIX[args.to]
    if args.output and args.output.suffix != ending:
        raise WeightsError(f"{args.output}: a file for {args.to} ends in {ending}")
    network = any_network(args.network)
    output = args.output or Path(Path(args.network).stem + ending)
    with writing(output, WeightsError):
        export(network, args.to, output)
    option = "--detector" if isinstance(network, DetectorNetwork) else "--pose"
    found = _deviation(network, output)
    if not found <= _MOST_DEVIATION[args.to]:  # true for NaN, too
        output.unlink()
        raise WeightsError(
            f"{output} differed from the torch network by {found:.2%} of its largest output; "
            "it was removed"
        )
    say(f"{output}: within {found:.4%} of the torch network; use it as {option} {output}")
    return 0


def _deviation(network: PoseNetwork | DetectorNetwork, file: Path) -> float:
    written = any_network(str(file))
    if file.suffix == SUFFIX["tensorrt"]:
        run = choose_runtime(written.network, choose_device("cuda"), many=True)
        return deviation(network.network, run)
    from pose.on_openvino import OpenVinoRuntime

    return deviation(network.network, OpenVinoRuntime(written.network, precision="f32"))
