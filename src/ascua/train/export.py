"""Turns a trained Keras model into a .tflite file: int8, calibrated on images, or float."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ascua import tflite
from ascua.data import Rows
from ascua.errors import InputError, Unsupported, brief
from ascua.pixels import USUAL, First, Image
from ascua.quantize import Options, Range, quantize
from ascua.zoo import (
    first_layers,
    image_of,
    import_keras,
    import_tensorflow,
    quiet,
    without_rescaling,
)
from ascua.zoo.files import load_keras

UNIT = USUAL[0]
"""What pixels 0 and 255 are where nothing else is said: 0 and 1."""


def calibration_samples(x: Rows, count: int, seed: int) -> NDArray[Any]:
    """`count` of the samples `x` (or all), chosen by `seed`; of images, a black and a white one.

    The last two make the input's range 0..1 and so its quantisation exactly scale 1/255,
    zero point -128: an image becomes int8 by subtracting 128.
    """
    chosen = np.random.default_rng(seed).permutation(len(x))[:count]
    if x.dtype != np.uint8:
        return x[np.sort(chosen)]
    ends = np.zeros((2, *x.shape[1:]), np.uint8)
    ends[1] = 255
    return np.concatenate([x[np.sort(chosen)], ends])


def export_int8(model: Any, samples: NDArray[Any]) -> bytes:
    """A .tflite file: batch 1, int8 in and out, int8 weights a channel, int32 biases.

    `model` takes float images in 0..1, or as its first layers say; `samples` set the ranges of
    activations: uint8 images (n, h, w, c), or values (n, ...) as the model takes them. Where it
    begins with a Rescaling, that becomes the quantisation of the input: its bytes are still the
    image's less 128, and no operator computes it.
    """
    tf, image = import_tensorflow(), UNIT
    if samples.dtype == np.uint8:
        model, image = behind_rescaling(model)
    with quiet():
        converter = tf.lite.TFLiteConverter.from_keras_model(_batch_of_one(model))
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([as_float(x[None], image)] for x in samples)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8
    return converted(converter, model.name)


def behind_rescaling(model: Any) -> tuple[Any, Image]:
    """The Keras `model` behind its leading Rescalings, and what pixels 0 and 255 are there."""
    low, high = image_of(model)
    inner, scale, offset = without_rescaling(model)
    return inner, (low * scale + offset, high * scale + offset)


def export_float(
    model: Any, where: str = "", shapes: Mapping[str, tuple[int, ...]] | None = None
) -> bytes:  # fmt: skip
    """A float .tflite file of a Keras model, with batch 1. Raises Unsupported, naming `where`.

    `shapes` are those of inputs that leave theirs open; InputError without.
    """
    tf = import_tensorflow()
    with unrolled(model):
        single = _batch_of_one(model, shapes or {}, where)
        with quiet():
            if len(single.outputs) == len(single.inputs) == 1:
                converter = tf.lite.TFLiteConverter.from_keras_model(single)
            else:  # which would put them in the order of their names
                specs = [tf.TensorSpec(x.shape, x.dtype, x.name) for x in single.inputs]
                given = (lambda *xs: single(list(xs))) if len(specs) > 1 else single
                call = frozen(tf.function(given).get_concrete_function(*specs))
                converter = tf.lite.TFLiteConverter.from_concrete_functions([call])
        return converted(converter, where or model.name)


MOST_STEPS = 256
"""Longer loops stay loops: each step becomes operators of its own."""


@contextmanager
def unrolled(model: Any) -> Iterator[None]:
    """Lets the recurrent layers of `model` compute step by step, without a loop, meanwhile.

    TFLM and CMSIS-NN have no loops that Ascua takes; weights are there once all the same.
    """
    found = [layer for layer in _recurrent(model) if not layer.unroll]
    found = [x for x in found if (steps := _steps(x)) is not None and steps <= MOST_STEPS]
    for layer in found:
        layer.unroll = True
    try:
        yield
    finally:
        for layer in found:
            layer.unroll = False


def _recurrent(layer: Any) -> Iterator[Any]:
    """The LSTM, GRU and other recurrent layers in `layer`, at any depth."""
    if isinstance(layer, import_keras().layers.RNN):
        yield layer
        return
    inner = [getattr(layer, name, None) for name in ("forward_layer", "backward_layer", "layer")]
    for each in (*getattr(layer, "layers", ()), *inner):
        if each is not None and each is not layer:
            yield from _recurrent(each)


def _steps(layer: Any) -> int | None:
    """How many steps its input has; None where that is open."""
    try:
        steps = layer.input.shape[1]
    except (AttributeError, ValueError):  # in a wrapper: it has no call of its own
        return 1
    return None if steps is None else int(steps)


def frozen(function: Any) -> Any:
    """A concrete function of TensorFlow, its variables as constants."""
    from tensorflow.python.framework import convert_to_constants

    with quiet():
        return convert_to_constants.convert_variables_to_constants_v2(function)


def converted(converter: Any, where: str) -> bytes:
    """What TensorFlow's converter makes of the network `where`. Raises Unsupported."""
    with quiet():
        try:
            return bytes(converter.convert())
        except Exception as e:
            if type(e).__name__ != "ConverterError":
                raise
            told = str(e)
    unknown = sorted(set(re.findall(r"'tf\.(\w+)' op", told)))
    names = f"of {', '.join(unknown)}" if unknown else f"of it: {told[:200]}"
    tries = ["Build it of other layers: docs/ops.md lists what each operator of TFLite takes."]
    if any("Random" in name for name in unknown):
        tries = [
            "RandomFlip and its like stay at work in a SavedModel: give the .keras file instead,"
            " or leave them out before `model.export`.",
        ]
    raise Unsupported(f"{where}: TensorFlow's converter knows no TFLite form {names}.", tries)


def export_quantized(model: Any, samples: NDArray[Any], options: Options) -> bytes:
    """As `export_int8`, by Ascua's own quantiser with `options`."""
    if samples.dtype != np.uint8:
        graph = tflite.read(export_float(model))
        return tflite.write(quantize(graph, [samples[:, None]], options))
    inner, image = behind_rescaling(model)
    graph = tflite.read(export_float(inner))
    xs = [as_float(samples, image)[:, None]]
    return tflite.write(quantize(graph, xs, options, Range(*image)))


def float_file(
    path: Path, shapes: Mapping[str, tuple[int, ...]] | None = None
) -> tuple[bytes, First]:  # fmt: skip
    """The float .tflite file of the Keras model at `path`, a SavedModel too; and its first layers.

    Those are told by the layers: TensorFlow's converter puts a factor into the weights behind it.
    Raises AscuaError.
    """
    model = load_keras(path)
    return export_float(model, str(path), shapes), first_layers(model)


def _batch_of_one(
    model: Any, shapes: Mapping[str, tuple[int, ...]] | None = None, where: str = ""
) -> Any:  # fmt: skip
    """`model` with inputs of one sample each, under names that TensorFlow's graphs take."""
    keras = import_keras()
    where, shapes = where or model.name, shapes or {}
    refuse_unknown(where, shapes, [x.name for x in model.inputs])
    inputs = []
    for x in model.inputs:
        shape = whole_shape(where, x.name, [1, *x.shape[1:]], shapes)
        name = re.sub(r"[^A-Za-z0-9_.\\/>-]", "_", x.name)
        inputs.append(keras.Input(batch_shape=shape, name=name, dtype=x.dtype))
    given = inputs[0] if len(inputs) == 1 else inputs
    return keras.Model(given, model(given, training=False), name=model.name)


def refuse_unknown(where: str, shapes: Mapping[str, tuple[int, ...]], names: Any) -> None:
    """Raise InputError where a shape is said of what is no input."""
    if unknown := set(shapes) - set(names):
        raise InputError(
            f"{where}: it has no input {min(unknown)!r}.", [f"It has: {', '.join(names)}."]
        )


def whole_shape(
    where: str, name: str, stated: list[int | None] | None, shapes: Mapping[str, tuple[int, ...]]
) -> list[int]:  # fmt: skip
    """The whole shape of an input, its batch 1. Raises InputError where it is open."""
    dims = None if stated is None else list(stated)
    if name in shapes:
        wanted = list(shapes[name])
        fits = dims is None or (
            len(dims) == len(wanted)
            and all(d in (None, w) for d, w in zip(dims, wanted, strict=True))
        )
        if not fits:
            raise InputError(
                f"{where}: its input '{brief(name)}' is {dims}, not {wanted}.",
                ["`--input-shapes` fills in what is open."],
            )
        return wanted
    if dims and dims[0] is None:
        dims[0] = 1
    known = [d for d in dims or () if d is not None]
    if dims is None or len(known) < len(dims):
        usual = 224 if dims is None or len(dims) == 4 else 100
        example = ",".join(str(d or usual) for d in dims or (1, 224, 224, 3))
        raise InputError(
            f"{where}: input '{brief(name)}' leaves its shape open: {dims}.",
            [f"Say it, in its true size: `ascua convert {where} --input-arrays {name}"
             f" --input-shapes {example} -o net.tflite`.",
             "Or give `keras.Input` all sizes."],
        )  # fmt: skip
    return known


def as_float(x: NDArray[Any], image: Image = UNIT) -> NDArray[np.float32]:
    """Samples as a network takes them; `image` is what 0 and 255 are for it in images of bytes."""
    if x.dtype != np.uint8:
        return np.asarray(x, np.float32)
    low, high = image
    real = x.astype(np.float32) / np.float32(255)
    return real if image == UNIT else real * np.float32(high - low) + np.float32(low)
