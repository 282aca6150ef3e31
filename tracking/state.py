"""Save the state of a pipeline as bytes and restore it, to resume work after a break.

The format is pickle, but only listed types and this program's own are read: a file of unknown
origin cannot run code.
"""

from __future__ import annotations

import io
import pickle
from typing import Any

_OWN = ("tracking.", "pose.")
_OTHERS = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy._core.numeric", "_frombuffer"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy.core.numeric", "_frombuffer"),
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _OTHERS or (module.startswith(_OWN) and "." not in name):
            found = super().find_class(module, name)
            if isinstance(found, type) or (module, name) in _OTHERS:
                return found
        raise pickle.UnpicklingError(f"{module}.{name} does not belong in a saved state")


def freeze(state: object) -> bytes:
    """Everything reachable from `state`, as bytes."""
    return pickle.dumps(state, protocol=5)


def thaw(frozen: bytes) -> Any:
    """What `freeze` was given. Raises pickle.UnpicklingError for anything else."""
    return _Reader(io.BytesIO(frozen)).load()
