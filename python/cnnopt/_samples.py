"""Calibration data as Python has it, for the C interface."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Mapping
from typing import Any

from . import _native
from ._errors import UsageError

DEFAULT_SAMPLES = 256  # as of the command
_TYPES = {"float32": 1, "uint8": 2, "int8": 3, "uint16": 4, "int16": 5, "int32": 6, "int64": 7, "bool": 9,
          "float16": 10, "float64": 11, "uint32": 12, "uint64": 13}


def is_path(value: object) -> bool:
    return isinstance(value, (str, os.PathLike))


def _array(value: Any) -> Any:
    import numpy

    array = numpy.asarray(value)
    if array.dtype.name not in _TYPES:
        raise UsageError(f"calibration: an array of {array.dtype}, expected one of {', '.join(_TYPES)}")
    return numpy.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False))


def _is_array(value: object) -> bool:
    return hasattr(value, "__array__") or hasattr(value, "__array_interface__")


def _named(name: str, value: Any, most: int) -> list[tuple[str, Any]]:
    """One array or several that stand behind each other."""
    if _is_array(value):
        return [(name, _array(value))]
    if isinstance(value, Iterable) and not isinstance(value, (bytes, bytearray, Mapping)):
        return [(name, _array(part)) for part in itertools.islice(value, most)]
    raise UsageError(f"calibration: found {type(value).__name__}, expected an array, a dict of arrays, an iterable of "
                     "either, or paths")


def take(calibration: Any, samples: int | None) -> tuple[Any, list[tuple[str, Any]]]:
    """The option "calibration", or None, and arrays with the names of their inputs."""
    most = DEFAULT_SAMPLES if samples is None else samples
    if calibration is None:
        return None, []
    if is_path(calibration):
        return os.fspath(calibration), []
    if isinstance(calibration, Mapping):
        values = list(calibration.values())
        if values and all(is_path(value) for value in values):
            return {name: os.fspath(value) for name, value in calibration.items()}, []
        return None, [pair for name, value in calibration.items() for pair in _named(name, value, most)]
    if _is_array(calibration):
        return None, _named("", calibration, most)
    if isinstance(calibration, (list, tuple)) and calibration and all(is_path(value) for value in calibration):
        return [os.fspath(value) for value in calibration], []
    if not isinstance(calibration, Iterable) or isinstance(calibration, (bytes, bytearray)):
        return None, _named("", calibration, most)
    arrays: list[tuple[str, Any]] = []
    for item in itertools.islice(calibration, most):  # each holds one sample at least
        parts = item.items() if isinstance(item, Mapping) else [("", item)]
        arrays += [(name, _array(part)) for name, part in parts]
    if not arrays:
        raise UsageError("calibration: the iterable is empty")
    return None, arrays


def for_native(arrays: list[tuple[str, Any]]) -> list[_native.Array]:
    """Addresses, which are good as long as `arrays` is."""
    return [(name, _TYPES[array.dtype.name], array.shape, array.ctypes.data) for name, array in arrays]
