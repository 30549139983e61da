"""slim, inspect and compare."""

from __future__ import annotations

import json
import math
import os
import queue
import threading
from collections.abc import Iterable
from typing import Any, Callable, Mapping, NamedTuple, Protocol, Sequence, TypeVar, Union

from . import _native, _runtime, _samples
from ._errors import Refused, UsageError, of_code


class ModelProto(Protocol):
    """onnx.ModelProto. The package onnx need not be there for this one."""

    def SerializeToString(self) -> bytes: ...


Model = Union[str, "os.PathLike[str]", bytes, bytearray, memoryview, ModelProto]
# Paths, an array (which is an Iterable), a dict of arrays by input, or an iterable of either.
Calibration = Union[str, "os.PathLike[str]", Mapping[str, Any], Iterable[Any], None]
Progress = Callable[[str, int, int], Union[bool, None]]
Given = TypeVar("Given")


class Result(NamedTuple):
    """What slim gives back.

    model: the slim model: an onnx.ModelProto where one was given, the path where it was written to one, else bytes.
        With nothing to gain it is the model that was given.
    report: the JSON report, as docs/report.md describes it: report["verdict"] is "slimmed" or "unchanged".
    """

    model: Any
    report: dict[str, Any]


def _bytes_of(model: Model) -> bytes:
    if isinstance(model, (bytes, bytearray, memoryview)):
        return bytes(model)
    if isinstance(model, (str, os.PathLike)):
        try:
            with open(model, "rb") as file:
                return bytes(file.read())
        except OSError as error:
            raise of_code(3, f"cannot open '{os.fspath(model)}': {error.strerror}") from error
    if hasattr(model, "SerializeToString"):
        try:
            return bytes(model.SerializeToString())
        except Exception as error:  # of protobuf's own, past 2 GiB
            raise of_code(3, f"the model in memory: {error}") from error
    raise UsageError(f"model: expected a path, bytes or an onnx.ModelProto, found {type(model).__name__}")


def _path(path: Any) -> bytes:
    name = os.fsencode(path)
    if b"\0" in name:
        raise UsageError("a path with a zero byte")
    return name


def _options(ort: Any, options: Mapping[str, Any]) -> bytes:
    """The JSON of the options that are not at their default."""
    given = {key: os.fspath(value) if isinstance(value, os.PathLike) else value
             for key, value in options.items() if value is not None and value is not False}
    for key, value in given.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise UsageError(f"{key}: expected a finite number, found {value}")
    library = os.fspath(ort) if ort is not None else _runtime.library()
    if library is not None:
        given["ort"] = library
    try:
        return json.dumps(given, allow_nan=False, default=_plain).encode()
    except (TypeError, ValueError) as error:
        raise UsageError(f"options: {error}") from error


def _plain(value: Any) -> Any:
    """A number of NumPy's or PyTorch's as one of Python's; paths within lists as text."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{value!r} is a {type(value).__name__}, expected a number, a text or a list of them")


def _texts(value: Any) -> Any:
    """A list, of one text or several."""
    if value is None or isinstance(value, (str, Mapping)):
        return value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return [os.fspath(part) if isinstance(part, os.PathLike) else part for part in value]


def _numbers(value: Any) -> Any:
    if not isinstance(value, Iterable) or isinstance(value, str):
        return value
    return [float(part) for part in value]


def _shapes(shapes: Any) -> Any:
    if shapes is None:
        return None
    if isinstance(shapes, Mapping):
        return {name: [int(size) for size in shape] for name, shape in shapes.items()}
    return [int(size) for size in shapes]


def _watched(call: Callable[[Callable[[str, int, int], bool]], Given], progress: Progress | None) -> Given:
    """Runs `call` in a thread of its own, so that this one answers to signals and can call `progress`.

    An exception here, of `progress` or KeyboardInterrupt, stops the job at the end of its step and goes on.
    """
    events: queue.SimpleQueue[tuple[str, int, int] | None] = queue.SimpleQueue()
    stop = threading.Event()
    results: list[Given] = []
    failures: list[BaseException] = []

    def step(stage: str, done: int, total: int) -> bool:
        if progress is not None:
            events.put((stage, done, total))
        return not stop.is_set()

    def work() -> None:
        try:
            results.append(call(step))
        except BaseException as error:  # handed on to the caller's thread
            failures.append(error)
        finally:
            events.put(None)

    thread = threading.Thread(target=work, name="cnnopt", daemon=True)
    thread.start()
    try:
        while (event := events.get()) is not None:
            if progress is not None and not stop.is_set() and progress(*event) is False:
                stop.set()
    except BaseException:
        stop.set()
        thread.join()
        raise
    thread.join()
    if failures:
        raise failures[0]
    return results[0]


def slim(
    model: Model,
    out: str | os.PathLike[str] | None = None,
    *,
    passes: str | Sequence[str] = "auto",
    target_macs: float | None = None,
    target_params: float | None = None,
    target_size: float | str | None = None,
    target_latency: float | str | None = None,
    cost_cache: str | os.PathLike[str] | None = None,
    max_error: float | None = None,
    min_agreement: float | None = None,
    calibration: Calibration = None,
    samples: int | None = None,
    scale: float | Sequence[float] | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    resize: int | str | None = None,
    crop: int | str | None = None,
    channel_order: str | None = None,
    layout: str | None = None,
    fit: str | None = None,
    seed: int | None = None,
    input_shapes: Mapping[str, Sequence[int]] | Sequence[int] | None = None,
    cleanup: bool = True,
    assume_constant: bool = False,
    keep: str | Sequence[str] | None = None,
    only: str | Sequence[str] | None = None,
    layers: Mapping[str, str] | Sequence[str] | None = None,
    keep_first_last: bool = False,
    plan: str | os.PathLike[str] | None = None,
    plan_out: str | os.PathLike[str] | None = None,
    evaluate: str | None = None,
    evaluate_timeout: float | None = None,
    labels: str | os.PathLike[str] | None = None,
    max_drop: float | None = None,
    lower_is_better: bool = False,
    reports: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    force: bool = False,
    fail_if_unchanged: bool = False,
    external_data: int | None = None,
    provenance: bool = True,
    verify: str | None = None,
    latency: bool = True,
    threads: int | None = None,
    max_memory: int | str | None = None,
    max_file_bytes: int | str | None = None,
    max_model_memory: int | str | None = None,
    max_nodes: int | None = None,
    max_initializers: int | None = None,
    max_depth: int | None = None,
    max_rank: int | None = None,
    max_name_bytes: int | str | None = None,
    max_identifier_bytes: int | str | None = None,
    ort: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Result:
    """Replaces convolutions and matrix products of a model by cheaper ones that compute nearly the same.

    Every option is the command's flag of the same name and means the same; a few are turned round or in the plural.

    Args:
        model: a path, the bytes of a file, or an onnx.ModelProto, which is not changed.
        out: path that the result of a path is written to, all of it or nothing. Needed where the model has external
            data, and for external_data, force and fail_if_unchanged to mean something.
        passes: forms and cleanup passes to use, "dsc" or "dsc:rank=2"; "auto": all of them.
        target_macs, target_params: at most this fraction of the original's.
        target_size: a fraction, or bytes like "800KB". target_latency: a fraction, or "12ms", measured here.
        cost_cache: file of the times of layers that target_latency measures, read and added to.
        max_error: bound on the relative output error; min_agreement: on the share of samples that keep their top-1.
        calibration: samples: an array, one or several behind each other; a dict of arrays by input; an iterable of
            either, of which at most `samples` items are taken; or paths, as --calibration. None: made-up samples.
        samples: how many to use. scale ... layout: how images become numbers.
        layers: what single layers become: {"/conv1": "dsc:rank=2", "/conv2": "keep"}.
        reports: files to write reports to, in the form that their endings name.
        verify: "enforce", "report" or "off".
        ort: ONNX Runtime's library; None: $CNNOPT_ORT, else that of the onnxruntime wheel.
        progress: called as progress(stage, done, total) in the caller's thread; returning False stops the job.

    Raises:
        UsageError, InputError, OutputError, OutOfMemory: see each; Refused: a budget or bound could not be met;
        Cancelled: `progress` returned False. KeyboardInterrupt stops the job and goes on.
    """
    option, held = _samples.take(calibration, samples)
    options = _options(ort, {
        "pass": _texts(passes), "target_macs": target_macs, "target_params": target_params,
        "target_size": target_size, "target_latency": target_latency, "cost_cache": cost_cache,
        "max_error": max_error,
        "min_agreement": min_agreement, "calibration": option, "samples": samples, "scale": _numbers(scale),
        "mean": _numbers(mean), "std": _numbers(std), "resize": resize, "crop": crop, "channel_order": channel_order,
        "layout": layout, "fit": fit, "seed": seed, "input_shape": _shapes(input_shapes), "no_cleanup": not cleanup,
        "assume_constant": assume_constant, "keep": _texts(keep), "only": _texts(only), "layer": _texts(layers),
        "first_last": "keep" if keep_first_last else None, "plan": plan, "plan_out": plan_out, "evaluate": evaluate,
        "evaluate_timeout": evaluate_timeout, "labels": labels, "max_drop": max_drop,
        "lower_is_better": lower_is_better, "report": _texts(reports), "force": force,
        "fail_if_unchanged": fail_if_unchanged, "external_data": external_data, "no_provenance": not provenance,
        "verify": verify, "no_latency": not latency, "threads": threads, "max_memory": max_memory,
        "max_file_bytes": max_file_bytes, "max_model_memory": max_model_memory, "max_nodes": max_nodes,
        "max_initializers": max_initializers, "max_depth": max_depth, "max_rank": max_rank,
        "max_name_bytes": max_name_bytes, "max_identifier_bytes": max_identifier_bytes,
    })
    arrays = _samples.for_native(held)
    slimmed: Any
    if out is not None:
        if not _samples.is_path(model):
            raise UsageError(f"out: expected a path as model too, found {type(model).__name__}")
        source, target = _path(model), _path(out)
        code, report, error = _watched(lambda step: _native.slim_file(source, target, options, arrays, step), progress)
        slimmed = out
    else:
        source = _bytes_of(model)
        code, slimmed, report, error = _watched(lambda step: _native.slim(source, options, arrays, step), progress)
    del held  # until here their memory was in use
    if code == Refused.code:
        raise Refused(error, json.loads(report))
    if code != 0:
        raise of_code(code, error)
    if hasattr(model, "SerializeToString"):
        kind: Any = type(model)
        slimmed = kind.FromString(slimmed)
    return Result(slimmed, json.loads(report))


def inspect(
    model: Model,
    *,
    passes: str | Sequence[str] = "auto",
    input_shapes: Mapping[str, Sequence[int]] | Sequence[int] | None = None,
    cleanup: bool = True,
    assume_constant: bool = False,
    threads: int | None = None,
) -> dict[str, Any]:
    """What a model is made of and what its layers could become: one of the models of `cnnopt inspect --json`."""
    options = _options(None, {"pass": _texts(passes), "input_shape": _shapes(input_shapes), "no_cleanup": not cleanup,
                              "assume_constant": assume_constant, "threads": threads})
    by_path = _samples.is_path(model)
    source = _path(model) if by_path else _bytes_of(model)
    code, found, error = _native.inspect(source, by_path, options)
    if code != 0:
        raise of_code(code, error)
    return dict(json.loads(found)["models"][0])


def compare(
    a: Model,
    b: Model,
    *,
    calibration: Calibration = None,
    samples: int | None = None,
    scale: float | Sequence[float] | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    resize: int | str | None = None,
    crop: int | str | None = None,
    channel_order: str | None = None,
    layout: str | None = None,
    seed: int | None = None,
    input_shapes: Mapping[str, Sequence[int]] | Sequence[int] | None = None,
    max_error: float | None = None,
    min_agreement: float | None = None,
    latency: bool = True,
    threads: int | None = None,
    ort: str | os.PathLike[str] | None = None,
) -> dict[str, Any]:
    """How far two models are apart on the same samples: what `cnnopt compare --json` prints.

    max_error and min_agreement only say whether there is an "objection".
    """
    option, held = _samples.take(calibration, samples)
    options = _options(ort, {
        "calibration": option, "samples": samples, "scale": _numbers(scale), "mean": _numbers(mean),
        "std": _numbers(std), "resize": resize, "crop": crop, "channel_order": channel_order, "layout": layout,
        "seed": seed, "input_shape": _shapes(input_shapes), "max_error": max_error, "min_agreement": min_agreement,
        "no_latency": not latency, "threads": threads,
    })
    by_path = _samples.is_path(a) and _samples.is_path(b)
    first, second = (_path(a), _path(b)) if by_path else (_bytes_of(a), _bytes_of(b))
    code, found, error = _native.compare(first, second, by_path, options, _samples.for_native(held))
    if code != 0:
        raise of_code(code, error)
    return dict(json.loads(found))
