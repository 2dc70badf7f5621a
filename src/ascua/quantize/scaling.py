"""What pixels 0 and 255 are for a float network: as the user says, its layers, or labels."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from ascua import inputs, pixels
from ascua.errors import InputError, brief
from ascua.ir import Array, Graph
from ascua.pixels import First, Image, LabelledAnswers, PixelStatistics, said
from ascua.quantize.floats import evaluated
from ascua.quantize.scores import until_scores
from ascua.quantize.simplify import simplify

log = logging.getLogger(__name__)

PROBED = 512
"""Samples that ranges are tried on, at most,"""
PROBED_MACS = 4e9
"""and so many products a range, but no fewer samples than 32."""
OPTION = "`--input-range LOW HIGH`: `0 1` where it was trained on pixels / 255, `-1 1`, `0 255`."


class Scaling(NamedTuple):
    """What pixels 0 and 255 are, and how that is known."""

    image: Image
    by: Literal["asked", "labels", "layers", "input"]
    why: str
    """In words, after "0..255: "."""

    def __str__(self) -> str:
        return f"{said(self.image)}: {self.why}"


def labelled(
    graph: Graph, images: Array, labels: Array | None, own: Image | None = None
) -> LabelledAnswers | None:
    """Some of the bytes `images` (n, *shape) and their labels, as the float `graph` answers them.

    Real values have a range of their `own`, whose ends become those of each that is tried. None
    without labels, and where they are all of one class: that says nothing.
    """
    if labels is None or len(np.unique(labels)) < 2 or len(graph.inputs) > 1:
        return None
    deciding = until_scores(simplify(graph))
    most = int(min(PROBED, max(32, PROBED_MACS / max(1, graph.macs()))))
    at = np.linspace(0, len(labels) - 1, min(most, len(labels))).astype(int)
    few = np.asarray(images[at])

    def answers(x: Array, image: Image) -> Array:
        if own is None:
            x = inputs.real_images(x, deciding.inputs[0], image)
        elif image != own:
            x = pixels.moved(x, own, image)
        try:
            ys = evaluated(deciding, [x])
        except InputError:  # NaN or infinities, at a range that is far from its own
            return np.zeros((len(few), deciding.outputs[0].size), np.float32)
        return ys[0].reshape(len(few), -1)

    data = PixelStatistics.of(few if own is None else pixels.moved(few, own, pixels.USUAL[1]))
    turned = None
    if deciding.inputs[0].shape[-1:] == (3,):
        turned = LabelledAnswers(labels[at], lambda image: answers(few[..., ::-1], image))
    rare = (*pixels.RARE, data.normalised())
    return LabelledAnswers(labels[at], lambda image: answers(few, image), rare, turned)


def find(
    where: str, first: First, images: Array, known: LabelledAnswers | None,
    asked: Image | None = None, twin: Image | None = None,
) -> Scaling:  # fmt: skip
    """What the bytes `images` (n, ...) stand for in the network `where`.

    What the user `asked` for holds, with a warning where the network says something else; then
    what labelled samples say, then the first layers, then what a quantised `twin` has. Raises
    InputError where nothing tells.
    """
    told = first.image(PixelStatistics.of(images))
    best = known.best(told) if known else None
    if known and (taken := asked or best or told) is not None:
        _warn_of_the_order(where, known, taken)
    if asked is not None:
        _warn(where, asked, first, told, known, best)
        return Scaling(asked, "asked", "as `--input-range` says")
    if known and best is not None:
        if told is not None and not pixels.near(told, best):
            log.warning(
                "warning: %s: its first layers (%s) speak for pixels in %s, labelled samples for"
                " %s, which is taken.", where, first, said(told), said(best),
            )  # fmt: skip
        _warn_of_the_nearest(where, known, best, told)
        return Scaling(best, "labels", _shown(known, best))
    if told is not None:
        why = f"as the first layers of the network say ({first})"
        return Scaling(told, "layers", why)
    if twin is None or (first.faint and max(map(abs, twin)) <= 1):
        raise _unknown(where, first, known)
    why = "as the input of its quantised twin says, and neither layers nor labels confirm"
    return Scaling(twin, "input", why)


def _warn_of_the_nearest(
    where: str, known: LabelledAnswers, best: Image, told: Image | None
) -> None:  # fmt: skip
    """Say so where the range that fits best is likely not that of the training."""
    if best not in (*pixels.SCALED, told) or known.tried(best).too_sure:
        log.warning(
            "warning: %s: no usual range is that of its training, it seems; pixels in %s come"
            " nearest. If their mean was taken off, and their deviation divided by, channel by"
            " channel: give float32 samples, scaled so, in an .npy file.", where, said(best),
        )  # fmt: skip


def _warn_of_the_order(where: str, known: LabelledAnswers, image: Image) -> None:
    """Say so where more samples are right with blue first, as OpenCV reads them."""
    if known.turned and known.turned.tried(image).beats(known.tried(image)):
        log.warning(
            "warning: %s: of %d labelled samples it has %.0f%% right, and %.0f%% with their"
            " channels the other way round: blue, green, red? Give samples in that order, in an"
            " .npy file, here and on the board.", where, len(known.labels),
            100 * known.tried(image).accuracy, 100 * known.turned.tried(image).accuracy,
        )  # fmt: skip


def _shown(known: LabelledAnswers, best: Image) -> str:
    """How well the best range does, and the next one."""
    others = [known.tried(i) for i in pixels.USUAL if i != best]
    other = max(others, key=lambda t: t.accuracy)
    return (
        f"right for {known.tried(best).accuracy:.0%} of {len(known.labels)} labelled samples"
        f" ({said(other.image)}: {other.accuracy:.0%})"
    )


def _warn(
    where: str, asked: Image, first: First, told: Image | None, known: LabelledAnswers | None,
    best: Image | None,
) -> None:  # fmt: skip
    """Say what speaks against the range that the user asked for."""
    if known and best is not None:
        if known.tried(best).beats(known.tried(asked)):
            log.warning(
                "warning: %s: with pixels in %s, as asked for, it has %.0f%% of %d labelled"
                " samples right, with %s %.0f%%: `--input-range %g %g`?", where, said(asked),
                100 * known.tried(asked).accuracy, len(known.labels), said(best),
                100 * known.tried(best).accuracy, *best,
            )  # fmt: skip
    elif told is not None and not pixels.near(told, asked):
        log.warning(
            "warning: %s: its first layers (%s) speak for pixels in %s, not in %s as asked for.",
            where, first, said(told), said(asked),
        )  # fmt: skip
    elif first.faint and max(map(abs, asked)) <= 1:
        log.warning("warning: %s: %s, and %s was asked for.", where, _FAINT, said(asked))


_FAINT = "its first weights are so small that they seem made for pixels in 0..255"


def _unknown(where: str, first: First, known: LabelledAnswers | None) -> InputError:
    what = f"{where}: what pixels 0 and 255 are for this network is not known: "
    tries = [f"Say how pixels were scaled in training: {OPTION}"]
    if known is None:
        what += "its first layers do not say, and the data have no labels of its classes."
        tries.append(
            "Labelled samples tell: a data set's name, a folder with a folder a class, or"
            " `--labels y.npy`."
        )
    else:
        best = max((known.tried(i) for i in pixels.USUAL), key=lambda t: t.accuracy)
        what += (
            "its first layers do not say, and no usual range stands out: at best"
            f" {best.accuracy:.0%} of {len(known.labels)} labelled samples are right"
            f" ({said(best.image)})."
        )
        tries.append("Check that labels and classes are those of the training, in their order.")
    if first.faint:
        tries.insert(0, f"Most likely `--input-range 0 255`: {_FAINT}.")
    return InputError(what, tries)


def doubt_real(where: str, graph: Graph, xs: Sequence[Array], labels: Array | None) -> None:
    """Say so where more of the labelled real samples (n, *shape) are right in another range."""
    own = pixels.ends(xs[0])
    known = labelled(graph, xs[0], labels, own) if own[0] < own[1] else None
    if known is None:
        return
    _warn_of_the_order(where, known, own)
    best = known.best(own)
    if best is not None and known.tried(best).beats(known.tried(own)):
        log.warning(
            "warning: %s: of %d labelled samples it has %.0f%% right as they are, %s, and %.0f%%"
            " when they are scaled to %s: are they scaled as in its training?", where,
            len(known.labels), 100 * known.tried(own).accuracy, said(own),
            100 * known.tried(best).accuracy, said(best),
        )  # fmt: skip


def check_real(
    where: str, graph: Graph, first: First, xs: Sequence[Array], asked: Image | None = None
) -> None:
    """Raise InputError where the real samples (n, *shape) are scaled as the network is not.

    Its first layers may say that it takes 0..255, and the data may be 0..1. What the user `asked`
    for holds, and does not scale them.
    """
    x, t = xs[0], graph.inputs[0]
    if asked is not None:
        if unfit := pixels.outside(x, asked):
            raise InputError(
                f"--input-range {asked[0]:g} {asked[1]:g}: {unfit}. Real values are taken as they"
                " are.",
                ["Scale the data yourself, or give images as uint8."],
            )
        return
    images = first.images() if len(t.shape) == 4 else ()
    if not images and len(t.shape) == 4 and first.faint and float(np.abs(x).max(initial=0)) <= 1:
        images = (pixels.USUAL[1],)
    wrong = [pixels.outside(x, image) for image in images]
    if images and all(wrong):
        reason = f"({first})" if first.layers else f"({_FAINT})"
        raise InputError(
            f"{where}: its input '{brief(t.name)}' takes {said(images[0])}, as its first layers"
            f" say {reason}; {wrong[0]}.",
            [
                "Scale the data as in training.",
                f"If it was trained on such values, `--input-range {x.min():.3g} {x.max():.3g}`"
                " says so.",
            ],
        )
