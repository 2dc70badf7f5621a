"""Timings of real chips that somebody published, for which an estimate says how far off it is."""

from __future__ import annotations

from dataclasses import dataclass

from ascua.kmodel import Kmodel, Layout
from ascua.kpu.latency import FRAME, Clocks, convolution, latency


@dataclass(frozen=True)
class Figure:
    """What somebody measured, and the estimate for it."""

    source: str
    what: str
    measured: float
    """Seconds, as the estimate."""
    estimate: float

    @property
    def error(self) -> float:
        """Of the estimate, as a share of what was measured."""
        return self.estimate / self.measured - 1


@dataclass(frozen=True)
class LayerTiming:
    """One convolution of the KPU, and the seconds that it took at `hz`."""

    source: str
    x: Layout
    oc: int
    kernel: int
    depthwise: bool
    weight_bytes: int
    """Of one weight."""
    hz: float
    seconds: float

    @property
    def figure(self) -> Figure:
        """Beside it the estimate, by the law of `latency`."""
        x, k = self.x, self.kernel
        size = x.channels * (1 if self.depthwise else self.oc) * k * k * self.weight_bytes
        estimate = convolution(x, self.oc, size, depthwise=self.depthwise, hz=self.hz)
        channels = f"depthwise, {self.oc}" if self.depthwise else f"{x.channels} to {self.oc}"
        what = f"{k}x{k}, {channels} channels of {x.width}x{x.height}"
        return Figure(self.source, what, self.seconds, estimate)


@dataclass(frozen=True)
class NetworkTiming:
    """A network as a file of `version`, and the seconds that an inference, or a frame, took."""

    source: str
    network: str
    version: int
    clocks: Clocks
    seconds: float
    frame: bool = False
    """Whether camera and display are in it."""

    def figure(self, model: Kmodel) -> Figure:
        """Beside it the estimate for the network's file."""
        total = latency(model, self.clocks).total.total
        what = f"{self.network}, version {self.version}"
        if self.clocks != Clocks():
            what += f", CPU {self.clocks.cpu / 1e6:g} and KPU {self.clocks.kpu / 1e6:g} MHz"
        if self.frame:
            what += f", with camera and display: {1 / self.seconds:.2f} frames a second"
            total += FRAME.value
        return Figure(self.source, what, self.seconds, total)


SIPEED = tuple(
    LayerTiming(
        "Sipeed: 300 MHz, weights of 16 bits", Layout(w, h, 128), 128, 3, depthwise=False,
        weight_bytes=2, hz=300e6, seconds=ms / 1000,
    )
    for w, h, ms in (
        (4, 4, 0.339), (16, 4, 0.339), (16, 16, 0.417), (32, 16, 0.692), (32, 32, 1.138),
        (64, 32, 2.125), (64, 64, 3.891), (128, 64, 7.709), (128, 128, 14.778),
        (256, 256, 57.756),
    )
)  # fmt: skip
"""Its table of layers."""

NNCASE = tuple(
    LayerTiming(
        "nncase, issue 77: 400 MHz, weights of 8 bits", Layout(w, h, ic), oc, kernel,
        depthwise=kernel == 3 and ic == oc, weight_bytes=1, hz=400e6, seconds=ms / 1000,
    )
    for w, h, ic, oc, kernel, ms in (
        (320, 240, 3, 16, 3, 0.206),
        (160, 120, 16, 16, 3, 0.039), (160, 120, 16, 32, 1, 0.514),
        (80, 60, 32, 32, 3, 0.029), (80, 60, 32, 64, 1, 0.680),
        (80, 60, 64, 64, 3, 0.053), (80, 60, 64, 64, 1, 1.328),
        (40, 30, 64, 64, 3, 0.020), (40, 30, 64, 128, 1, 0.704),
        (40, 30, 128, 128, 3, 0.034), (40, 30, 128, 128, 1, 1.385),
        (20, 15, 128, 128, 3, 0.016), (20, 15, 128, 256, 1, 0.781),
        (20, 15, 256, 256, 3, 0.025), (20, 15, 256, 256, 1, 1.522),
        (20, 15, 256, 256, 3, 0.026), (20, 15, 256, 256, 1, 1.521),
        (20, 15, 256, 256, 3, 0.026), (20, 15, 256, 256, 1, 1.521),
        (20, 15, 256, 256, 3, 0.026), (20, 15, 256, 256, 1, 1.521),
        (20, 15, 256, 256, 3, 0.025),
    )
)  # fmt: skip
"""A face detector.

Channels were not published; from 32 on they are the usual ones of such a network, and 16 is what
the times of the first layers say.
"""

NNCASE_TOTAL, NNCASE_REST = 12.73e-3, 0.326e-3 + 0.404e-3
"""Seconds of the whole, and of its last convolution and what follows, whose sizes nobody says."""

MOBILENET = "MobileNet, alpha 0.75, 224x224"
NETWORKS = (
    NetworkTiming("Sipeed, topic 1790", MOBILENET, 3, Clocks(), 37e-3),
    NetworkTiming("Sipeed, topic 1790", MOBILENET, 3, Clocks(), 1 / 24.05, frame=True),
    NetworkTiming("Sipeed, topic 1811", MOBILENET, 3, Clocks(cpu=481e6, kpu=398e6), 40e-3),
    NetworkTiming("Sipeed, topic 1790", MOBILENET, 4, Clocks(), 111e-3),
    NetworkTiming("Sipeed, topic 1790", MOBILENET, 4, Clocks(), 1 / 8.45, frame=True),
)
"""Of networks whose files are no part of Ascua."""


def figures() -> tuple[Figure, ...]:
    """All that needs no file: the layers, and the face detector as a whole.

    What has no published size counts as it was measured.
    """
    layers = [timing.figure for timing in (*SIPEED, *NNCASE)]
    estimate = sum(timing.figure.estimate for timing in NNCASE) + NNCASE_REST
    return *layers, Figure(NNCASE[0].source, "all layers", NNCASE_TOTAL, estimate)
