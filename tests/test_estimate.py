"""Time and energy: by hand, against what others measured, and nothing without a source."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from statistics import mean

import pytest

from ascua import boards, results
from ascua.errors import InputError
from ascua.estimate import estimate, seconds
from scripts import energy_tables as tables
from tests.support.command import ascua, model_file, refused
from tests.support.compilers import COMPILERS
from tests.support.examples import small
from tests.support.tools import require_board

ROOT = Path(__file__).parents[1]
MEASURED = ROOT / "results"
STAND_INS = [n for n in boards.names("c") if boards.load(n).counts_on]
WITH_ENERGY = [n for n in boards.names("c") if boards.load(n).energy]
BY_MEASUREMENT = {
    "stm32l4r5": ("1.2", "NUCLEO_L4R5ZI"),
    "stm32h7a3": ("1.2", "NUCLEO_H7A3ZI_Q"),
    "stm32u585": ("1.3", "NUCLEO_U575ZI_Q"),
    "stm32u385": ("1.3", "NUCLEO_U385RG_Q"),
}
"""Boards whose energy was measured by ST, the round and the system."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_file(tmp_path_factory.mktemp("model"), small())


def test_by_hand() -> None:
    found = estimate(boards.load("stm32u585"), 1e6, 1.0)
    assert found is not None
    assert found.uj is not None
    assert found.average_uw is not None
    assert found.ms.value == pytest.approx(1e6 * 1.29 / 160e6 * 1e3)  # cycles, factor, clock
    assert found.uj.value == pytest.approx(1e6 * 1.29 * 146.2e-6)
    asleep = 16.1 * (1 - found.ms.value / 1e3)
    assert found.average_uw.value == pytest.approx(found.uj.value + asleep)
    assert found.ms.error == (-0.18, 0.20)
    assert found.uj.error == pytest.approx((0.82 * 0.96 - 1, 1.20 * 1.03 - 1))


def test_what_no_source_tells_is_not_told() -> None:
    m3 = estimate(boards.load("lm3s6965evb"), 5e6, 1.0)
    assert m3 is not None
    assert m3.ms.value == pytest.approx(100)
    assert (m3.ms.error, m3.uj, m3.average_uw) == (None, None, None)
    assert "model cycles" in m3.ms.source
    bound = estimate(boards.load("xilinx-zynq-a9"), 6.5e5)
    assert bound is not None
    assert bound.ms.source.startswith("at least")
    assert bound.ms.error is None
    assert estimate(boards.load("host"), 5e6) is None
    assert estimate(boards.load("stm32u585"), None) is None


def test_a_meter_takes_the_place_of_the_constant() -> None:
    meter = boards.Meter(ma=8.0, volts=3.0, mhz=80.0, sleep_ua=2.0)
    found = estimate(replace(boards.load("stm32l4r5"), meter=meter), 1e6, 10.0)
    assert found is not None
    assert found.uj is not None
    assert found.average_uw is not None
    assert found.uj.value == pytest.approx(1e6 * 1.29 * 8.0 * 3.0 / 80e6 * 1e3)
    assert "your meter: 8 mA at 3 V and 80 MHz" in found.uj.source
    assert found.uj.error is None
    assert "2 µA at 3 V" in found.average_uw.source


@pytest.mark.parametrize(
    ("text", "value"), [("1s", 1.0), ("500ms", 0.5), ("5min", 300.0), ("1h", 3600.0), ("2", 2.0)]
)
def test_periods(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "soon", "0s", "-1s", "5 days", "nan", "inf"])
def test_wrong_periods(text: str, model: Path) -> None:
    result = ascua("analyze", model, "-b", "stm32u585", f"--period={text}")
    refused(result, 1, "--period", "not a time", "500ms")


def test_a_period_that_is_too_short(model: Path) -> None:
    result = ascua("analyze", model, "-b", "stm32u585", "--period", "0.001ms")
    refused(result, 1, "--period", "an inference takes an estimated", "A longer period")
    refused(ascua("analyze", model, "--period", "1s"), 1, "--period: on which board?")
    refused(ascua("analyze", model, "-b", "host", "--period", "1s"), 1, "host", "docs/energy.md")


@pytest.mark.parametrize("name", BY_MEASUREMENT)
def test_constants_are_means_of_what_was_measured(name: str) -> None:
    round_, system = BY_MEASUREMENT[name]
    found = tables.by_group(MEASURED)[round_, "STMicroelectronics", system]
    energy = boards.load(name).energy
    assert energy is not None
    assert energy.error is not None
    assert len(found) == 4
    assert energy.pj_per_cycle == pytest.approx(mean(r.pj_per_cycle for r in found), abs=0.06)
    errors = [tables.without(r, found) for r in found]
    assert energy.error[0] - 0.001 <= min(errors) < energy.error[0] + 0.01
    assert energy.error[1] - 0.01 < max(errors) <= energy.error[1] + 0.001
    assert f"MLPerf Tiny {round_}" in energy.source


def test_the_factor_of_chips_is_of_what_was_counted() -> None:
    factors = tables.factors(MEASURED)
    assert set(factors) == {"ic", "kws", "vww", "ad"}
    m4 = boards.load_core("cortex-m4", "").timing
    assert m4 is not None
    assert m4.chips is not None
    assert m4.chips.factor == pytest.approx(mean(factors.values()), abs=0.005)
    errors = [mean(g for m, g in factors.items() if m != n) / f - 1 for n, f in factors.items()]
    assert m4.chips.error == pytest.approx((min(errors), max(errors)), abs=0.01)
    for name in ("cortex-m33", "cortex-m7"):
        fitted = boards.load_core(name, "").timing
        assert fitted is not None
        assert fitted.chips is not None
        least, assumed, most = fitted.factor
        assert fitted.chips.factor == m4.chips.factor
        worst = (1 + min(errors)) * assumed / most - 1, (1 + max(errors)) * assumed / least - 1
        assert fitted.chips.error == pytest.approx(worst, abs=0.01)


def test_the_error_of_the_method() -> None:
    """As others found with the same measurements: 4.1 % in the mean."""
    errors = tables.errors(MEASURED)
    assert len(errors) == 82
    assert len(tables.by_group(MEASURED)) == 21
    assert mean(map(abs, errors)) == pytest.approx(0.041, abs=0.0005)


@pytest.mark.parametrize("name", STAND_INS)
def test_libraries_compile_with_the_flags_of_their_board(
    name: str, model: Path, tmp_path: Path
) -> None:
    board = boards.load(name)
    arm = COMPILERS["arm"]
    arm.require()
    cc = replace(arm, flags=(*board.flags, "--specs=picolibc.specs"))
    assert ascua("compile", model, "-b", name, "-o", tmp_path / "lib").code == 0
    cc.compile(tmp_path / "lib", "-O2")


@pytest.mark.parametrize("name", STAND_INS)
def test_a_board_that_is_not_emulated_is_counted_on_another(
    name: str, model: Path, tmp_path: Path
) -> None:
    board = boards.load(name)
    stand_in = boards.load(board.counts_on)
    assert board.core.name == stand_in.core.name or name == "rp2040"
    require_board(stand_in)
    said = json.loads(
        ascua("run", model, "-b", name, "--build-dir", tmp_path, "--period", "1s", "--json").out
    )
    assert (said["board"], said["counted_on"]) == (name, stand_in.name)
    assert (said["mismatched_bytes"], said["samples"]) == (0, 1)
    assert said["instructions"] > 0
    assert said["estimate"]["ms"]["value"] > 0
    assert (said["estimate"]["uj"] is None) == (board.energy is None)
    assert_sources(said["estimate"])
    other = json.loads(
        ascua("run", model, "-b", stand_in.name, "--build-dir", tmp_path, "--json").out
    )
    assert other["instructions"] == said["instructions"]
    assert other["counted_on"] is None


def assert_sources(found: object) -> None:
    """Each figure in it has a source and an error, or says that none is known."""
    if isinstance(found, dict):
        if "value" in found:
            assert set(found) == {"value", "error", "source"}
            assert len(found["source"]) > 20
        for value in found.values():
            assert_sources(value)


def test_what_is_printed(model: Path, tmp_path: Path) -> None:
    require_board(boards.load("mps2-an505"))
    result = ascua("run", model, "-b", "stm32u585", "--build-dir", tmp_path, "--period", "1s")
    assert result.code == 0, result.err
    told = " ".join(result.out.split())
    for words in (
        "counted on mps2-an505, emulated: stm32u585 is not", "ms (estimate; -18 to +20 %",
        "µJ (estimate; -21 to +24 %", "MLPerf Tiny 1.3", "power, one in 1 s",
    ):  # fmt: skip
        assert words in told
    told = ascua("analyze", model, "-b", "stm32f446").out
    assert "ms (estimate)" in told
    assert "no source tells what a cycle takes on this board" in told
    assert "µJ" not in told


def test_what_does_not_fit_the_real_flash(model: Path, tmp_path: Path) -> None:
    require_board(boards.load("mps2-an386"))
    text = (boards.FOLDER / "stm32l476.toml").read_text(encoding="utf-8")
    small_one = tmp_path / "tiny.toml"
    small_one.write_text(text.replace("bytes = 0x100000", "bytes = 0x600"), encoding="utf-8")
    result = ascua("run", model, "-b", small_one, "--build-dir", tmp_path)
    refused(result, 3, "does not fit", "flash")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("[meter]\nma = 3\nvolts = 3\n", ["meter", "mhz"]),
        ("[meter]\nma = 3\nvolts = 3\nmhz = 0\n", ["meter: mhz is a positive number"]),
        ("[meter]\nma = nan\nvolts = 3\nmhz = 1\n", ["meter: ma is a positive number"]),
        ("[meter]\nma = 3\nvolts = 3\nmhz = 1\nsleep_ua = -1\n", ["sleep_ua"]),
        ("[sleep]\nmicrowatts = -1\nsource = 'x'\n", ["sleep: microwatts"]),
        ("[energy]\npj_per_cycle = 0\nsource = 'x'\n", ["energy: pj_per_cycle"]),
        ("[energy]\npj_per_cycle = 9\n", ["energy", "source"]),
        ("[energy]\npj_per_cycle = 9\nsource = 'x'\nerror = [0.2, 0.1]\n", ["energy: error"]),
    ],
)
def test_wrong_board_files(more: str, words: list[str], model: Path, tmp_path: Path) -> None:
    text = (boards.FOLDER / "stm32l476.toml").read_text(encoding="utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(f"{text}\n{more}", encoding="utf-8")
    refused(ascua("analyze", model, "-b", path), 1, "mine.toml", *words)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('counts_on = "mps2-an386"', 'counts_on = "mps2-an38"', "is no board"),
        ('counts_on = "mps2-an386"', 'counts_on = "mps2-an386"\nrunner = "host"', "counts_on"),
    ],
)
def test_wrong_stand_ins(old: str, new: str, words: str, model: Path, tmp_path: Path) -> None:
    text = (boards.FOLDER / "stm32l476.toml").read_text(encoding="utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    refused(ascua("analyze", model, "-b", path), 1, "mine.toml", words)


def test_pruning_until_an_energy() -> None:
    from ascua.pruning import Limits, Needs, check_board, limits

    assert limits("uj=300,flash=1KB") == Limits(flash=1024, uj=300)
    assert Limits(uj=300).unmet(Needs(1, 1, 1, 300.4)) == ("uj",)
    assert Limits(uj=300).unmet(Needs(1, 1, 1, 299.0)) == ()
    for wrong in ("uj=3KB", "uj=0", "uj=much"):
        with pytest.raises(InputError, match="is no limit"):
            limits(wrong)
    with pytest.raises(InputError, match=r"(?s)no source tells.*meter"):
        check_board(boards.load("stm32f446"), Limits(uj=300))
    check_board(boards.load("stm32u585"), Limits(uj=300))


def test_no_figure_without_a_source() -> None:
    """Energy and power stand where a source is named; elsewhere there are none."""
    for name in boards.names():
        board = boards.load(name)
        for told in (board.energy, board.sleep):
            assert told is None or len(told.source) > 20, name
    figure = re.compile(r"\d\s?(?:µJ|mJ|pJ|µW|mW)\b")
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        text = path.read_text(encoding="utf-8")
        if path.name != "energy.md" and figure.search(text):
            assert "energy.md" in text, path
    for e in results.estimates(MEASURED):
        assert e.board in WITH_ENERGY
