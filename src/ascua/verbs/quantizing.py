"""Makes an integer network of a float one, and judges it beside that."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ascua import chance, files, inputs, tflite
from ascua import quantize as quantizer
from ascua.convert import Network
from ascua.errors import InputError
from ascua.files.kinds import TFLITE
from ascua.ir import Array, Graph
from ascua.model import Model, model_of
from ascua.passes import prepare
from ascua.quantize.best import Trial, quantize_best
from ascua.quantize.fidelity import Fidelity, beside
from ascua.quantize.options import DEFAULT, Options
from ascua.quantize.ranges import Progress
from ascua.quantize.rules import Range
from ascua.quantize.scaling import Scaling, check_real, doubt_real, find, labelled
from ascua.quantize.scores import without_index
from ascua.verbs.bringing import Data, DataSource, network

log = logging.getLogger(__name__)

JUDGED = 100
"""Samples on which the two networks are compared, spread over those of the calibration."""
FEW, ONE = 20, 0.95
"""From so many samples on it is odd that this part of them gets one class."""

Bar = Callable[[str], Progress | None]
"""Starts a progress bar of a title."""


@dataclass(frozen=True, repr=False)
class Quantized:
    """An integer network, and how near it comes to the float one."""

    content: bytes = field(repr=False)
    """The .tflite file."""
    name: str
    samples: int
    """That the ranges were found on."""
    values: tuple[tuple[float, float], ...]
    """The least and the greatest of each input in them."""
    scaling: Scaling | None
    """What pixels 0 and 255 are; None where samples are real values."""
    fidelity: Fidelity
    judged: int
    """Samples that the fidelity is of."""
    trials: tuple[Trial, ...] = ()
    """What `best` has tried."""
    unlike: bool = False
    """Whether channels of the input differ so much that one scale leaves nothing of the small."""

    def __repr__(self) -> str:
        return f"Quantized({self.name!r}, {len(self.content):,} bytes, {self.fidelity})"

    @property
    def sha256(self) -> str:
        """Of the file."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def model(self) -> Model:
        """Ready for a board."""
        path = Path(self.name).with_suffix(".tflite")
        return model_of(tflite.read(self.content, self.name), path, self.content)

    def save(self, path: Path | str, *, force: bool = False) -> Path:
        """Write the file, whole or not at all; `force` replaces what is no .tflite file."""
        path = Path(path)
        output = files.Output(path, TFLITE, "a path", force=force)
        output.check()
        output.write(lambda to: to.write_bytes(self.content))
        return path


def quantize_model(
    model: Any, data: Data, *, labels: Path | str | Array | None = None, samples: int = 500,
    seed: int = 1, options: Options = DEFAULT, input_range: tuple[float, float] | None = None,
    best: bool = False, data_dir: Path | str | None = None, skip_damaged: bool = False,
) -> Quantized:  # fmt: skip
    """The integer twin of a float `model`, as `ascua quantize` makes it.

    `model` is a Keras model, or the file of any network; `data` its samples: float arrays
    (n, *shape) as it takes them, uint8 pixels, a file, a data set's name or a folder. At most
    `samples` of them, chosen by `seed`, set the ranges. `input_range` is what pixels 0 and 255 are
    for it, where it is not found. `best` tries what comes nearest; minutes.
    Raises AscuaError.
    """
    check_range(input_range)
    source, where = network(model)
    quantizer.check_float(source.graph, where)
    folder = None if data_dir is None else Path(data_dir)
    told = DataSource(data, labels, folder, skip_damaged=skip_damaged)
    given = chosen(source.graph, told, samples, seed)
    return quantized(where, source, given, options, input_range, best=best)


def quantized(
    where: str, source: Network, given: Given, options: Options,
    input_range: tuple[float, float] | None, *, best: bool, bar: Bar = lambda _: None,
) -> Quantized:  # fmt: skip
    """As `quantize_model`, of a network called `where` and samples at hand."""
    graph = source.graph
    scaling = scaling_of(where, source, given, input_range)
    xs, pixel = given.xs, None
    if scaling is not None:
        xs = [inputs.real_images(given.xs[0], graph.inputs[0], scaling.image)]
        pixel = Range(*scaling.image)
    trials: tuple[Trial, ...] = ()
    if best:
        small, trials = quantize_best(graph, xs, options, pixel, bar("trials"))
    else:
        small = quantizer.quantize(graph, xs, options, pixel, bar("quantising"))
    content = tflite.write(small)
    prepare(tflite.read(content, where), where)
    at = np.linspace(0, len(xs[0]) - 1, min(JUDGED, len(xs[0]))).astype(int)
    classes = None if given.labels is None else given.labels[at]
    fidelity = beside(graph, small, [x[at] for x in xs], classes)
    _warn_of_the_judge(where, fidelity, classes, len(at))
    values = tuple((float(x.min()), float(x.max())) for x in xs)
    return Quantized(
        content, where, len(xs[0]), values, scaling, fidelity, judged=len(at), trials=trials,
        unlike=scaling is None and _unlike(small, xs[0]),
    )  # fmt: skip


UNLIKE = 4.0
"""Steps of the input that a channel's deviation has at least, where it is told apart."""


def _unlike(small: Graph, x: Array) -> bool:
    """Whether some channel of the samples (n, ..., channels) moves by less than a few steps."""
    t = small.inputs[0]
    if x.ndim < 2 or x.shape[-1] < 2 or t.quant is None:
        return False
    deviation = x.reshape(-1, x.shape[-1]).std(0)
    return bool((deviation[deviation > 0] < UNLIKE * t.q.scale).any())


def check_range(given: tuple[float, float] | None) -> None:
    """Raise InputError unless what the input's range is said to be, if anything, is a range."""
    if given is not None and not -np.inf < given[0] < given[1] < np.inf:
        raise InputError(
            f"--input-range {given[0]:g} {given[1]:g}: not an ascending range.",
            ["What pixels 0 and 255 are, in this order: `--input-range 0 1`."],
        )


def scaling_of(
    where: str, source: Network, given: Given, asked: tuple[float, float] | None
) -> Scaling | None:
    """What pixels 0 and 255 are; None where the samples are real values, which are checked."""
    if given.pixels:
        known = labelled(source.graph, given.xs[0], given.labels)
        return find(where, source.first, given.xs[0], known, asked)
    check_real(where, source.graph, source.first, given.xs, asked)
    doubt_real(where, source.graph, given.xs, given.labels)
    return None


def _warn_of_the_judge(
    where: str, fidelity: Fidelity, labels: Array | None, count: int
) -> None:  # fmt: skip
    """Say so where the float network itself knows nothing of the samples: then all is alike."""
    if count < FEW:
        return
    if fidelity.right is not None and labels is not None:
        share, right = chance.guessing(labels), round(fidelity.right[0] * count)
        if share < ONE and chance.by_chance(right, count, share) > chance.SURE:
            log.warning(
                "warning: %s: the float network has %d of %d labelled samples right, no more than"
                " chance: are data, their scale and labels those of its training?",
                where, right, count,
            )  # fmt: skip
    elif fidelity.one_answer is not None and fidelity.one_answer >= ONE:
        log.warning(
            "warning: %s: the float network gives %d of %d samples the same class: are the data"
            " scaled as in its training?",
            where, round(fidelity.one_answer * count), count,
        )  # fmt: skip


class Given(NamedTuple):
    """Samples for calibration."""

    xs: list[Array]
    """(n, *shape) an input: float32, or the bytes of images."""
    pixels: bool
    """Whether they are bytes."""
    labels: Array | None


def chosen(graph: Graph, source: DataSource, count: int, seed: int) -> Given:
    """`count` samples of the source, chosen by `seed`, for the network `graph`. InputError."""
    from ascua.data import calibration

    classes = max(2, without_index(graph).outputs[0].size)
    if (held := source.arrays(graph.inputs)) is not None:
        pixels = inputs.taken_pixels(held, graph, source.name)
        xs = inputs.taken(held, graph, source.name) if pixels is None else [pixels]
        y = source.labelled(len(xs[0]), classes)
        at = calibration.chosen(len(xs[0]), count, seed)
        return Given(
            [x[at] for x in xs], pixels=pixels is not None, labels=None if y is None else y[at]
        )
    source.refuse_labels()
    shape = graph.inputs[0].shape
    if len(graph.inputs) > 1 or shape[:1] != (1,):
        raise InputError(
            f"{source.name}: the model's input is {[list(t.shape) for t in graph.inputs]}, no"
            " sample.",
            ["Give its samples in an .npy or .npz file."],
        )
    if (recipe := source.recipe()) is not None:
        data = source.dataset(recipe, shape[1:]).split(recipe.validation, recipe.seed)
        at = calibration.chosen(len(data.x_train), count, seed)
        x = data.x_train[at]
        pixels_ = x.dtype == np.uint8
        return Given([x if pixels_ else x[:, None]], pixels=pixels_, labels=data.y_train[at])
    found = calibration.samples(
        source.name, shape[1:], classes, count, seed, source.data_dir,
        skip_damaged=source.skip_damaged,
    )  # fmt: skip
    if found.x.dtype != np.uint8:
        return Given([found.x[:, None]], pixels=False, labels=found.y)
    return Given([found.x], pixels=True, labels=found.y)
