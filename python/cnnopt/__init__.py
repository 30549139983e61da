"""cnnopt makes trained convolutional networks smaller and faster, as ONNX files, without their training code.

    import cnnopt

    result = cnnopt.slim("resnet.onnx", target_macs=0.5, calibration=images)   # images: a NumPy array
    open("slim.onnx", "wb").write(result.model)
    print(result.report["totals"]["macs"], result.report["comparison"]["relative_error"])

Options are the flags of the command, `cnnopt --help`; the same options give the same bytes. Reports are the JSON of
--report=FILE.json. Errors are of the classes below Error.
"""

from ._errors import Cancelled, Error, InputError, InternalError, OutOfMemory, OutputError, Refused, UsageError
from ._jobs import Result, compare, inspect, slim
from ._native import version as _version

__version__: str = _version()

__all__ = ["Cancelled", "Error", "InputError", "InternalError", "OutOfMemory", "OutputError", "Refused", "Result",
           "UsageError", "__version__", "compare", "inspect", "slim"]
