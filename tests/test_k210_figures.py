"""The figures of kmodels: measured once, known by all they read, and what is published of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ascua import kmodel, kpu, results
from ascua.ir import Array
from ascua.kmodel import Kmodel, Port, v3, v4
from ascua.kmodel.memory import f32, u8
from ascua.kpu import published
from scripts import k210, k210_tables
from tests.support.command import MODELS
from tests.support.convolutions import RELU, conv
from tests.test_kpu_run import HALVES, ONE, model

FOLDER = k210.RESULTS
REAL = MODELS / "k210"

ROWS = [r for r in results.kmodels(FOLDER) if r.compiler == k210.NNCASE]


def small(version: int) -> Kmodel:
    """Two channels of 4 x 5 pixels in, 40 scores out."""
    one = ONE.astype(np.uint8)
    layer = conv(one, (4, 5), norms=HALVES * 2, segments=RELU, send_data_out=1)
    if version == 3:
        scores = v3.Dequantize(1, 0, 40, 40, 0.5, 1.0)
        return model(3, [v3.K210Conv(1, 0, layer), scores], [f32(40, 40)])
    inputs = (Port(layer.source, (1, 2, 4, 5)),)
    floats = v4.Dequantize(u8(8, 40), f32(48, 40), zero_point=0, scale=2.0)
    return model(4, [v4.KpuConv2d(u8(8, 40), 1, 0, layer), floats], [f32(48, 40)], inputs=inputs)


@pytest.fixture
def path(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small kmodel of `request.param`'s version, beside its float network and photographs."""
    found = tmp_path / f"kmodelV{request.param}/net.kmodel"
    found.parent.mkdir()
    found.write_bytes(kmodel.write(small(request.param)))
    (tmp_path / "net.tflite").write_bytes(b"float")
    x = np.random.default_rng(0).integers(0, 64, (6, 4, 5, 2)).astype(np.uint8)
    x[0] = 0
    x[0, 0, :2] = (10, 1), (11, 0)  # 21 / 2 and 22 / 2: which is the greatest hangs on rounding
    monkeypatch.setattr(k210, "sample", lambda _: k210.Sample(x, np.arange(6)))
    return found


def answers(seen: list[Array]) -> Callable[[bytes, Array], Array]:
    """A float network whose first class is 7, by little, which keeps what it was given."""

    def in_float(file: bytes, x: Array) -> Array:
        assert file == b"float"
        seen.append(x)
        return np.eye(40, dtype=np.float32)[[7] * len(x)] + 1

    return in_float


@pytest.mark.parametrize(("path", "unit", "low"), [(3, 255, 0), (4, 127.5, -1)], indirect=["path"])
def test_a_file_is_measured_once(
    path: Path, unit: float, low: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Array] = []
    made: list[dict[str, Any]] = []

    class Seen(kpu.Simulator):
        def __init__(self, net: Kmodel, **switches: Any) -> None:
            made.append(switches)
            super().__init__(net, **switches)

    monkeypatch.setattr(k210, "in_float", answers(seen))
    with monkeypatch.context() as m:
        m.setattr(kpu, "Simulator", Seen)
        row = k210.measured(path, tmp_path)
    assert results.kmodels(tmp_path) == [row]
    x, y = k210.sample(5)
    assert seen[0].dtype == np.float32
    assert (seen[0] == x.astype(np.float32) / np.float32(unit) + np.float32(low)).all()
    net = kmodel.load(path)
    (scores,) = kpu.run(net, x)
    assert row.agreement is not None
    first = scores.argmax(1)
    assert row.agreement.same_top1 == round(float((first == 7).mean()), 6)
    assert row.agreement.kmodel_top1 == round(float((first == y).mean()), 6)
    assert row.agreement.float_top1 == 0
    assert 0 < row.agreement.cosine < 1
    other = "half-even" if row.version == 3 else "half-up"
    assert made == [{"rounding": other}, {"fused": True}]
    assert row.agreement.other_rounding == round(5 / 6, 6)
    assert row.agreement.fused == 1
    monkeypatch.setattr(k210, "in_float", None)
    assert k210.measured(path, tmp_path) == row
    assert results.kmodels(tmp_path) == [row]


@pytest.mark.parametrize("path", [3], indirect=True)
def test_a_file_without_its_float_network(path: Path, tmp_path: Path) -> None:
    (tmp_path / "net.tflite").unlink()
    row = k210.measured(path, tmp_path)
    assert row.agreement is None
    assert (row.file_bytes, row.main_bytes) == (path.stat().st_size, 256)
    assert row.frames_per_second < 1000 / row.estimate_ms


@pytest.mark.parametrize("path", [3], indirect=True)
def test_a_line_is_known_by_all_that_it_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = k210.known_at_once("net", kmodel.load(path))
    given = k210.sample(5)

    def key(**changes: Any) -> str:
        args = {"path": path, "known": known, "file": b"float", "given": given} | changes
        return k210.key_of(**args)

    keys = [
        key(),
        key(known={**known, "estimate_ms": 0.0}),
        key(file=b"other"),
        key(file=None, given=None),
        key(given=given._replace(x=given.x[::-1])),
        key(given=given._replace(y=given.y[::-1])),
    ]
    for where, name, value in (
        (k210.litert, "version", lambda: "99"),
        (k210, "code", lambda: ["changed"]),
        (k210, "INPUTS", {3: k210.Range(0.0, 2.0)}),
    ):
        with monkeypatch.context() as m:
            m.setattr(where, name, value)
            keys.append(key())
    path.write_bytes(path.read_bytes() + b"\0")
    keys.append(key())
    assert len(set(keys)) == len(keys)


def test_the_first_of_equal_scores_counts() -> None:
    scores = np.array([[3, 1, 3, 2, 3], [0, 0, 0, 0, 0]])
    assert k210.in_top(2, np.array([2, 2]), scores).tolist() == [True, False]
    assert k210.in_top(3, np.array([4, 2]), scores).tolist() == [True, True]


def test_every_tenth_photograph_is_kept_for_calibration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(k210, "photographs", lambda *_, **__: (np.arange(30), np.arange(30) + 1))
    assert k210.sample(1).x.tolist() == [i for i in range(30) if i % 10]
    assert k210.sample(1).y.tolist() == [i + 1 for i in range(30) if i % 10]


def test_what_the_specification_states_is_published() -> None:
    """The share of equal answers and the mean cosine over 900 photographs."""
    found = {(r.model, r.version): r.agreement for r in ROWS if r.agreement}
    rounded = {
        of: (a.samples, round(a.same_top1, 3), round(a.cosine, 3)) for of, a in found.items()
    }
    assert rounded == {("mbnet25", 3): (900, 0.236, 0.668), ("mbnet25", 4): (900, 0.51, 0.845)}


def test_what_ascua_compiles_agrees_with_float() -> None:
    """As far as was asked of it, in both versions."""
    found = [r for r in k210_tables.newest(FOLDER) if r.compiler == "Ascua" and r.agreement]
    assert [r.version for r in found] == [3, 4]
    for a in (r.agreement for r in found):
        assert a is not None
        assert a.same_top1 >= 0.9
        assert a.cosine >= 0.995
        assert a.float_top1 - a.kmodel_top1 <= 0.01


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("name", ["mbnet25", "mbnet50", "mbnet75"])
def test_published_rows_are_of_today(name: str, version: int) -> None:
    """Memory and estimates are those that the file has now."""
    path = REAL / f"kmodelV{version}/{name}.kmodel"
    if not path.exists():
        pytest.skip(f"there is no {path.parent.name}/{path.name} beside the repository")
    row = next(r for r in reversed(ROWS) if (r.model, r.version) == (name, version))
    known = k210.known_at_once(name, kmodel.load(path))
    assert {field: getattr(row, field) for field in known} == known


def test_every_published_timing_is_in_a_row() -> None:
    there = {t.what for r in ROWS for t in r.timings}
    assert len(there) == len(published.NETWORKS)
