"""Where ONNX Runtime's library is."""

from __future__ import annotations

import importlib.util
import os
import pathlib


def library() -> str | None:
    """The library in the onnxruntime wheel, which is not imported for that. None: $CNNOPT_ORT counts, or there is none.
    """
    if os.environ.get("CNNOPT_ORT"):
        return None
    try:
        spec = importlib.util.find_spec("onnxruntime")
    except (ImportError, ValueError):
        return None
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for found in sorted(pathlib.Path(folder, "capi").glob("libonnxruntime.so.*")):
            return str(found)
    return None
