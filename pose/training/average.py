"""The mean of several weight files of one network: often better beyond the training data than each.

    python -m pose.training.average before.safetensors after.safetensors -o mean.safetensors

For runs of which one went on from the other (Wortsman et al., Robust fine-tuning of zero-shot
models, CVPR 2022). What the file says of itself is the last one's, without 8-bit ranges, which
`python -m pose.quantise` adds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from pose.errors import UserError
from pose.weights import WeightsError, load_weights, save_weights


def average(files: Sequence[Path]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Weights and metadata of the mean. Raises WeightsError where the networks differ."""
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


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; 1 where a file cannot be read or written."""
    parser = argparse.ArgumentParser(prog="python -m pose.training.average", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("files", nargs="+", type=Path, help="weights that `posse train` wrote")
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args(argv)
    try:
        save_weights(args.output, *average(args.files))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
