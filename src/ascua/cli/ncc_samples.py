"""The samples that both verbs of `ncc` are given: their options, and what is said of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import click
import numpy as np

from ascua.cli.options import PATH
from ascua.cli.terminal import log
from ascua.data.ncc import FORMATS, FileSample
from ascua.errors import InputError

dataset = partial(click.option, "--dataset", type=PATH)
dataset_format = partial(
    click.option, "--dataset-format", type=click.Choice(sorted(FORMATS)), default="image",
    show_default=True,
)  # fmt: skip
input_mean = partial(
    click.option, "--input-mean", type=float, default=0.0, show_default=True
)  # fmt: skip
input_std = partial(click.option, "--input-std", type=float, default=1.0, show_default=True)

FLT_MAX = float(np.finfo(np.float32).max)


def check_scale(mean: float, std: float) -> None:
    """Raise InputError unless values can be scaled so."""
    for option, value in (("--input-mean", mean), ("--input-std", std)):
        if not abs(value) <= FLT_MAX:  # NaN is not, either
            raise InputError(f"`{option} {value:g}` is no finite float32.", ["Give a number."])
    if np.float32(std) == 0:
        raise InputError(
            "`--input-std 0`: nothing can be divided by it.",
            ["Leave it out, or give what the network was compiled with."],
        )


def check_image(where: str, shape: tuple[int, int, int], format_: str) -> None:
    """Raise InputError where samples (h, w, c) are no images, and are said to be some."""
    h, w, c = shape
    if format_ == "image" and c not in (1, 3):
        raise InputError(
            f"{where}: it takes {c} x {h} x {w} numbers (channels, rows, columns), and an"
            " image has 3 channels or 1.",
            ["Save the samples as bare numbers, and name them with `--dataset-format raw`."],
        )


class Colors:
    """The images that are colored for nothing."""

    def __init__(self) -> None:
        self.paths: list[Path] = []

    def noted(self, samples: Iterable[FileSample]) -> Iterator[FileSample]:
        """The samples, looked at."""
        for sample in samples:
            if sample.colored:
                self.paths.append(sample.path)
            yield sample

    def warn(self, total: int) -> None:
        """Tell of them, among so many."""
        if self.paths:
            log.warning(
                "warning: %d of %d images are colored, the first is %s, and the model takes one"
                " channel: as from ncc, it got the blue one. Save gray images for gray.",
                len(self.paths), total, self.paths[0],
            )  # fmt: skip
