"""`python -m pose.training`: the same as `posse train`, for torchrun."""

from __future__ import annotations

import argparse
import logging
import sys

from pose.errors import UserError
from pose.training.command import add_arguments, run


def main() -> int:
    """The command line."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    parser = argparse.ArgumentParser(prog="python -m pose.training")
    add_arguments(parser)
    try:
        return run(parser.parse_args())
    except UserError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1


if __name__ == "__main__":
    sys.exit(main())
