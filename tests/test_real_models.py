"""Real networks through the command line: TFLM's outputs, or a reason in words."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ascua import boards
from ascua.model import load_model
from ascua.samples import sample_vectors
from tests.support import litert, reference
from tests.support import oracle as tflm_outputs
from tests.support.command import MODELS, ascua, refused
from tests.support.tools import require_board

M3 = "lm3s6965evb"
COVERED = (
    "ad", "hello_world_int8", "ic", "kws", "micro_speech_quantized", "mlonmcu_cnn_s_quantized",
    "mlperf_ic_resnet_large_int8", "mlperf_sww_streaming_wakeword_int8",
    "mltk_rock_paper_scissors", "person_detect", "seed", "seed_dyn", "tinymaix_mbnet96_0.25_q",
    "tinymaix_mnist_arduino_q", "tinymaix_mnist_dw_q", "tinymaix_mnist_rect_q", "vww",
)  # fmt: skip
UINT8 = "mobilenet_v1_0.25_128_quant"
FLOAT = ("quantise the model to int8 first", "representative data set")
REFUSED = {
    "hello_world_float": ("FULLY_CONNECTED", *FLOAT),
    "keras_lstm_mnist_ptq": ("UNIDIRECTIONAL_SEQUENCE_LSTM", "`ascua ops`"),
    "keyword_scrambled_8bit": ("and 6 more)", "`ascua ops`"),
    "mlperf_ic_resnet8_float": ("CONV_2D", *FLOAT),
    "mlperf_kws_dscnn_float32": ("dynamic-range (hybrid)", "CONV_2D", "ascua quantize"),
    "mlperf_vww_mobilenet_float": ("CONV_2D", *FLOAT),
    "mobilenet_v1_0.25_128_float": ("CONV_2D", *FLOAT),
}


def real(name: str) -> Path:
    path = MODELS / f"{name}.tflite"
    if not path.exists():
        pytest.skip(f"there is no {name}.tflite beside the repository")
    return path


def oracle(name: str) -> Any:
    return json.loads((MODELS / "expected.json").read_text())[f"{name}.tflite"]


def outputs(name: str, board: str, tmp_path: Path) -> Any:
    """Run with the fixed input; answers the object of --json. The outputs are TFLM's."""
    require_board(boards.load(board))
    path = real(name)
    result = ascua("run", path, "-b", board, "--json", "--outputs", tmp_path / "y.npy",
                   "--build-dir", tmp_path / "build")  # fmt: skip
    assert result.code == 0, result.err
    y = np.load(tmp_path / "y.npy")
    assert y.reshape(-1)[:6].tolist() == oracle(name)["first"]
    assert hashlib.sha256(y.tobytes()).hexdigest()[:16] == oracle(name)["output_sha256_16"]
    return json.loads(result.out)


@pytest.mark.parametrize("name", COVERED)
def test_outputs_are_those_of_tflm(name: str, tmp_path: Path) -> None:
    found = outputs(name, "host", tmp_path)
    assert (found["samples"], found["mismatched_bytes"]) == (1, 0)


@pytest.mark.emulator
@pytest.mark.parametrize("name", ["kws", "ic"])
def test_outputs_on_a_cortex_m3(name: str, tmp_path: Path) -> None:
    found = outputs(name, M3, tmp_path)
    planned = json.loads(ascua("analyze", real(name), "-b", M3, "--json").out)
    assert found["ram_bytes"]["arena"] == planned["ram_bytes"]["arena"]
    assert found["macs"] == planned["macs"]


@pytest.mark.train
def test_a_uint8_network_equals_litert(tmp_path: Path) -> None:
    path = real(UINT8)
    model = load_model(path)
    xs = sample_vectors(model.graph, 3)
    expected = litert(path.read_bytes(), xs)
    np.testing.assert_array_equal(reference(model.graph, xs)[0], expected[0])
    np.save(tmp_path / "x.npy", xs[0])
    result = ascua("run", path, "-b", "host", "--inputs", tmp_path / "x.npy", "--outputs",
                   tmp_path / "y.npy", "--build-dir", tmp_path / "build")  # fmt: skip
    assert result.code == 0, result.err
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), expected[0].reshape(3, 1001))


def test_a_uint8_network_too_large_for_a_board() -> None:
    refused(ascua("analyze", real(UINT8), "-b", M3), 3, "does not fit", "262,144", "CONV_2D")


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_say_why(name: str) -> None:
    path = real(name)
    refused(ascua("analyze", path), 1, str(path), "Things to try:", *REFUSED[name])


def test_too_large_for_a_board() -> None:
    words = ("does not fit", "flash", "262,144", "FULLY_CONNECTED 'Identity' 84,488")
    refused(ascua("analyze", real("ad"), "-b", M3), 3, *words)


def test_every_file_is_expected() -> None:
    found = {p.stem for p in MODELS.glob("*.tflite")}
    assert found <= {*COVERED, UINT8, *REFUSED}


@pytest.mark.parametrize("name", ["layernorm", "lstm_unroll"])
def test_floats_that_converters_left(name: str) -> None:
    path = MODELS.parent / f"cases/{name}.tflite"
    if not path.exists():
        pytest.skip("the cases are not there")
    model = load_model(path)
    assert not model.graph.tolerance
    xs = sample_vectors(model.graph)
    expected = tflm_outputs(path.read_bytes(), xs)
    for y, e in zip(reference(model.graph, xs), expected, strict=True):
        np.testing.assert_array_equal(y, e)
