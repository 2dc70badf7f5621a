"""`ascua` as a process: interrupts, pipes, a full stdout, and an installation without extras."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ascua import boards
from tests.support.command import PROGRAM, Result, model_file, process
from tests.support.examples import small
from tests.support.tools import require_board

M3 = "lm3s6965evb"
BLOCKED = """
import sys
for name in ("tensorflow", "keras", "sklearn", "tflite_micro"):
    sys.modules[name] = None
from ascua.cli import main
main()
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_file(tmp_path_factory.mktemp("model"), small())


def without_extras(*arguments: object, cwd: Path) -> Result:
    """The command where no optional package can be imported."""
    command = [sys.executable, "-c", BLOCKED, *(str(a) for a in arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd)
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    "arguments",
    [("ops",), ("boards",), ("doctor",), ("analyze", "MODEL", "-b", M3, "--json"),
     ("compile", "MODEL", "-b", M3, "-o", "lib")],
)  # fmt: skip
def test_compiling_needs_no_extra(arguments: tuple[str, ...], model: Path, tmp_path: Path) -> None:
    given = [str(model) if a == "MODEL" else a for a in arguments]
    result = without_extras(*given, cwd=tmp_path)
    assert (result.code, result.err) == (0, "")
    assert result.out
    if arguments[0] == "doctor":
        assert "pip install '.[train]'" in result.out


def test_validating_without_the_oracle_is_no_pass(model: Path, tmp_path: Path) -> None:
    require_board(boards.load("host"))
    result = without_extras("validate", model, "-b", "host", "--json", cwd=tmp_path)
    assert result.code == 2
    assert "that is no proof" in result.err
    printed = json.loads(result.out)
    assert printed["oracle"] is None
    found = {e["executor"]: e for e in printed["executors"]}
    assert (found["host"]["against"], found["host"]["mismatched_bytes"]) == ("reference", 0)
    assert "pip install tflite-micro" in found["tflite-micro"]["note"]


@pytest.mark.parametrize("arguments", [("train", "digits-dscnn"), ("demo",)])
def test_training_says_which_extra_it_needs(arguments: tuple[str, ...], tmp_path: Path) -> None:
    result = without_extras(*arguments, cwd=tmp_path)
    assert result.code == 2, result.err
    assert "`pip install '.[train]'`" in result.err
    assert "Traceback" not in result.err
    assert list(tmp_path.iterdir()) == []


def programs(folder: Path) -> list[str]:
    """What runs in `folder` or below it."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                where, command = (entry / "cwd").readlink(), (entry / "cmdline").read_text()
            except OSError:
                continue
            found += [command.partition("\0")[0]] if where.is_relative_to(folder) else []
    return found


def wait(condition: Callable[[], bool]) -> bool:
    """Whether the condition comes true within a minute."""
    end = time.monotonic() + 60
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def all_ended(folder: Path) -> bool:
    """Whether nothing runs in `folder` any more; what was told to stop may take a moment."""
    return wait(lambda: not programs(folder))


def stopped(command: list[str], folder: Path, what: signal.Signals, program: str) -> Result:
    """Start the command, wait until it runs that program in `folder`, and stop it."""
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/",
        env={**os.environ, "TMPDIR": str(folder.parent / "tmp")},
    )  # fmt: skip
    wait(lambda: any(program in p for p in programs(folder)) or child.poll() is not None)
    child.send_signal(what)
    out, err = child.communicate(timeout=60)
    return Result(child.returncode, out, err)


@pytest.mark.emulator
@pytest.mark.parametrize("program", ["arm-none-eabi-gcc", "qemu-system-arm"])
@pytest.mark.parametrize(("what", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopping_a_run_leaves_nothing(
    what: signal.Signals, code: int, program: str, model: Path, tmp_path: Path
) -> None:
    require_board(boards.load(M3))
    folder = tmp_path.resolve()
    np.save(folder / "x.npy", np.zeros((20_000, 9, 9, 3), np.int8))
    (folder / "tmp").mkdir()
    build = str(folder / "build")
    command = [*PROGRAM, "run", str(model), "-b", M3, "--build-dir", build, "--inputs",
               str(folder / "x.npy"), "--outputs", str(folder / "y.npy")]  # fmt: skip
    result = stopped(command, folder / "build", what, program)
    assert result.code == code, result.err
    assert result.out == ""
    assert "Traceback" not in result.err
    assert all_ended(folder)
    assert not (folder / "y.npy").exists()
    assert list((folder / "tmp").iterdir()) == []
    assert [p.name for p in (folder / "build").iterdir() if p.name.startswith(".")] == []


def test_interrupting_compile_leaves_nothing(tmp_path: Path) -> None:
    """The interrupt comes where everything is written and nothing has been moved."""
    model = model_file(tmp_path, small())
    program = f"""
import os, signal, sys
from pathlib import Path
rename = Path.rename
def interrupted(self, target):
    if self.name == "new":
        os.kill(os.getpid(), signal.SIGINT)
    return rename(self, target)
Path.rename = interrupted
from ascua.cli import main
main(["compile", {str(model)!r}, "-b", "host", "-o", {str(tmp_path / "a/lib")!r}])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.strip() == "Interrupted; nothing half-written was left."
    assert list(tmp_path.iterdir()) == [model]


def test_closed_and_full_stdout() -> None:
    command = [*PROGRAM, "ops", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.close()
        said = child.stderr.read()
    assert (child.returncode, said) == (1, b"")
    if Path("/dev/full").exists():
        with Path("/dev/full").open("wb") as out:
            done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 1
        assert done.stderr.startswith("error: No space left on device.")
        assert "Traceback" not in done.stderr


def test_plain_terminal() -> None:
    """Nothing but ASCII where the encoding has no more."""
    program = (
        "from ascua.cli import invoke; print([invoke([v]) for v in ('boards', 'ops', 'doctor')])"
    )
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "60"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("[0, 0, 0]\n")


def test_names_that_are_no_utf8(tmp_path: Path) -> None:
    model = os.fsdecode(os.fsencode(tmp_path) + b"/1 n\xff\xc3\xa9t*_.tflite")
    Path(model).write_bytes(model_file(tmp_path, small()).read_bytes())
    result = process("compile", model, "-b", "host", "-o", "out/b", cwd=tmp_path)
    assert (result.code, result.err) == (0, "")
    assert (tmp_path / "out/b/include/model_1_n_t.h").exists()
    result = process("analyze", model + "x", cwd=tmp_path)
    assert result.code == 1
    assert "No such file" in result.err
