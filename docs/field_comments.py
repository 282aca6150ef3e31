"""For the API page: what stands in a comment beside a field becomes its description.

The code keeps shapes and units there, `boxes: FloatArray  # (N, 4) x1 y1 x2 y2`. An extension of
griffe, which reads the code for mkdocstrings.
"""

from __future__ import annotations

import ast
import io
import tokenize
from typing import Any

import griffe


class FieldComments(griffe.Extension):
    """Gives attributes without a docstring the comment at the end of their line."""

    def on_attribute_instance(
        self, *, node: ast.AST | griffe.ObjectNode, attr: griffe.Attribute, **_: Any
    ) -> None:
        """Called for every attribute that was found."""
        if attr.docstring is None and (comment := _comment_of(attr.source)):
            attr.docstring = griffe.Docstring(comment, parent=attr)


def _comment_of(source: str) -> str:
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source.strip()).readline))
    except (tokenize.TokenError, IndentationError):
        return ""
    return next((t.string.lstrip("# ") for t in tokens if t.type == tokenize.COMMENT), "")
