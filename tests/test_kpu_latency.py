"""The estimate of latencies against everything that was published."""

from __future__ import annotations

import pytest

from ascua import kmodel, kpu
from ascua.kmodel import Kmodel
from ascua.kpu import latency, published
from ascua.kpu.latency import Clocks
from ascua.kpu.published import Figure, NetworkTiming
from scripts import k210_tables
from scripts.pages import ROOT
from tests.support.command import MODELS

MOST = 0.25
"""The largest error that is allowed."""


@pytest.mark.parametrize("figure", kpu.figures(), ids=lambda f: f"{f.source}: {f.what}")
def test_layers(figure: Figure) -> None:
    assert abs(figure.error) <= MOST


def test_the_range_of_errors() -> None:
    """Of all figures, those of networks as they are published: it is shown beside estimates."""
    timings = k210_tables.all_timings(ROOT / "results")
    assert len(timings) == len(kpu.figures()) + len(published.NETWORKS)
    assert k210_tables.errors(timings) == latency.ERROR


def test_the_law_by_hand() -> None:
    """64x64 has 64 lines: 128 * 128 * 68.48 cycles, and 3,600 at 300 MHz to begin."""
    timing = published.SIPEED[6]
    assert timing.figure.estimate == pytest.approx((128 * 128 * 68.48 + 3600) / 300e6)
    least = published.SIPEED[0]  # 294,912 bytes of weights
    assert least.figure.estimate == pytest.approx((294_912 / 2.9 + 3600) / 300e6)
    own = published.NNCASE[1]  # 16 channels of 120 rows of 3 lines
    assert own.depthwise
    assert own.figure.estimate == pytest.approx((16 * 360 * 2 + 4800) / 400e6)


def test_the_total_of_nncase() -> None:
    """12.73 ms, of which what has no published size counts as it was measured."""
    measured = sum(t.seconds for t in published.NNCASE) + published.NNCASE_REST
    assert measured == pytest.approx(published.NNCASE_TOTAL, rel=1e-3)
    whole = kpu.figures()[-1]
    known = sum(t.figure.estimate for t in published.NNCASE)
    assert whole.estimate == pytest.approx(known + published.NNCASE_REST)
    assert whole.measured == published.NNCASE_TOTAL


def real(version: int) -> Kmodel:
    path = MODELS / f"k210/kmodelV{version}/mbnet75.kmodel"
    if not path.exists():
        pytest.skip(f"there is no {path.parent.name}/{path.name} beside the repository")
    return kmodel.load(path)


@pytest.mark.parametrize(
    "timing", published.NETWORKS, ids=lambda t: f"V{t.version}-{t.seconds:.4f}"
)
def test_networks(timing: NetworkTiming) -> None:
    figure = timing.figure(real(timing.version))
    least, most = latency.ERROR
    assert abs(figure.error) <= MOST
    assert least <= round(figure.error, 2) <= most


def test_the_range_of_errors_with_the_files() -> None:
    found = [f.error for f in kpu.figures()]
    found += [t.figure(real(t.version)).error for t in published.NETWORKS]
    assert (round(min(found), 2), round(max(found), 2)) == latency.ERROR


def test_every_layer_has_its_kind_of_seconds() -> None:
    """The sum of the layers is the whole; a faster clock makes that part shorter alone."""
    model = real(4)
    slow, fast = (latency.latency(model, Clocks(kpu=hz)) for hz in (400e6, 800e6))
    assert slow.total == sum(slow.layers, slow.input)
    assert fast.total.cpu == slow.total.cpu
    assert fast.total.kpu < 0.51 * slow.total.kpu + 30 * latency.START.value
    for layer, seconds in zip(model.layers, slow.layers, strict=True):
        assert (seconds.kpu > 0) == isinstance(layer, kmodel.v4.KpuConv2d)
        assert (seconds.cpu > 0) != isinstance(layer, kmodel.v4.KpuConv2d)
    assert slow.layers[26].transfer > 0  # the last map goes to main memory
