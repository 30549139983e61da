"""What can go wrong. `code` is what the command would exit with."""

from __future__ import annotations

import re
from typing import Any

# How messages speak of nodes: by operator and name, "Conv 'stem'"; as a layer; and as ONNX Runtime does.
_NODE = re.compile(r"\b(?:[Nn]ode|[Ll]ayer|[A-Z][A-Za-z0-9]*) '([^']+)'|Name: ?'([^']+)'")


class Error(Exception):
    """Anything that cnnopt refuses or fails at.

    code: what the command would exit with.
    node: the name of the node or layer that the message speaks of; None: of none.
    """

    code: int = 1

    def __init__(self, message: str) -> None:
        super().__init__(message)
        found = _NODE.search(message)
        self.node: str | None = (found.group(1) or found.group(2)) if found else None


class InternalError(Error):
    """A defect of cnnopt."""

    code = 1


class UsageError(Error, ValueError):
    """The options make no sense, or ONNX Runtime is needed and missing."""

    code = 2


class InputError(Error, ValueError):
    """The model or the samples are unreadable or invalid."""

    code = 3


class Refused(Error):
    """A budget or bound could not be met: there is a report, and no model."""

    code = 4

    def __init__(self, message: str, report: dict[str, Any]) -> None:
        super().__init__(message)
        self.report = report

    def __reduce__(self) -> tuple[type[Refused], tuple[str, dict[str, Any]]]:
        return Refused, (str(self), self.report)  # so that it passes between processes


class OutputError(Error):
    """A file could not be written."""

    code = 74


class OutOfMemory(Error, MemoryError):
    """Memory ran out: try again, or on a larger machine."""

    code = 75


class Cancelled(Error):
    """The progress function returned False."""

    code = 130


_BY_CODE = {kind.code: kind for kind in (InternalError, UsageError, InputError, OutputError, OutOfMemory, Cancelled)}


def of_code(code: int, message: str) -> Error:
    """The exception for a code of the C interface, but for Refused."""
    return _BY_CODE.get(code, InternalError)(message)
