"""The C interface of libcnnopt.so, which lies beside this file. ctypes gives up the GIL for every call."""

from __future__ import annotations

import ctypes
import pathlib
from ctypes import POINTER, c_char_p, c_int, c_int32, c_int64, c_size_t, c_void_p
from typing import Any, Callable, Sequence

ABI_VERSION = 1
FOLDER = pathlib.Path(__file__).resolve().parent

Progress = ctypes.CFUNCTYPE(c_int, c_void_p, c_char_p, c_int64, c_int64)
_ARRAYS: list[Any] = [c_size_t, POINTER(c_char_p), POINTER(c_int32), POINTER(c_size_t), POINTER(POINTER(c_int64)),
           POINTER(c_void_p)]
_TEXT = POINTER(c_void_p)

# An array as it is given to C: name, data type, shape, address of the first element.
Array = tuple[str, int, Sequence[int], int]


def _load() -> ctypes.CDLL:
    library = ctypes.CDLL(str(FOLDER / "libcnnopt.so"))
    if library.cnnopt_abi_version() != ABI_VERSION:
        raise ImportError(f"libcnnopt.so has the interface {library.cnnopt_abi_version()}, expected {ABI_VERSION}")
    library.cnnopt_version.restype = c_char_p
    library.cnnopt_free.argtypes = [c_void_p]
    library.cnnopt_free.restype = None
    library.cnnopt_slim.argtypes = [c_char_p, c_size_t, c_char_p, *_ARRAYS, Progress, c_void_p, POINTER(c_void_p),
                                    POINTER(c_size_t), _TEXT, _TEXT]
    library.cnnopt_slim_file.argtypes = [c_char_p, c_char_p, c_char_p, *_ARRAYS, Progress, c_void_p, _TEXT, _TEXT]
    library.cnnopt_inspect.argtypes = [c_char_p, c_size_t, c_char_p, _TEXT, _TEXT]
    library.cnnopt_inspect_file.argtypes = [c_char_p, c_char_p, _TEXT, _TEXT]
    library.cnnopt_compare.argtypes = [c_char_p, c_size_t, c_char_p, c_size_t, c_char_p, *_ARRAYS, _TEXT, _TEXT]
    library.cnnopt_compare_files.argtypes = [c_char_p, c_char_p, c_char_p, *_ARRAYS, _TEXT, _TEXT]
    return library


_library = _load()


def version() -> str:
    return str(_library.cnnopt_version().decode())


class _Given:
    """What a call gives back through a pointer, freed when it is taken."""

    def __init__(self) -> None:
        self.pointer = c_void_p()
        self.size = c_size_t()

    def bytes(self) -> bytes:
        value = ctypes.string_at(self.pointer, self.size.value) if self.pointer.value else b""
        self.free()
        return value

    def text(self) -> str:
        value = ctypes.string_at(self.pointer).decode(errors="replace") if self.pointer.value else ""
        self.free()
        return value

    def free(self) -> None:
        _library.cnnopt_free(self.pointer)
        self.pointer = c_void_p()


def _arrays(arrays: Sequence[Array]) -> list[Any]:
    count = len(arrays)
    shapes = [(c_int64 * len(shape))(*shape) for _, _, shape, _ in arrays]
    return [
        count,
        (c_char_p * count)(*(name.encode() for name, _, _, _ in arrays)),
        (c_int32 * count)(*(data_type for _, data_type, _, _ in arrays)),
        (c_size_t * count)(*(len(shape) for _, _, shape, _ in arrays)),
        (POINTER(c_int64) * count)(*(ctypes.cast(shape, POINTER(c_int64)) for shape in shapes)),
        (c_void_p * count)(*(address for _, _, _, address in arrays)),
    ]


def slim(model: bytes, options: bytes, arrays: Sequence[Array],
         step: Callable[[str, int, int], bool]) -> tuple[int, bytes, str, str]:
    """Code, slim model, report and error."""
    slimmed, report, error = _Given(), _Given(), _Given()
    code = _library.cnnopt_slim(model, len(model), options, *_arrays(arrays), _callback(step), None,
                                slimmed.pointer, slimmed.size, report.pointer, error.pointer)
    return code, slimmed.bytes(), report.text(), error.text()


def slim_file(model: bytes, out: bytes | None, options: bytes, arrays: Sequence[Array],
              step: Callable[[str, int, int], bool]) -> tuple[int, str, str]:
    """Code, report and error."""
    report, error = _Given(), _Given()
    code = _library.cnnopt_slim_file(model, out, options, *_arrays(arrays), _callback(step), None, report.pointer,
                                     error.pointer)
    return code, report.text(), error.text()


def inspect(model: bytes, is_path: bool, options: bytes) -> tuple[int, str, str]:
    """Code, what was found and error."""
    json, error = _Given(), _Given()
    if is_path:
        code = _library.cnnopt_inspect_file(model, options, json.pointer, error.pointer)
    else:
        code = _library.cnnopt_inspect(model, len(model), options, json.pointer, error.pointer)
    return code, json.text(), error.text()


def compare(a: bytes, b: bytes, are_paths: bool, options: bytes, arrays: Sequence[Array]) -> tuple[int, str, str]:
    """Code, what was found and error."""
    json, error = _Given(), _Given()
    if are_paths:
        code = _library.cnnopt_compare_files(a, b, options, *_arrays(arrays), json.pointer, error.pointer)
    else:
        code = _library.cnnopt_compare(a, len(a), b, len(b), options, *_arrays(arrays), json.pointer, error.pointer)
    return code, json.text(), error.text()


def _callback(step: Callable[[str, int, int], bool]) -> Any:
    return Progress(lambda _, stage, done, total: 1 if step(stage.decode(errors="replace"), done, total) else 0)
