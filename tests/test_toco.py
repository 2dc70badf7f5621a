"""The flags of TensorFlow 1's converters: each is done, or refused with what is said today."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ascua import tflite
from ascua.cli.toco import GONE, OPTIONS
from ascua.ir import Graph
from ascua.passes import prepare
from ascua.quantize.floats import evaluated
from tests.support.command import Result, ascua, refused
from tests.test_convert import frozen

pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore:.*__array__ implementation.*:DeprecationWarning"),
]
UINT8 = ("--inference_type=QUANTIZED_UINT8", "--input_arrays=image", "--mean_values=128",
         "--std_dev_values=127")  # fmt: skip
RANGES = ("--default_ranges_min=0", "--default_ranges_max=6")


def flags(folder: Path, *more: str, verb: str = "tflite_convert", **how: Any) -> Result:
    """The verb on a frozen graph; it writes out.tflite."""
    graph = frozen(folder, **how)
    out = folder / "out.tflite"
    return ascua(verb, f"--graph_def_file={graph}", f"--output_file={out}", *more)


def made(folder: Path, *more: str, **how: Any) -> Graph:
    """The network that it writes."""
    result = flags(folder, *more, **how)
    assert result.code == 0, result.err
    return tflite.load(folder / "out.tflite")


@pytest.mark.parametrize("verb", ["toco", "tflite_convert"])
def test_both_names(verb: str, tmp_path: Path) -> None:
    result = flags(tmp_path, verb=verb)
    assert result.code == 0, result.err
    assert "out.tflite: " in result.out
    assert [op.tflite for op in tflite.load(tmp_path / "out.tflite").ops] == ["CONV_2D", "MEAN"]


def test_ends_and_shapes(tmp_path: Path) -> None:
    graph = made(tmp_path, "--input_arrays=image", "--output_arrays=middle",
                 "--input_shapes=1,5,4,2", shape=(None, None, None, 2))  # fmt: skip
    assert graph.inputs[0].shape == (1, 5, 4, 2)
    assert [op.tflite for op in graph.ops] == ["CONV_2D"]
    refused(flags(tmp_path, "--input_shapes=1,4,4,2"), 1, "1 shapes for 0 inputs", "--input_arrays")


def test_bytes_stand_for_real_values(tmp_path: Path) -> None:
    """real = (q - mean) / std, and every other array has the range that is said."""
    graph = made(tmp_path, *UINT8, *RANGES)
    (x,), (y,) = graph.inputs, graph.outputs
    assert x.dtype == y.dtype == "uint8"
    assert x.q.scale == np.float32(1 / 127)
    assert x.q.zero_point == 128
    assert y.q.scale == np.float32(6 / 255)
    assert y.q.zero_point == 0
    prepare(graph)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (UINT8[:2], ["input 'image'", "--mean_values=128"]),
        (UINT8[:3], ["input 'image'", "real = (byte - mean) / std"]),
        ((*UINT8[:2], "--mean_values=1,2", UINT8[3]), ["2 numbers for 1 inputs"]),
        ((*UINT8[:2], "--mean_values=x", UINT8[3]), ["--mean_values x", "not numbers"]),
        (UINT8[1:], ["a float network has no use", "QUANTIZED_UINT8"]),
        (RANGES, ["a float network has no use"]),
        ((*UINT8, RANGES[0]), ["not a range"]),
        ((*UINT8, "--default_ranges_min=6", "--default_ranges_max=0"), ["not a range"]),
        (UINT8, ["--default_ranges_min=0", "ascua quantize"]),
        ((*UINT8, *RANGES, "--post_training_quantize"), ["Leave out one"]),
    ],
)
def test_what_does_not_go_together(
    more: tuple[str, ...], words: list[str], tmp_path: Path
) -> None:  # fmt: skip
    refused(flags(tmp_path, *more), 1, *words)
    assert not (tmp_path / "out.tflite").exists()


def test_float_arithmetic_on_bytes(tmp_path: Path) -> None:
    graph = made(tmp_path, "--inference_input_type=QUANTIZED_UINT8", *UINT8[1:])
    assert graph.inputs[0].dtype == "uint8"
    assert graph.outputs[0].dtype == "float32"


def test_weights_alone(tmp_path: Path) -> None:
    """A dynamic-range file is what it is called, and the road from it."""
    result = flags(tmp_path, "--post_training_quantize", shape=(None, 4, 4, 2), wide=True)
    assert result.code == 0, result.err
    refused(
        ascua("analyze", tmp_path / "out.tflite"), 1, "dynamic-range (hybrid)", "ascua quantize"
    )


def test_operators_that_tflite_has_not(tmp_path: Path) -> None:
    refused(flags(tmp_path, odd=True), 1, "no TFLite form of Erfinv")
    result = flags(tmp_path, "--allow_custom_ops", odd=True)
    assert result.code == 0, result.err
    refused(ascua("analyze", tmp_path / "out.tflite"), 1, "custom operator")


@pytest.mark.parametrize("said", ["--drop_control_dependency", "--drop_control_dependency=true"])
def test_control_dependencies(said: str, tmp_path: Path) -> None:
    assert len(made(tmp_path, said).ops) == 2


def test_a_drawing(tmp_path: Path) -> None:
    out = tmp_path / "net.dot"
    result = ascua("toco", f"--input_file={frozen(tmp_path)}", f"--output_file={out}",
                   "--output_format=GRAPHVIZ_DOT")  # fmt: skip
    assert result.code == 0, result.err
    assert out.read_text().startswith("digraph")


@pytest.mark.parametrize("flag", GONE)
def test_flags_that_are_gone(flag: str, tmp_path: Path) -> None:
    refused(flags(tmp_path, f"--{flag}=x"), 1, f"--{flag}: it is not taken", GONE[flag])
    refused(flags(tmp_path, f"--{flag}"), 1, f"Leave out `--{flag}`")


def test_other_sources(tmp_path: Path) -> None:
    import keras

    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((4, 4, 2)), keras.layers.Conv2D(3, 3)])
    model.save(tmp_path / "net.h5")
    model.export(tmp_path / "served", verbose=False)
    sources = {
        "a.tflite": (f"--keras_model_file={tmp_path / 'net.h5'}",),
        "b.tflite": (f"--saved_model_dir={tmp_path / 'served'}",
                     "--saved_model_signature_key=serving_default"),
    }  # fmt: skip
    x = np.random.default_rng(1).normal(0, 1, (2, 1, 4, 4, 2)).astype(np.float32)
    expected = model.predict(x[:, 0], verbose=0)
    for name, source in sources.items():
        result = ascua("tflite_convert", *source, f"--output_file={tmp_path / name}")
        assert result.code == 0, result.err
        (y,) = evaluated(tflite.load(tmp_path / name), [x])
        np.testing.assert_allclose(y[:, 0], expected, rtol=1e-4, atol=1e-5)
    both = (*sources["a.tflite"], *sources["b.tflite"][:1])
    refused(ascua("toco", *both, f"--output_file={tmp_path / 'c.tflite'}"), 1, "one network is")
    refused(ascua("toco", f"--output_file={tmp_path / 'c.tflite'}"), 1, "--graph_def_file")


def test_every_flag_has_a_test() -> None:
    import click

    @click.command()
    def verb(**_: Any) -> None: ...

    for option in OPTIONS:
        option(verb)
    names = {p.opts[0] for p in verb.params if not p.hidden}  # type: ignore[attr-defined]
    given = set(re.findall(r"--\w+", Path(__file__).read_text(encoding="utf-8")))
    assert names <= given
