"""Average several weight files of one network: the mean often generalises better than each.

    python -m pose.training.average before.safetensors after.safetensors -o mean.safetensors

For runs where one started from the other's weights (Wortsman et al., Robust fine-tuning of
zero-shot models, CVPR 2022). The header is the last file's, without 8-bit ranges, which
`python -m pose.quantise` adds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from pose.command import run_command
from pose.weight_files import WeightsError
from pose.weights import load_weights, save_weights


def average(files: Sequence[Path]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Weights and metadata of the mean. Raises WeightsError if the networks differ."""
    states = []
    for file in files:
        state, metadata = load_weights(file)
        states.append(state)
        if {k: v.shape for k, v in state.items()} != {k: v.shape for k, v in states[0].items()}:
            raise WeightsError(f"{file} is another network than {files[0]}")
    mean = {
        name: torch.stack([state[name].double() for state in states]).mean(0).to(last.dtype)
        for name, last in states[-1].items()
    }
    return mean, {name: value for name, value in metadata.items() if name != "ranges"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    add = parser.add_argument
    add("files", nargs="+", type=Path, help="weights that `posse train` wrote")
    add("-o", "--output", type=Path, required=True, metavar="FILE", help="their mean")


def run(args: argparse.Namespace) -> int:
    """Write the mean; 0."""
    save_weights(args.output, *average(args.files))
    return 0


main = partial(run_command, "pose.training.average", __doc__, add_arguments, run)

if __name__ == "__main__":
    sys.exit(main())
