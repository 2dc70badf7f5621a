"""What `toco` and `tflite_convert` of TensorFlow 1 did, by the flags that they had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ascua import tflite
from ascua.convert import Ends, tensorflow
from ascua.errors import InputError, Unsupported, first_line
from ascua.train.export import converted
from ascua.zoo import import_tensorflow

RANGES = (
    "Give all arrays without a range one: `--default_ranges_min=0 --default_ranges_max=6`.",
    "`ascua quantize FLOAT.tflite --data D` finds the range of each on your data.",
)
"""What to try where ranges are missing."""
Type = Literal["FLOAT", "QUANTIZED_UINT8"]
"""Of inputs or of all of a network: floats, or uint8 that stand for (q - mean) / std."""


@dataclass(frozen=True)
class Flags:
    """What is asked of the converter, beside the ends of the network."""

    inference_type: Type = "FLOAT"
    inference_input_type: Type | None = None
    means: Mapping[str, float] = field(default_factory=dict)
    stds: Mapping[str, float] = field(default_factory=dict)
    """By input: what its integers stand for."""
    ranges: tuple[float, float] | None = None
    """Of activations that have none of their own, by fake quantisation."""
    post_training_quantize: bool = False
    """Weights of 8 bits beside float arithmetic."""
    allow_custom_ops: bool = False


def of_graph_def(path: Path, ends: Ends, flags: Flags) -> bytes:
    """The .tflite file of the frozen graph at `path`. Raises AscuaError."""
    return _converted(tensorflow.graph_def(path), path, ends, flags)


def of_saved_model(path: Path, ends: Ends, flags: Flags) -> bytes:
    """The .tflite file of the SavedModel in the folder `path`."""
    return _converted(tensorflow.of_saved_model(path, ends.signature), path, ends, flags)


def of_keras(path: Path, ends: Ends, flags: Flags) -> bytes:
    """The .tflite file of the Keras model in the file `path`."""
    return _converted(tensorflow.of_keras(path), path, ends, flags)


def _converted(graph: Any, path: Path, ends: Ends, flags: Flags) -> bytes:
    tf = import_tensorflow()
    converter = tensorflow.converter_of(graph, path, ends.inputs, ends.outputs, ends.shapes)
    types = {"FLOAT": tf.float32, "QUANTIZED_UINT8": tf.uint8}
    converter.inference_type = types[flags.inference_type]
    if flags.inference_input_type is not None:
        converter.inference_input_type = types[flags.inference_input_type]
    if "QUANTIZED_UINT8" in (flags.inference_type, flags.inference_input_type):
        converter.quantized_input_stats = {
            name: _stats(path, name, flags) for name in converter.get_input_arrays()
        }
    if flags.ranges is not None:
        converter.default_ranges_stats = flags.ranges
    if flags.post_training_quantize:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.allow_custom_ops = flags.allow_custom_ops
    try:
        content = converted(converter, str(path))
    except Unsupported:
        raise
    except Exception as e:  # TensorFlow has many
        raise InputError(f"{path}: TensorFlow cannot convert it: {first_line(e)}", RANGES) from e
    if flags.inference_type != "FLOAT":
        _refuse_floats(path, content)
    return content


def _refuse_floats(path: Path, content: bytes) -> None:
    """Raise InputError where TensorFlow has left floats in a network of integers."""
    for op in tflite.read(content, str(path)).ops:
        if "float32" in op.dtypes:
            raise InputError(
                f"{path}: {op.said} stays in float: its range is not known.",
                RANGES,
            )


def _stats(path: Path, name: str, flags: Flags) -> tuple[float, float]:
    """Mean and deviation of an input."""
    if name not in flags.means or name not in flags.stds:
        raise InputError(
            f"{path}: what the bytes of input {name!r} stand for is not said.",
            ["real = (byte - mean) / std: `--mean_values=128 --std_dev_values=127` for -1..1."],
        )
    return flags.means[name], flags.stds[name]
