"""A kmodel beside the network that it was made of: its layers are found, and what they hold."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from ascua import k210, kmodel, quantize
from ascua.compare import Comparison, Samples, compare, prepared
from ascua.compare.chip import Chip
from ascua.compare.matching import fitted, matched
from ascua.compare.pairing import common, heaviest
from ascua.compare.verdict import culprit, verdict
from ascua.ir import Array, Graph
from ascua.kmodel import Kmodel, v3, v4
from ascua.kmodel.flow import INPUT, flow
from ascua.passes import prepare
from ascua.quantize import Range
from tests.support import pages
from tests.support.command import ascua, model_file, refused
from tests.support.float_nets import NETWORKS, Net
from tests.test_k210_compile import RUNTIMES, SYMMETRIC, images, real

SHARED = Path(__file__).parents[3] / "shared"
REAL = SHARED / "models/k210"
PHOTOGRAPHS = SHARED / "data/imagenet1000/imagenet_sample_1000.npz"
IMAGE = Range(-1.0, 1.0)
"""What pixels 0 and 255 are, as SYMMETRIC has it."""
COMPUTED = {
    "mobilenet_v1": 10, "mobilenet_v1_same": 9, "mobilenet_v2": 13, "resnet": 12, "squeezenet": 13,
    "yolo": 11, "shortcut": 8, "broad": 6,
}  # fmt: skip
"""Activations of each network that its kmodel has too, the input among them."""


def samples(x: Array, labels: Array | None = None) -> Samples:
    return Samples("x.npy", (x,), IMAGE, labels, (), np.arange(len(x)))


def compiled(graph: Graph, version: k210.Runtime) -> Kmodel:
    return k210.compile_floats(graph, images(graph, 8), IMAGE, version).network


def beside(graph: Graph, model: Kmodel, labels: Array | None = None, cuts: int = 0) -> Comparison:
    a, given = prepared(graph, "a"), samples(images(graph, 16), labels)
    return compare(a, matched(a, Chip.of(model, "b"), given), given, cuts=cuts)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_has_its_twin_and_its_scale(name: str) -> None:
    """No layer of what Ascua compiles errs by more than 8 bits do: a wrong twin would."""
    graph = NETWORKS[name]
    c = beside(graph, compiled(graph, RUNTIMES[name]), cuts=4)
    assert len(c.layers) == COMPUTED[name]
    assert {layer.name for layer in c.layers} >= {"input", *(t.name for t in graph.outputs)}
    assert min(layer.own_sqnr_db for layer in c.layers) > 35
    assert min(layer.sqnr_db for layer in c.layers) > 25
    assert c.output_sqnr_db > 30
    assert any(layer.fitted for layer in c.layers)


def test_integer_networks_have_the_same_scales() -> None:
    graph = NETWORKS["resnet"]
    ints = prepare(quantize.quantize(graph, [real(images(graph, 8), SYMMETRIC, graph)]))
    for version in (3, 4):
        c = beside(ints, k210.compile_quantized(ints, cast(k210.Runtime, version)))
        assert len(c.layers) == COMPUTED["resnet"]
        held = {t.name: t.q.scale for t in ints.tensors() if t.quant is not None}
        for layer in c.layers:
            if layer.max_steps:
                step = layer.max_error / layer.max_steps
                assert step == pytest.approx(held[layer.name], rel=0.02)
        assert min(layer.own_sqnr_db for layer in c.layers) > 35


def coarse(model: Kmodel, at: int) -> Kmodel:
    """`model` with fewer bits in the weights of the convolution `at`."""
    layer = model.layers[at]
    assert isinstance(layer, v3.K210Conv | v4.KpuConv2d)
    weights = layer.conv.weights // 32 * 32 + 16
    spoilt = replace(layer, conv=replace(layer.conv, weights=weights))
    layers = tuple(spoilt if i == at else old for i, old in enumerate(model.layers))
    return replace(model, layers=layers)


@pytest.mark.parametrize("version", [3, 4])
def test_a_layer_that_is_spoilt_is_named(version: k210.Runtime) -> None:
    graph = NETWORKS["mobilenet_v2"]
    model = compiled(graph, version)
    good, bad = (beside(graph, m, cuts=16) for m in (model, coarse(model, 2)))
    assert min(y.own_sqnr_db for y in good.layers) > 35
    worst, next_ = sorted(bad.layers, key=lambda y: y.own_sqnr_db)[:2]
    assert worst.name == "t3"
    assert worst.own_sqnr_db < next_.own_sqnr_db - 8
    found = culprit(bad)
    assert found is not None
    assert (found.layer.name, found.by) == ("t3", "noise")
    assert "its scale fitted" in verdict(bad)


def heads() -> Graph:
    """A network whose outputs are a map as a row of values, and two maps side by side."""
    net = Net((16, 16, 3), 8)
    x = net.pool(net.conv(net.input, 8), 2, 2)
    row = net.flat(net.conv(x, 6, 1, act="NONE"))
    both = net.concat(net.conv(x, 4, 1, act="NONE"), net.conv(x, 5, 3, act="NONE"))
    return net.graph(row, both)


@pytest.mark.parametrize("version", [3, 4])
def test_outputs_are_in_the_order_of_the_network(version: k210.Runtime) -> None:
    graph = heads()
    model = compiled(graph, version)
    a, given = prepared(graph, "a"), samples(images(graph, 6))
    chip = matched(a, Chip.of(model, "b"), given)
    xs = given.real(graph, 0, 6)
    expected = dict(a.walk(a.given(xs)))
    got = dict(chip.walk(chip.given(xs)))
    for t, u in zip(graph.outputs, chip.graph.outputs, strict=True):
        held = chip.integers(u)
        y = got[u] if held is None else held.real(got[u])
        wanted = expected[t].reshape(6, -1)
        assert np.corrcoef(y.reshape(-1), wanted.reshape(-1))[0, 1] > 0.999


def test_what_bytes_stand_for_is_found_beside_noise_and_clipping() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(1, 2, (4, 5000)).astype(np.float32)
    q = np.clip(np.rint(x / 0.02 + 51.3 + rng.normal(0, 6, x.shape)), 0, 255).astype(np.uint8)
    assert np.mean(q == 255) > 0.01
    found = fitted(q, x)
    assert found.fitted
    assert (found.scale, found.zero) == pytest.approx((0.02, 51.3), rel=0.02)
    dead = fitted(np.full((2, 9), 7, np.uint8), np.full((2, 9), 0.5))
    assert dead.real(np.array([7])) == pytest.approx(0.5)
    ends = np.array([[0, 255, 0, 255]], np.uint8)
    assert fitted(ends, ends / 100.0).scale == pytest.approx(0.01)
    apart = fitted(q[:, ::-1], x)
    assert apart.scale == pytest.approx(x.std() / q[(q > 0) & (q < 255)].std(), rel=0.1)


def test_scales_that_the_file_says_are_taken() -> None:
    graph = NETWORKS["mobilenet_v1"]
    for version, kind in ((3, v3.Dequantize), (4, v4.Dequantize)):
        model = compiled(graph, cast(k210.Runtime, version))
        given = samples(images(graph, 4))
        a = prepared(graph, "a")
        chip = matched(a, Chip.of(model, "b"), given)
        held = {t.name: chip.integers(t) for op in chip.graph.ops for t in op.outputs}
        said = [layer for layer in model.layers if isinstance(layer, kind)]
        for name, layer in zip(("t9", "t11"), said, strict=True):
            known = held[name]
            assert known is not None
            assert not known.fitted
            bytes_ = np.array([0, 255])
            scale, zero = (
                (layer.scale, -layer.bias / layer.scale) if isinstance(layer, v3.Dequantize)
                else (1 / layer.scale, layer.zero_point)
            )  # fmt: skip
            assert known.real(bytes_) == pytest.approx(scale * (bytes_ - zero), rel=1e-5)
        first = held["t1"]
        assert first is not None
        assert first.fitted


def test_who_wrote_what_is_read() -> None:
    model = compiled(NETWORKS["mobilenet_v2"], 4)
    sources = flow(model)
    assert sources.layers[0] == (INPUT,)
    assert len(sources.layers) == len(model.layers)
    for i, makers in enumerate(sources.layers):
        assert makers
        assert max(makers) < i
    (sum_,) = (i for i, y in enumerate(model.layers) if isinstance(y, v4.QuantizedBinary))
    assert len(sources.layers[sum_]) == 2
    assert sources.outputs == ((len(model.layers) - 1,),)


def test_the_heaviest_pairs_in_order() -> None:
    assert heaviest([]) == []
    assert heaviest([[0.0, 0.0]]) == []
    assert heaviest([[0.2, 1.9], [1.8, 0.3]]) == [(0, 1)]
    assert heaviest([[1.2, 1.9], [1.8, 1.3]]) == [(0, 0), (1, 1)]
    assert common("abcbd", "bxcd") == [(1, 0), (2, 2), (4, 3)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A float file, its kmodel, and pixels with labels."""
    folder, graph = tmp_path_factory.mktemp("kmodel"), NETWORKS["mobilenet_v1"]
    a, b = model_file(folder, graph, "a"), folder / "b.kmodel"
    b.write_bytes(kmodel.write(compiled(graph, 3)))
    x, y = images(graph, 20), np.arange(20) % 10
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", y)
    np.save(folder / "real.npy", x.astype(np.float32) / 127.5 - 1)
    return SimpleNamespace(a=a, b=b, folder=folder)


RANGE = ("--input-range", -1, 1)


def test_the_verb_takes_a_kmodel(made: SimpleNamespace) -> None:
    data = ("-d", made.folder / "x.npy", "--labels", made.folder / "y.npy", *RANGE)
    result = ascua("compare", made.a, made.b, *data)
    assert result.code == 0, result.err
    words = " ".join(result.out.split())
    assert "scale fitted, as the file of B does not say it: 5 of 10 layers" in words
    assert "Pixels are for A -1..1: as `--input-range` says." in words
    assert "Pixels are for B" not in words
    said = json.loads(ascua("compare", made.a, made.b, *data, "--json", "--cuts", 3).out)
    layers = {y["name"]: y for y in said["layers"]}
    assert sorted(n for n, y in layers.items() if y["fitted"]) == ["t1", "t2", "t3", "t5", "t6"]
    assert layers["t1"]["at_ends_b"] is not None
    assert len(said["input_ranges"]) == 1
    assert said["alone_b"][0] == "layer 5 (K210Conv)"
    to = made.folder / "report"
    assert ascua("compare", made.a, made.b, *data, "--markdown", to).code == 0
    assert (
        "Scale fitted, as the file of B does not say it: 5 of 10 layers."
        in (to / "report.md").read_text()
    )


def test_what_cannot_be_compared_is_refused_in_words(made: SimpleNamespace) -> None:
    data = ("-d", made.folder / "x.npy", *RANGE)
    refused(ascua("compare", made.b, made.a, *data), 1, "b.kmodel", "first, then the kmodel")
    refused(ascua("compare", made.b, made.b, *data), 1, "b.kmodel", "first, then the kmodel")
    refused(ascua("compare", made.a, made.b, "-d", made.folder / "x.npy"), 1, "a.tflite",
            "--input-range")  # fmt: skip
    refused(ascua("compare", made.a, made.b, "-d", made.folder / "real.npy"), 1, "real.npy",
            "b.kmodel takes bytes", "uint8")  # fmt: skip
    other = model_file(made.folder, NETWORKS["broad"], "other")
    refused(ascua("compare", other, made.b, *data), 1, "other.tflite", "nothing to compare")
    torn = made.folder / "torn.kmodel"
    torn.write_bytes(made.b.read_bytes()[:900])
    refused(ascua("compare", made.a, torn, *data), 1, "torn.kmodel")


@pytest.mark.slow
@pytest.mark.skipif(not (REAL.exists() and PHOTOGRAPHS.exists()), reason="../shared is absent")
def test_the_page_tells_where_the_file_of_nncase_loses(tmp_path: Path) -> None:
    """As docs/k210.md has it, on photographs."""
    pytest.importorskip("PIL", reason="Pillow is not installed")
    from scripts.k210 import sample

    given = sample(224)
    np.save(tmp_path / "photographs.npy", given.x)
    np.save(tmp_path / "labels.npy", given.y)
    for name in ("mbnet25.tflite", "kmodelV3"):
        (tmp_path / name).symlink_to(REAL / name)
    page = pages.DOCS / "k210.md"
    every = pages.blocks(page)
    at = next(i for i, b in enumerate(every) if b.text.startswith("ascua compare"))
    assert every[at].kind == "sh"
    pages.run_block(every[at], every[at + 1], tmp_path, page.name)


def test_a_quantised_file_says_what_pixels_are(made: SimpleNamespace) -> None:
    graph = NETWORKS["mobilenet_v1"]
    ints = quantize.quantize(graph, [real(images(graph, 8), SYMMETRIC, graph)], image=IMAGE)
    a, b = model_file(made.folder, ints, "ints"), made.folder / "ints.kmodel"
    assert ascua("compile", a, "-b", "maix-go", "-o", b).code == 0
    result = ascua("compare", a, b, "-d", made.folder / "x.npy")
    assert result.code == 0, result.err
    assert "as its input says" in result.out
    assert "same answer  100.00 %" in result.out
