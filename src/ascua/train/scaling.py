"""What pixels 0 and 255 are for networks that come trained: looked up in their own answers."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import numpy as np

from ascua import tflite, zoo
from ascua.data import Dataset
from ascua.errors import AscuaError, InputError
from ascua.pixels import RARE, USUAL, Image, LabelledAnswers, PixelStatistics, said
from ascua.quantize.first import first
from ascua.quantize.simplify import simplify
from ascua.train.export import as_float, export_float
from ascua.train.teacher import Taught

log = logging.getLogger(__name__)

PROBED = 256
"""Training images that ranges are tried on."""


def labelled(model: Any, data: Dataset) -> LabelledAnswers:
    """Some training images, as the Keras `model` answers them: with logits or probabilities."""
    at = np.linspace(0, len(data.x_train) - 1, min(PROBED, len(data.x_train))).astype(int)
    images = np.asarray(data.x_train[at])

    def scores(image: Image) -> np.ndarray[Any, Any]:
        y = np.asarray(model(as_float(images, image), training=False), np.float32)
        y = np.nan_to_num(y, posinf=0.0, neginf=0.0)
        probabilities = bool(np.all(y >= 0) and np.allclose(y.sum(axis=1), 1, atol=0.02))
        return np.log(np.maximum(y, 1e-7)) if probabilities else y

    rare = (*RARE, PixelStatistics.of(images).normalised())
    return LabelledAnswers(np.asarray(data.y_train[at]), scores, rare)


def fitted(taught: Taught, data: Dataset) -> Taught:
    """The teacher with the range that the training images' labels speak for, which is then said."""
    known = labelled(taught.model, data)
    best = known.best(taught.image)
    if best is not None and known.tried(best).beats(known.tried(taught.image)):
        log.warning(
            "warning: the teacher takes pixels in %s: it has %.0f%% of %d training images right so,"
            " and %.0f%% with %s.", said(best), 100 * known.tried(best).accuracy,
            len(known.labels), 100 * known.tried(taught.image).accuracy, said(taught.image),
        )  # fmt: skip
        return replace(taught, image=best)
    if not known.learnt(taught.image):
        log.warning(
            "warning: the teacher has %.0f%% of %d training images right, no more than chance: is"
            " it one for these classes, in their order, and images in %s?",
            100 * known.tried(taught.image).accuracy, len(known.labels), said(taught.image),
        )  # fmt: skip
    return taught


def check_front(name: str, model: Any) -> None:
    """Raise InputError where the untrained `model` scales its images by code of the user's own.

    What `zoo.image_of` cannot see in a Lambda or a layer of one's own, the float graph shows.
    """
    if zoo.first_layers(model).image() is not None or zoo.is_clear(model):
        return
    try:
        found = first(simplify(tflite.read(export_float(model))))
    except AscuaError:
        return  # it says so when it comes to int8
    wanted = found.image()
    if wanted is None and found.faint:
        wanted = USUAL[1]
    if wanted not in (None, zoo.image_of(model)):
        raise InputError(
            f"{name}: it seems to take pixels in {said(wanted)}"  # type: ignore[arg-type]
            f" ({found if found.layers else 'its first weights come out small'}), and would be"
            f" given {said(zoo.image_of(model))}: its first layer has code of its own.",
            [
                "Scale images in a layer that Ascua knows: `keras.layers.Rescaling(1 / 255)`, or"
                " `x / 255`.",
                "One inside a class of your own is not seen: put it in front,"
                " `keras.Sequential([keras.Input(shape), keras.layers.Rescaling(1 / 255), Net()])`,"
                " and take it out of the class.",
                "Or leave it out: images come in 0..1.",
            ],
        )


def check(name: str, model: Any, data: Dataset) -> None:
    """Raise InputError where the trained Keras `model`, of the file `name`, wants other images.

    Its first layers say what it is given, 0..1 where they say nothing.
    """
    own = zoo.image_of(model)
    known = labelled(model, data)
    best = known.best(own)
    if best is not None and known.tried(best).beats(known.tried(own)):
        low, high = best
        layer = f"keras.layers.Rescaling({high - low:g}, offset={low:g})"
        raise InputError(
            f"{name}: it takes pixels in {said(best)}: so it has"
            f" {known.tried(best).accuracy:.0%} of {len(known.labels)} training images right, and"
            f" {known.tried(own).accuracy:.0%} with {said(own)}, which is what it would be given.",
            [
                f"Let it scale images of 0..1 itself: `keras.Sequential([keras.Input(shape),"
                f" {layer}, model])`, saved as another file.",
            ],
        )
