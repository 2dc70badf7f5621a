"""Lines of results: appended once each, by however many processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ascua.errors import InputError
from ascua.files import lines
from tests.support.spared import everything

ROOT = Path(__file__).parents[1]


def test_a_line_is_appended_once(tmp_path: Path) -> None:
    path = tmp_path / "new/results.jsonl"
    assert lines.read(path) == []
    assert lines.append(path, {"a": 1, "b": (1, 2)}, ("a",)) == ({"a": 1, "b": [1, 2]}, True)
    assert lines.append(path, {"a": 1, "b": 3}, ("a",)) == ({"a": 1, "b": [1, 2]}, False)
    assert lines.append(path, {"a": 1, "b": 3}, ("a", "b"))[1]
    assert lines.append(path, {"b": 3}, ("a",))[1]
    assert path.read_text().count("\n") == len(lines.read(path)) == 3
    assert lines.find(path, {"b": 3}) == {"a": 1, "b": 3}
    assert lines.find(path, {"a": 2}) is None
    path.write_text(path.read_text().rstrip())  # as an editor may leave it
    assert lines.append(path, {"a": 4}, ("a",))[1]
    assert [line.get("a") for line in lines.read(path)] == [1, 1, None, 4]


@pytest.mark.parametrize("text", ["no JSON\n", "1\n", "[]\n", '{"a": 1}\n"b"\n', "[" * 10**5])
def test_a_file_of_somebody_elses_is_not_touched(text: str, tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    path.write_text(text)
    before = everything(tmp_path)
    with pytest.raises(InputError, match=r"results.jsonl: not a file of results: line [12]"):
        lines.append(path, {"a": 1}, ("a",))
    assert everything(tmp_path) == before


def test_processes_at_once_append_each_line_once(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    script = f"""
import sys, time
from pathlib import Path
from ascua.files import lines
here = Path({str(tmp_path)!r})
(here / sys.argv[1]).touch()
while len(list(here.glob("[0-2]"))) < 3:
    time.sleep(0.001)
for i in range(100):
    lines.append(here / "results.jsonl", {{"n": i, "by": sys.argv[1]}}, ("n",))
"""
    running = [subprocess.Popen([sys.executable, "-c", script, str(i)]) for i in range(3)]
    assert [p.wait() for p in running] == [0, 0, 0]
    assert sorted(line["n"] for line in lines.read(path)) == list(range(100))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0", "1", "2", "results.jsonl"]


def test_two_measurements_at_once_are_one_line(tmp_path: Path) -> None:
    """Both measure; the second takes the line of the first."""
    script = f"""
import json, sys, time
from pathlib import Path
from ascua import bench, boards, measure
from ascua.model import load_model
from ascua.samples import sample_vectors
here = Path({str(tmp_path)!r})
model = load_model(Path("tests/golden/small/model.tflite"))
xs = sample_vectors(model.graph, 1)
case = bench.Case("small", model, boards.load("host"), xs, history="epoch,loss\\n1,2\\n")
run = measure.run_model
def together(*given, **named):
    (here / sys.argv[1]).touch()
    while len(list(here.glob("[ab]"))) < 2:
        time.sleep(0.01)
    return run(*given, **named)
measure.run_model = together
result, fresh = bench.measure_case(case, here / "results", here / "firmware")
print(json.dumps([result.line(), fresh]))
"""
    running = [
        subprocess.Popen([sys.executable, "-c", script, name], stdout=subprocess.PIPE, cwd=ROOT)
        for name in "ab"
    ]
    told = [json.loads(p.communicate()[0]) for p in running]
    assert sorted(fresh for _, fresh in told) == [False, True]
    assert told[0][0] == told[1][0]
    assert lines.read(tmp_path / "results/small.jsonl") == [told[0][0]]
    assert (tmp_path / "results/small.csv").read_text() == "epoch,loss\n1,2\n"
