"""`python -m pose.training`: the same as `posse train`, for torchrun."""

import sys
from collections.abc import Sequence

from pose.command import log_to_terminal, run_command
from pose.training.command import add_arguments, run


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; a UserError becomes one line and exit code 1."""
    log_to_terminal("%(message)s")
    return run_command("pose.training", None, add_arguments, run, argv)


if __name__ == "__main__":
    sys.exit(main())
