"""The comparison of quantisers: what it measures is a line of results, and known by all it read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ascua import results, tflite
from ascua.quantize import Options, Range
from ascua.run import build
from scripts import networks, quantizers
from tests.support.compared import classifier, inputs
from tests.support.tools import require_board

pytestmark = [
    pytest.mark.train,
    pytest.mark.emulator,
    pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated:UserWarning"),
]

FILE = tflite.write(classifier())
TASK = networks.Task(
    inputs(20)[:, 0], inputs(30, seed=6)[:, 0], np.arange(30) % 6, Range(-1.0, 1.0)
)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of results, for one small network."""
    pytest.importorskip("tensorflow")
    for board in ("host", quantizers.BOARD):
        require_board(quantizers.boards.load(board))
    net = networks.Network(lambda: FILE, lambda *_: TASK)
    monkeypatch.setattr(quantizers, "NETWORKS", {"small": net})
    monkeypatch.setattr(quantizers, "BUILD", tmp_path / "build")
    return tmp_path / "results"


def test_a_draw_is_measured_once(network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every = quantizers.quantisers(None)
    chosen = {q: every[q] for q in ("Ascua", "Ascua --no-bias-correction")}
    quantizers.measure_all(quantizers.unknown("small", 1, chosen, network, network), network)
    first = results.quantized(network)
    assert [(r.quantizer, r.samples, r.calibration) for r in first] == [(q, 30, 20) for q in chosen]
    assert [r.board for r in first] == [quantizers.BOARD, None]
    assert all(0.9 < r.cosine <= 1.0 and r.key for r in first)
    monkeypatch.setattr(quantizers, "in_float", None)
    assert quantizers.unknown("small", 1, chosen, network, network) == []
    (network / "quantization.jsonl").unlink()
    again = quantizers.unknown("small", 1, chosen, network, network)
    quantizers.measure_all(again, network)  # the stages are known
    assert results.quantized(network) == first


@pytest.mark.usefixtures("network")
def test_a_draw_is_known_by_all_that_it_read(monkeypatch: pytest.MonkeyPatch) -> None:
    how = quantizers.quantisers(None)["Ascua"]
    line = ("small", "Ascua", 1)
    other = TASK.x.copy()
    other[0] += 1
    keys = [
        quantizers.key_of(*given)
        for given in (
            (line, FILE, how, TASK),
            (("small", "Ascua", 2), FILE, how, TASK),
            (line, FILE + b"\0", how, TASK),
            (line, FILE, how._replace(reads=f"{replace(Options(), adaround=True)}"), TASK),
            (line, FILE, how, TASK._replace(calibration=TASK.calibration[1:])),
            (line, FILE, how, TASK._replace(x=other)),
            (line, FILE, how, TASK._replace(y=TASK.y[::-1])),
            (line, FILE, how, TASK._replace(image=Range(0.0, 1.0))),
        )
    ]

    def anew(where: object, name: str, value: Any) -> str:
        with monkeypatch.context() as m:
            m.setattr(where, name, value)
            return quantizers.key_of(line, FILE, how, TASK)

    keys.append(anew(build, "FLAGS", (*build.FLAGS, "-O3")))
    keys.append(anew(quantizers.litert, "version", lambda: "99"))
    assert len(set(keys)) == len(keys)
    assert quantizers.key_of(line, FILE, how, TASK) == keys[0]
