"""Turns a trained Keras model into an int8 .tflite file, calibrated on training images."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ascua.zoo import import_keras, import_tensorflow, quiet


def calibration_images(x: NDArray[np.uint8], count: int, seed: int) -> NDArray[np.uint8]:
    """`count` of the images `x` (or all), chosen by `seed`, then a black and a white one.

    The last two make the input's range 0..1 and so its quantisation exactly scale 1/255,
    zero point -128: an image becomes int8 by subtracting 128.
    """
    chosen = np.random.default_rng(seed).permutation(len(x))[:count]
    ends = np.zeros((2, *x.shape[1:]), np.uint8)
    ends[1] = 255
    return np.concatenate([x[np.sort(chosen)], ends])


def export_int8(model: Any, images: NDArray[np.uint8]) -> bytes:
    """A .tflite file: batch 1, int8 in and out, int8 weights a channel, int32 biases.

    `model` takes float images in 0..1; `images` (n, h, w, c) set the ranges of activations.
    """
    tf = import_tensorflow()
    keras = import_keras()
    image = keras.Input(batch_shape=(1, *images.shape[1:]), name="image")
    fixed = keras.Model(image, model(image, training=False), name=model.name)
    with quiet():
        converter = tf.lite.TFLiteConverter.from_keras_model(fixed)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([as_float(x[None])] for x in images)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8
        return bytes(converter.convert())


def as_float(x: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Images 0..255 as a network takes them: 0..1."""
    return x.astype(np.float32) / np.float32(255)
