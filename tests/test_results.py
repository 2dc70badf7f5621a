"""Results as values: every line says what it should, and is read and appended in one place."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ascua import results
from ascua.errors import InputError
from ascua.plan import BALANCED, GOALS
from ascua.results import (
    Agreement,
    Footprint,
    KmodelResult,
    OptimizedResult,
    Peer,
    PrunedResult,
    Quantized,
    RamBytes,
    RamResult,
    Result,
    Timing,
    ZephyrResult,
)
from ascua.results.values import DEFAULT_GOAL, Line

FOLDER = Path(__file__).parents[1] / "results"

RESULT = Result(
    schema=1, recipe="net", core="cortex-m3", key="k", accuracy_float=0.5, accuracy_int8=0.5,
    when="2026-01-01T00:00:00+00:00", commit="0", clean=True, counter="qemu plugin", board="b",
    model_sha256="m", macs=1, macs_model=1, flash_bytes=1, weights_bytes=1, code_bytes=1,
    ram_bytes=RamBytes(1, 1, 1, 3), samples=2, instructions=7.5, mismatched_bytes=0,
    accuracy=0.5, tools={"cc": "1"}, classes=("a", "b"), confusion=((1, 0), (1, 0)),
)  # fmt: skip
PEER = Peer(
    model="net", model_sha256="m", core="cortex-m3", peer="p", version="v", compiler="c",
    instructions=1, flash_bytes=1, ram_bytes=1, stack_bytes=1,
)  # fmt: skip
QUANTIZED = Quantized(
    model="net", model_sha256="m", quantizer="q", draw=1, key="k", calibration=1, samples=1,
    float_top1=0.5, int8_top1=0.5, agreement=1.0, cosine=1.0,
)  # fmt: skip
KMODEL = KmodelResult(
    model="net", version=3, model_sha256="m", key="k", commit="0", clean=True, file_bytes=1,
    main_bytes=1, kpu_lines=1, estimate_ms=1.0, frames_per_second=9.5,
    timings=(Timing("s", "net", 2.0, 1.5),),
    agreement=Agreement("f", "LiteRT", 2, 0.5, 0.5, 1.0, 1.0, 0.9, 1.0, 1.0),
)  # fmt: skip
PRUNED = PrunedResult(
    network="net", seed=1, method="l1", ratio=0.5, epochs=40, key="k", commit="0", clean=True,
    accuracy=0.75, untuned=None, parameters=10, macs=20,
)  # fmt: skip
OPTIMIZED = OptimizedResult(
    model="net", model_sha256="m", key="k", commit="0", clean=True, board="b", goal="speed",
    before=Footprint(5, 4, 3, 2, 1), after=Footprint(4, 3, 2, 1, 0), samples=2, differing=0,
)  # fmt: skip
RAM = RamResult(
    model="net", model_sha256="m", key="k", commit="0", clean=True, board="b", input="rows",
    whole_tensors=5, floor=2, balanced_bytes=4, arena_bytes=3, bound_bytes=3,
)  # fmt: skip
ZEPHYR = ZephyrResult(
    model="net", model_sha256="m", key="k", commit="0", clean=True, zephyr="3.7.1", target="t",
    goal="ram", flash_bytes=9, ram_bytes=8, arena_bytes=4, stack_bytes=1, heap_bytes=0,
    answer="ship",
)  # fmt: skip


def test_what_is_published_is_read_and_would_be_written_the_same() -> None:
    read: list[Line] = [*results.results(FOLDER), *results.peers(FOLDER)]
    read += [*results.quantized(FOLDER), *results.kmodels(FOLDER), *results.pruned(FOLDER)]
    read += [*results.published(FOLDER), *results.optimized(FOLDER)]
    read += [*results.energy(FOLDER), *results.estimates(FOLDER), *results.ram(FOLDER)]
    read += results.zephyr(FOLDER)
    lines = [line for p in FOLDER.glob("*.jsonl") for line in p.read_text().splitlines()]
    assert sorted(json.dumps(value.line()) for value in read) == sorted(lines)


def test_what_is_published_was_measured_on_unchanged_trees() -> None:
    read = [*results.results(FOLDER), *results.quantized(FOLDER), *results.kmodels(FOLDER)]
    read += [*results.pruned(FOLDER), *results.optimized(FOLDER), *results.estimates(FOLDER)]
    read += results.ram(FOLDER)
    read += [r for r in results.zephyr(FOLDER) if r.by == "ascua"]
    dirty = [r for r in read if r.clean is False or (not isinstance(r, Quantized) and not r.clean)]
    assert not dirty, "measure them again on a tree without changes in src/"


def test_every_history_is_of_a_recipe_that_has_a_row() -> None:
    recipes = {r.recipe for r in results.results(FOLDER)}
    assert {p.stem for p in FOLDER.glob("*.csv")} <= recipes


def test_values_come_back(tmp_path: Path) -> None:
    for value in (RESULT, PEER, QUANTIZED, KMODEL, PRUNED, OPTIMIZED, RAM, ZEPHYR):
        assert results.append(tmp_path, value) == (value, True)
        assert results.append(tmp_path, value) == (value, False)
    assert results.results(tmp_path) == results.results(tmp_path, "net") == [RESULT]
    assert results.peers(tmp_path) == [PEER]
    assert results.quantized(tmp_path) == [QUANTIZED]
    assert results.kmodels(tmp_path) == [KMODEL]
    assert results.pruned(tmp_path) == [PRUNED]
    assert results.optimized(tmp_path) == [OPTIMIZED]
    assert results.ram(tmp_path) == [RAM]
    assert results.zephyr(tmp_path) == [ZEPHYR]
    assert results.results(tmp_path, "other") == []


def test_the_first_line_of_an_identity_stays(tmp_path: Path) -> None:
    results.append(tmp_path, RESULT)
    assert results.append(tmp_path, replace(RESULT, when="later")) == (RESULT, False)
    assert results.append(tmp_path, replace(RESULT, key="other", when="later"))[1]
    assert [r.when for r in results.results(tmp_path)] == [RESULT.when, "later"]
    assert [r.when for r in results.newest(tmp_path)] == ["later"]
    with pytest.raises(ValueError, match="key is missing"):
        results.append(tmp_path, replace(RESULT, key=None, firmware_sha256="0"))


def test_of_each_goal_there_is_a_newest(tmp_path: Path) -> None:
    assert BALANCED.kind == DEFAULT_GOAL
    for i, goal in enumerate((*(g.kind for g in GOALS), BALANCED.kind)):
        results.append(tmp_path, replace(RESULT, key=f"{i}", goal=goal))
    assert [(r.key, r.goal) for r in results.newest(tmp_path)] == [("4", "balanced")]
    every = results.newest(tmp_path, [g.kind for g in GOALS])
    assert {(r.key, r.goal) for r in every} == {
        ("0", "speed"), ("4", "balanced"), ("2", "size"), ("3", "ram"),
    }  # fmt: skip


def test_what_a_changed_tree_gave_is_measured_anew_by_an_unchanged_one(tmp_path: Path) -> None:
    dirty = replace(RESULT, clean=False)
    results.append(tmp_path, dirty)
    found = results.results(tmp_path)
    assert results.known(found, "k", clean=False) == dirty
    assert results.known(found, "k", clean=True) is None
    assert results.known(found, "k", clean=None) is None
    assert results.append(tmp_path, RESULT) == (RESULT, True)
    found = results.results(tmp_path)
    assert results.known(found, "k", clean=True) == RESULT
    assert results.known(found, "other", clean=True) is None


def changed(**values: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda line: {**line, **values}


def without(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda line: {k: v for k, v in line.items() if k != name}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (changed(instructions="many"), "instructions: expected int, not 'many'"),
        (changed(macs=None), "macs: expected int, not None"),
        (changed(macs=1.5), "macs: expected int, not 1.5"),
        (changed(clean="no"), "clean: expected bool, not 'no'"),
        (changed(ram_bytes=5), "ram_bytes: expected a table, not 5"),
        (changed(ram_bytes={"arena": 1}), "ram_bytes: the key 'static' is missing"),
        (changed(tools={"cc": 12}), "tools: cc: expected str, not 12"),
        (changed(confusion=[[1, "x"], [0, 0]]), "confusion[0][1]: expected int, not 'x'"),
        (changed(confusion=[[1, 2, 3], [0, 0]]), "confusion: of 2 classes it has other rows"),
        (changed(schema=2), "schema: 2 is not known"),
        (changed(instrctions=1), "unknown key 'instrctions'"),
        (without("board"), "the key 'board' is missing"),
        (without("key"), "either `key` or, of an old line, `firmware_sha256` is needed"),
        (changed(firmware_sha256="0"), "either `key` or"),
    ],
)
def test_a_line_that_does_not_fit_is_named(
    change: Callable[[dict[str, Any]], dict[str, Any]], said: str, tmp_path: Path
) -> None:
    path = tmp_path / "net.jsonl"
    path.write_text("".join(json.dumps(x) + "\n" for x in (RESULT.line(), change(RESULT.line()))))
    before = path.read_text()
    for reads in (
        lambda: results.results(tmp_path),
        lambda: results.newest(tmp_path),
        lambda: results.append(tmp_path, replace(RESULT, key="new")),
    ):
        with pytest.raises(InputError) as e:
            reads()
        assert str(e.value).startswith(f"{path}, line 2: {said}"), e.value
        assert "Things to try" in str(e.value)
    assert path.read_text() == before


def test_so_are_lines_of_peers_and_of_quantisers(tmp_path: Path) -> None:
    (tmp_path / "peers.jsonl").write_text(json.dumps({**PEER.line(), "flash_bytes": "1"}) + "\n")
    with pytest.raises(InputError, match=r"peers\.jsonl, line 1: flash_bytes: expected int"):
        results.peers(tmp_path)
    line = json.dumps({**QUANTIZED.line(), "draw": 0.5})
    (tmp_path / "quantization.jsonl").write_text(f"\n{line}\n")
    with pytest.raises(InputError, match=r"quantization\.jsonl, line 2: draw: expected int"):
        results.quantized(tmp_path)
    line = json.dumps({**KMODEL.line(), "timings": [{"source": "s"}]})
    (tmp_path / "k210.jsonl").write_text(line + "\n")
    with pytest.raises(InputError, match=r"k210\.jsonl, line 1: timings\[0\]: the key 'what'"):
        results.kmodels(tmp_path)
    (tmp_path / "net.jsonl").write_text("{}\n{\n")
    with pytest.raises(InputError, match=r"net\.jsonl: not a file of results: line 2: Expecting"):
        results.results(tmp_path)


def test_no_recipe_has_the_name_of_the_other_files(tmp_path: Path) -> None:
    for name in ("peers", "k210"):
        with pytest.raises(InputError, match=f"{name}: that file of results is no recipe's"):
            results.append(tmp_path, replace(RESULT, recipe=name))
