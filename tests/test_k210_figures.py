"""The figures of kmodels: measured once, known by all they read, and what is published of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ascua import kmodel, kpu, results, tflite
from ascua.ir import Array
from ascua.kmodel import Kmodel, Port, v3, v4
from ascua.kmodel.memory import f32, u8
from ascua.kpu import published
from scripts import k210, k210_tables
from tests.support.command import MODELS
from tests.support.convolutions import RELU, conv
from tests.support.float_nets import NETWORKS
from tests.test_k210_compile import images
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
def file(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> k210.File:
    """A small kmodel of `request.param`'s version with its float network, and photographs."""
    x = np.random.default_rng(0).integers(0, 64, (6, 4, 5, 2)).astype(np.uint8)
    x[0] = 0
    x[0, 0, :2] = (10, 1), (11, 0)  # 21 / 2 and 22 / 2: which is the greatest hangs on rounding
    monkeypatch.setattr(k210, "sample", lambda *_, **__: k210.Sample(x, np.arange(6)))
    return k210.File("net", kmodel.write(small(request.param)), k210.NNCASE, b"float")


def answers(seen: list[Array]) -> Callable[[bytes, Array], Array]:
    """A float network whose first class is 7, by little, which keeps what it was given."""

    def in_float(file: bytes, x: Array) -> Array:
        assert file == b"float"
        seen.append(x)
        return np.eye(40, dtype=np.float32)[[7] * len(x)] + 1

    return in_float


@pytest.mark.parametrize(
    ("file", "compiler", "unit", "low"),
    [(3, "nncase", 255, 0), (4, "nncase", 127.5, -1), (3, "Ascua", 127.5, -1)],
    indirect=["file"],
)
def test_a_file_is_measured_once(
    file: k210.File, compiler: str, unit: float, low: float, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    seen: list[Array] = []
    made: list[dict[str, Any]] = []
    file = file._replace(compiler=compiler)

    class Seen(kpu.Simulator):
        def __init__(self, net: Kmodel, **switches: Any) -> None:
            made.append(switches)
            super().__init__(net, **switches)

    monkeypatch.setattr(k210, "in_float", answers(seen))
    with monkeypatch.context() as m:
        m.setattr(kpu, "Simulator", Seen)
        row = k210.measured(file, tmp_path)
    assert results.kmodels(tmp_path) == [row]
    x, y = k210.sample(5)
    assert seen[0].dtype == np.float32
    assert (seen[0] == x.astype(np.float32) / np.float32(unit) + np.float32(low)).all()
    net = kmodel.read(file.data, "net")
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
    assert k210.measured(file, tmp_path) == row
    assert results.kmodels(tmp_path) == [row]


@pytest.mark.parametrize("file", [3], indirect=True)
def test_a_file_without_its_float_network(file: k210.File, tmp_path: Path) -> None:
    row = k210.measured(file._replace(source=None), tmp_path)
    assert row.agreement is None
    assert (row.file_bytes, row.main_bytes) == (len(file.data), 256)
    assert row.frames_per_second < 1000 / row.estimate_ms
    assert [(e.layer, e.what) for e in row.layers] == [
        ("image", ""), ("K210Conv", "1x1, 5x4x2 to 5x4x2"), ("Dequantize", ""),
    ]  # fmt: skip
    assert sum(e.ms for e in row.layers) == pytest.approx(row.estimate_ms, abs=0.002)


@pytest.mark.parametrize("file", [3], indirect=True)
def test_a_line_is_known_by_all_that_it_read(
    file: k210.File, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = k210.known_at_once(file, kmodel.read(file.data, "net"))
    given = k210.sample(5)

    def key(**changes: Any) -> str:
        args = {"file": file, "known": known, "given": given} | changes
        return k210.key_of(**args)

    keys = [
        key(),
        key(known={**known, "estimate_ms": 0.0}),
        key(known={**known, "layers": known["layers"][1:]}),
        key(file=file._replace(name="other")),
        key(file=file._replace(compiler="other")),
        key(file=file._replace(options="other")),
        key(file=file._replace(source=b"other")),
        key(file=file._replace(data=file.data + b"\0")),
        key(file=file._replace(source=None), given=None),
        key(given=given._replace(x=given.x[::-1])),
        key(given=given._replace(y=given.y[::-1])),
    ]
    for where, name, value in (
        (k210.litert, "version", lambda: "99"),
        (k210, "code", lambda: ["changed"]),
        (k210, "INPUTS", {3: k210.Range(0.0, 2.0), 4: k210.TRAINED}),
    ):
        with monkeypatch.context() as m:
            m.setattr(where, name, value)
            keys.append(key())
    assert len(set(keys)) == len(keys)


def test_files_of_a_folder_and_their_float_networks(tmp_path: Path) -> None:
    for version, name in ((3, "a"), (4, "b")):
        path = tmp_path / f"kmodelV{version}/{name}.kmodel"
        path.parent.mkdir()
        path.write_bytes(kmodel.write(small(version)))
    (tmp_path / "b.tflite").write_bytes(b"float")
    found = list(k210.by_nncase(tmp_path))
    assert [(f.name, f.source, f.options) for f in found] == [("a", None, ""), ("b", b"float", "")]


def test_ascua_compiles_a_float_network_in_each_way(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = NETWORKS["mobilenet_v1"]
    given = k210.Sample(images(graph), np.arange(6))
    monkeypatch.setattr(k210, "sample", lambda *_, **__: given)
    found = list(k210.by_ascua("net", tflite.write(graph)))
    versions = [kmodel.read(f.data, f.name).version for f in found]
    wanted = [(name, v) for name, choice in k210.CHOICES.items() for v in choice.versions]
    assert list(zip((f.options for f in found), versions, strict=True)) == wanted
    assert len({f.data for f in found}) == len(found)
    assert not list(k210.by_ascua("no such network", None))


def test_the_first_of_equal_scores_counts() -> None:
    scores = np.array([[3, 1, 3, 2, 3], [0, 0, 0, 0, 0]])
    assert k210.in_top(2, np.array([2, 2]), scores).tolist() == [True, False]
    assert k210.in_top(3, np.array([4, 2]), scores).tolist() == [True, True]


def test_every_tenth_photograph_is_kept_for_calibration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(k210, "photographs", lambda *_, **__: (np.arange(30), np.arange(30) + 1))
    assert k210.sample(1).x.tolist() == [i for i in range(30) if i % 10]
    assert k210.sample(1).y.tolist() == [i + 1 for i in range(30) if i % 10]
    assert k210.sample(1, calibration=True).x.tolist() == [0, 10, 20]


def test_what_the_specification_states_is_published() -> None:
    """The share of equal answers and the mean cosine over 900 photographs."""
    found = {(r.model, r.version): r.agreement for r in ROWS if r.agreement}
    rounded = {
        of: (a.samples, round(a.same_top1, 3), round(a.cosine, 3)) for of, a in found.items()
    }
    assert rounded == {("mbnet25", 3): (900, 0.236, 0.668), ("mbnet25", 4): (900, 0.51, 0.845)}


def ours() -> list[results.KmodelResult]:
    """What Ascua compiles unless it is asked for something, beside its float network."""
    every = k210_tables.newest(FOLDER)
    return [r for r in every if r.compiler == k210.ASCUA and r.agreement and not r.options]


def test_what_ascua_compiles_agrees_with_float() -> None:
    """As far as was asked of it, in both versions."""
    found = ours()
    assert [r.version for r in found] == [3, 4]
    for a in (r.agreement for r in found):
        assert a is not None
        assert a.same_top1 >= 0.9
        assert a.cosine >= 0.995
        assert a.float_top1 - a.kmodel_top1 <= 0.01


def test_every_choice_has_a_line() -> None:
    rows = [r for r in k210_tables.newest(FOLDER) if r.compiler == k210.ASCUA and r.agreement]
    wanted = {(name, v) for name, choice in k210.CHOICES.items() for v in choice.versions}
    assert {(r.options, r.version) for r in rows} == wanted


def test_what_ascua_compiles_takes_less_time_than_nncases_files() -> None:
    """In all of each of the six; layers add up to it."""
    found = k210_tables.pairs(FOLDER)
    assert len(found) == 6
    for a, b in found:
        assert b.estimate_ms < a.estimate_ms
        pairs = list(k210_tables.side_by_side(a, b))
        less = sum(map(k210_tables.saved, pairs))
        assert less == pytest.approx(a.estimate_ms - b.estimate_ms, abs=0.03)
        assert [x for x, _ in pairs if x] == list(a.layers)
        assert [y for _, y in pairs if y] == list(b.layers)


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("name", ["mbnet25", "mbnet50", "mbnet75"])
def test_published_rows_are_of_today(name: str, version: int) -> None:
    """Memory and estimates are those that the file has now."""
    path = REAL / f"kmodelV{version}/{name}.kmodel"
    if not path.exists():
        pytest.skip(f"there is no {path.parent.name}/{path.name} beside the repository")
    row = next(r for r in reversed(ROWS) if (r.model, r.version) == (name, version))
    file = k210.File(name, path.read_bytes(), k210.NNCASE, None)
    known = k210.known_at_once(file, kmodel.load(path))
    assert {field: getattr(row, field) for field in known} == known


def test_every_published_timing_is_in_a_row() -> None:
    there = {t.what for r in ROWS for t in r.timings}
    assert len(there) == len(published.NETWORKS)
