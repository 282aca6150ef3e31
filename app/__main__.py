"""`python -m app` is `posse`."""

import sys

from app.cli import main

if __name__ == "__main__":  # worker processes import this module again
    sys.exit(main())
