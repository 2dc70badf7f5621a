"""Studies: the cache, the scheduler and the engines, with stages that only count."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from ascua.errors import AscuaError, InputError, ToolMissing
from ascua.study import Cache, Cell, Ended, Failure, Outcome, Processes, execute, stage, survey
from ascua.study.cache import MARK, digest
from ascua.study.stage import canonical, find
from ascua.study.storage import Folder
from ascua.study.worker import Job, carry_out
from tests.support.stub_stages import Here, add, chain, fail, parity, spin, total, use


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(str(tmp_path / "cache"))


def lines(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def outcome(key: str = "k") -> Outcome:
    return Outcome(key, "add", {"total": 1}, "d", 1.0, 1.0, "2026-11-29")


def sums(ended: list[Ended]) -> dict[str, int]:
    return {e.cell.name: e.outcomes["sum"].values["total"] for e in ended}


class TestCache:
    def test_what_was_published_comes_back(self, cache: Cache, tmp_path: Path) -> None:
        out = tmp_path / "out"
        (out / "deep").mkdir(parents=True)
        (out / "deep/x.txt").write_text("x")
        cache.publish(outcome(), out)
        assert cache.outcome("k") == outcome()
        cache.unpack("k", tmp_path / "again")
        assert (tmp_path / "again/deep/x.txt").read_text() == "x"
        assert set(cache.sizes()) == {"k"}
        cache.remove("k")
        assert cache.outcome("k") is None

    def test_the_first_one_stays(self, cache: Cache, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        cache.publish(outcome(), tmp_path / "out")
        cache.publish(replace(outcome(), seconds=9.0), tmp_path / "out")
        found = cache.outcome("k")
        assert found is not None
        assert found.seconds == 1.0

    def test_what_a_machine_left_half_written_is_made_anew(
        self, cache: Cache, tmp_path: Path
    ) -> None:
        (tmp_path / "out").mkdir()
        cache.publish(outcome(), tmp_path / "out")
        file = tmp_path / "cache/outcomes/k.zip"
        whole = file.read_bytes()
        for damaged in (
            whole[:-30],
            b"",
            whole.replace(b"total", b"tatol"),
            b"PK\x03\x04",
            whole[:80] + b"\xff" * 40 + whole[120:],
        ):
            file.write_bytes(damaged)
            assert cache.outcome("k") is None
            assert not file.exists()

    def test_files_stay_inside(self, cache: Cache, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        cache.publish(outcome(), tmp_path / "out")
        with zipfile.ZipFile(tmp_path / "cache/outcomes/k.zip", "a") as archive:
            archive.writestr("files/../../../evil.txt", "x")
        with pytest.raises(InputError, match="outside"):
            cache.unpack("k", tmp_path / "a/b")
        assert not list(tmp_path.rglob("evil.txt"))

    def test_a_keras_file_is_known_without_its_date(self, tmp_path: Path) -> None:
        for name, date, weights in (("a", "1", "w"), ("b", "2", "w"), ("c", "1", "v")):
            (tmp_path / name).mkdir()
            with zipfile.ZipFile(tmp_path / name / "model.keras", "w") as archive:
                archive.writestr("metadata.json", date)
                archive.writestr("model.weights.h5", weights)
        a, b, c = (digest(tmp_path / name) for name in "abc")
        assert a == b != c

    def test_another_version_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / MARK).write_text('{"schema": 99}')
        with pytest.raises(InputError, match="another version of Ascua") as e:
            Cache(str(tmp_path))
        assert "--cache" in e.value.things_to_try[0]

    @pytest.mark.parametrize("text", ["", "[]", "{}", "\xff"])
    def test_a_damaged_mark_is_refused(self, tmp_path: Path, text: str) -> None:
        (tmp_path / MARK).write_text(text, encoding="latin-1")
        with pytest.raises(InputError, match=r"ascua-cache\.json, is damaged"):
            Cache(str(tmp_path))

    def test_a_folder_of_something_else_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "thesis.tex").write_text("x")
        with pytest.raises(InputError, match="something else"):
            Cache(str(tmp_path))
        assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]

    def test_a_file_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "x").write_text("x")
        with pytest.raises(AscuaError):
            Cache(str(tmp_path / "x"))

    def test_many_make_it_at_once(self, tmp_path: Path) -> None:
        made: list[Cache] = []
        threads = [
            threading.Thread(target=lambda: made.append(Cache(str(tmp_path / "c"))))
            for _ in range(8)
        ]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert len(made) == 8

    def test_outcomes_beside_are_read(self, cache: Cache, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        cache.publish(outcome(), tmp_path / "out")
        assert not cache.keep("k", tmp_path / "kept", most=10)
        assert cache.keep("k", tmp_path / "kept", most=10_000)
        other = Cache(str(tmp_path / "other"), (tmp_path / "kept",))
        assert other.outcome("k") == outcome()
        assert other.sizes() == {}

    def test_fsspec(self, tmp_path: Path) -> None:
        pytest.importorskip("fsspec")
        address = f"memory://{tmp_path.name}/deep"
        (tmp_path / "out").mkdir()
        (tmp_path / "out/x.txt").write_text("x")
        cache = Cache(address)
        assert cache.outcome("k") is None
        assert cache.sizes() == {}
        cache.publish(outcome(), tmp_path / "out")
        cache.publish(replace(outcome(), seconds=9.0), tmp_path / "out")
        again = Cache(address)
        assert again.outcome("k") == outcome()
        again.unpack("k", tmp_path / "again")
        assert (tmp_path / "again/x.txt").read_text() == "x"
        assert set(again.sizes()) == {"k"}
        again.remove("k")
        again.remove("k")
        assert cache.outcome("k") is None

    def test_an_address_that_fsspec_does_not_know(self) -> None:
        pytest.importorskip("fsspec")
        with pytest.raises(InputError, match="no address that fsspec knows"):
            Cache("nowhere://x")

    def test_without_fsspec(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "fsspec", None)
        with pytest.raises(ToolMissing, match="fsspec is not installed"):
            Cache("s3://bucket/x")


class TestKeys:
    def test_settings_inputs_and_version_decide(self) -> None:
        told = {"amount": 1, "seconds": 0.0, "log": "x"}
        one = stage(add, told)
        assert one.key({}) == stage(add, dict(reversed(told.items()))).key({})
        assert one.key({}) != stage(add, {**told, "amount": 2}).key({})
        after = stage(add, told, of=one)
        assert after.key({"of": "a"}) != after.key({"of": "b"})
        assert after.definition != one.definition
        assert after.definition != stage(add, told, of=stage(add, {**told, "amount": 2})).definition

    def test_a_new_version_is_another_key(self, monkeypatch: pytest.MonkeyPatch) -> None:
        one = stage(add, {"amount": 1, "seconds": 0.0, "log": "x"})
        before, defined = one.key({}), one.definition
        newer = replace(find(one.does), version=2)
        monkeypatch.setattr("tests.support.stub_stages.add", newer)
        again = replace(one)
        assert again.key({}) != before
        assert again.definition != defined

    def test_one_text_a_value(self) -> None:
        assert canonical({"b": frozenset({"y", "x"}), "a": 1}) == '{"a":1,"b":["x","y"]}'


class TestSchedule:
    def test_each_stage_once(self, cache: Cache, tmp_path: Path) -> None:
        log, engine = tmp_path / "log", Here()
        ended = list(execute(chain(log, 4), cache, engine))
        assert sums(ended) == {f"cell{i}": total(i) for i in range(4)}
        assert len(lines(log)) == 2 + 4 + 4  # two cells share a first stage
        assert not list((tmp_path / "cache/work").iterdir())
        again = Here()
        assert sums(list(execute(chain(log, 4), cache, again))) == sums(ended)
        assert again.jobs == []

    def test_a_changed_study_does_what_changed(self, cache: Cache, tmp_path: Path) -> None:
        log = tmp_path / "log"
        list(execute(chain(log, 4), cache, Here()))
        engine = Here()
        list(execute(chain(log, 6), cache, engine))
        assert len(engine.jobs) == 1 + 2 + 2

    def test_what_comes_out_the_same_is_not_gone_on_with(
        self, cache: Cache, tmp_path: Path
    ) -> None:
        log = tmp_path / "log"

        def cell(amount: int) -> Cell:
            told = {"log": str(log)}
            first = stage(add, {"amount": amount, "seconds": 0.0, **told})
            last = stage(use, told, of=stage(parity, told, of=first))
            return Cell(str(amount), {}, {"use": last})

        list(execute([cell(2), cell(4), cell(5)], cache, Here()))
        assert Counter(line.split()[1] for line in lines(log)) == {
            "2": 1, "4": 1, "5": 1, "parity": 3, "use": 2,
        }  # fmt: skip

    def test_what_is_nearer_to_an_end_goes_first(self, cache: Cache, tmp_path: Path) -> None:
        log = tmp_path / "log"
        ended = [e.cell.name for e in execute(chain(log, 6), cache, Here())]
        assert ended[0] == "cell0"
        assert lines(log)[2].split()[1] == "100"  # the third stage of the first cell

    def test_a_failed_cell_has_a_reason(self, cache: Cache, tmp_path: Path) -> None:
        log = tmp_path / "log"
        told = {"amount": 1, "seconds": 0.0, "log": str(log)}
        bad, odd = (stage(fail, {"how": how}) for how in ("for good", "for now"))
        cells = [
            Cell("good", {}, {"sum": stage(add, told)}),
            Cell("bad", {}, {"bad": bad, "sum": stage(add, told, of=bad)}),
            Cell("odd", {}, {"odd": odd, "sum": stage(add, told, of=odd)}),
        ]
        engine = Here()
        ended = {e.cell.name: e for e in execute(cells, cache, engine)}
        assert ended["good"].failure is None
        assert ended["bad"].failure == Failure(
            "DoesNotFit", "inputs/x needs 3 bytes, and there are 2.", ("Less.",)
        )
        assert ended["bad"].final
        assert ended["bad"].where == "fail"
        assert not ended["odd"].final
        again = Here()
        found = {e.cell.name: e for e in execute(cells, cache, again)}
        assert found["bad"].failure == ended["bad"].failure
        assert len(again.jobs) == 1  # only what may change is tried again

    def test_a_missing_tool_is_a_failure(
        self, cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def reads(_: object) -> object:
            raise ToolMissing("No compiler.", ["Install one."])

        monkeypatch.setattr("tests.support.stub_stages.add", replace(find(ADD), reads=reads))
        ended = list(execute(chain(tmp_path / "log", 2), cache, Here()))
        assert [e.failure and e.failure.what for e in ended] == ["No compiler."] * 2
        assert not any(e.final for e in ended)

    def test_survey_carries_nothing_out(self, cache: Cache, tmp_path: Path) -> None:
        log = tmp_path / "log"
        cells = chain(log, 4)
        assert survey(cells, cache) == {}
        list(execute(cells[:2], cache, Here()))
        assert len(survey(cells, cache)) == 1 + 2 + 2
        assert len(lines(log)) == 5

    def test_a_full_disk_is_told_and_tried_again(
        self, cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device", "x")

        with monkeypatch.context() as m:
            m.setattr("ascua.study.storage.shutil.copyfile", full)
            ended = list(execute(chain(tmp_path / "log", 1), cache, Here()))
        assert ended[0].failure is not None
        assert "No space left" in ended[0].failure.what
        assert not ended[0].final
        assert cache.sizes() == {}
        assert sums(list(execute(chain(tmp_path / "log", 1), cache, Here()))) == {"cell0": total(0)}

    def test_a_lost_outcome_is_told(self, cache: Cache, tmp_path: Path) -> None:
        ended = list(execute(chain(tmp_path / "log", 1), cache, Here(lambda _: None)))
        assert ended[0].failure is not None
        assert ended[0].failure.kind == "Lost"

    def test_a_machine_with_other_tools_is_refused(self, cache: Cache) -> None:
        told = canonical({"n": 1, "cpu": 0.0})
        failure = carry_out(Job(f"{spin.call.__module__}:spin", told, "0" * 64, {}, cache.address))
        assert failure is not None
        assert "other versions" in failure.what


ADD = f"{add.call.__module__}:add"


class TestProcesses:
    def test_a_process_a_stage(self, cache: Cache, tmp_path: Path) -> None:
        log = tmp_path / "log"
        with closing(Processes(cache, 2)) as engine:
            ended = list(execute(chain(log, 2, depth=2), cache, engine))
        assert sums(ended) == {f"cell{i}": total(i, 2) for i in range(2)}
        pids = [line.split()[0] for line in lines(log)]
        assert len(set(pids)) == len(pids) == 3
        assert str(os.getpid()) not in pids

    def test_one_that_dies_is_begun_again_and_given_up(self, cache: Cache) -> None:
        cells = [Cell("dead", {}, {"x": stage(fail, {"how": "die"})}),
                 Cell("fault", {}, {"x": stage(fail, {"how": "fault"})})]  # fmt: skip
        with closing(Processes(cache, 2)) as engine:
            ended = {e.cell.name: e.failure for e in execute(cells, cache, engine)}
        assert ended["dead"] is not None
        assert "SIGKILL) 3 times" in ended["dead"].what
        assert ended["fault"] is not None
        assert ended["fault"].kind == "Crashed"
        assert "a fault of ours" in ended["fault"].what

    def test_killed_workers(self, cache: Cache, tmp_path: Path) -> None:
        """Each worker is killed once in mid-run: nothing is lost, nothing counted twice."""
        log = tmp_path / "log"
        killed: set[str] = set()

        def kill(stop: threading.Event) -> None:
            while not stop.wait(0.05):
                for pid, key in workers(tmp_path / "cache"):
                    if key not in killed and len(killed) < 3:
                        time.sleep(0.3)
                        os.kill(pid, signal.SIGKILL)
                        killed.add(key)

        stop = threading.Event()
        killer = threading.Thread(target=kill, args=(stop,))
        killer.start()
        try:
            with closing(Processes(cache, 2)) as engine:
                ended = list(execute(chain(log, 2, seconds=0.8, depth=2), cache, engine))
        finally:
            stop.set()
            killer.join()
        assert len(killed) == 3
        assert sums(ended) == {f"cell{i}": total(i, 2) for i in range(2)}
        assert len(cache.sizes()) == 3

    def test_a_killed_study_goes_on(self, tmp_path: Path) -> None:
        killed_studies(tmp_path, moments=[1.5, 2.2], cells=2, seconds=0.6)

    @pytest.mark.slow
    @pytest.mark.timeout(1800)
    def test_fifty_killings(self, tmp_path: Path) -> None:
        rng = random.Random(24)
        moments = [rng.uniform(0.3, 4.0) for _ in range(50)]
        killed_studies(tmp_path, moments, cells=24, seconds=1.0)


def workers(cache: Path) -> list[tuple[int, str]]:
    """The processes that work in a folder of `cache` just now, and at which key."""
    found = []
    for work in cache.glob("work/*/out"):
        for fd in Path("/proc").glob("[0-9]*/fd/*"):
            try:
                if str(fd.readlink()) == str(work.parent) and int(fd.parts[2]) != os.getpid():
                    found.append((int(fd.parts[2]), work.parent.name))
            except OSError:
                continue
    return found


PROGRAM = """
import sys
from pathlib import Path
from ascua.study import Cache, Processes, execute
from tests.support.stub_stages import chain
folder, cells, seconds = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
cache = Cache(str(folder / "cache"))
engine = Processes(cache, 2)
for ended in execute(chain(folder / "log", cells, seconds=seconds), cache, engine):
    assert ended.failure is None, ended
    print(ended.cell.name, ended.outcomes["sum"].values["total"], flush=True)
engine.close()
"""


def killed_studies(folder: Path, moments: list[float], cells: int, seconds: float) -> None:
    """A study that is killed -9 after so many seconds, again and again; then it may end."""
    arguments = [sys.executable, "-c", PROGRAM, str(folder), str(cells), str(seconds)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    rng = random.Random(1)
    for moment in moments:
        process = subprocess.Popen(
            arguments, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(moment)
        alive = workers(folder / "cache")
        if alive and rng.random() < 0.5:  # a worker alone, and then all
            os.kill(rng.choice(alive)[0], signal.SIGKILL)
            time.sleep(0.2)
        process.kill()
        process.wait()
        for file in (folder / "cache/outcomes").glob("*.zip"):
            assert zipfile.ZipFile(file).testzip() is None
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True)
    found = dict(line.split() for line in done.stdout.splitlines())
    assert found == {f"cell{i}": str(total(i)) for i in range(cells)}
    assert len(list((folder / "cache/outcomes").glob("*.zip"))) == (cells + 1) // 2 + 2 * cells
    assert not list((folder / "cache/work").iterdir())
    for file in (folder / "cache/outcomes").glob("*.zip"):
        with zipfile.ZipFile(file) as archive:
            told = json.loads(archive.read("outcome.json"))
            assert int(archive.read("files/sum.txt")) == told["values"]["total"]


class TestTwoAtOnce:
    def test_one_cache_two_studies(self, tmp_path: Path) -> None:
        """Two processes that want the same at once: each stage is carried out once."""
        arguments = [sys.executable, "-c", PROGRAM, str(tmp_path), "2", "0.2"]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        both = [
            subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        answers = [p.communicate()[0] for p in both]
        assert [sorted(a.splitlines()) for a in answers] == [
            [f"cell{i} {total(i)}" for i in range(2)]
        ] * 2
        assert len(lines(tmp_path / "log")) == 1 + 2 + 2


def test_a_folder_keeps_the_first(tmp_path: Path) -> None:
    store = Folder(tmp_path / "s")
    for text in ("a", "b"):
        (tmp_path / "x").write_text(text)
        store.put("deep/x", tmp_path / "x")
    assert store.read("deep/x") == b"a"
    assert store.sizes("deep") == {"x": 1}
    assert store.sizes("nothing") == {}
    assert store.read("y") is None
