"""Takes damaged .tflite files all the way; says what became of each, in what time and memory."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

from ascua import boards, measure, quantize, tflite
from ascua.errors import AscuaError
from ascua.ir import Graph
from ascua.model import Model
from ascua.passes import prepare
from ascua.plan import check_fit, plan
from ascua.quantize.fidelity import beside
from ascua.quantize.options import Options
from ascua.targets.c import emit
from tests.fuzz.damage import damaged
from tests.fuzz.networks import networks
from tests.support import floats, samples
from tests.support.everything import everything
from tests.support.examples import ALL, UINT8, small
from tests.support.states import STATEFUL

MODELS = Path(__file__).parents[3] / "shared" / "models"
"""Real networks beside the repository; they are not part of it."""

BOARDS = ("lm3s6965evb", "mps3-an547", "host")
"""The first has little memory: what does not fit it is not computed here."""

NAME = "some/model.tflite"
SECONDS = 10
"""Of the processor, where the sound file takes one at most."""
BYTES = 256 << 20
"""Of memory, beside what the process has before."""


@cache
def originals() -> tuple[bytes, ...]:
    """Files to damage: this project's own, random ones, floats, and small real ones."""
    every = [g for graphs in ALL.values() for g in graphs]
    graphs = [everything(), small(), floats.floated(small()), *every, *UINT8.values()]
    graphs += STATEFUL.values()
    graphs += [floats.floated(g) for g in every if all(t.dtype == "int8" for t in g.inputs)]
    real = [p for p in sorted(MODELS.glob("*.tflite")) if p.stat().st_size < 90_000]
    random = (n.model for n in networks(0, 30))
    return (*map(tflite.write, graphs), *random, *(p.read_bytes() for p in real))


def take(data: bytes) -> None:
    """Read `data`, write it again, plan it for boards, write its C, run it; quantise a float one.

    Raises AscuaError.
    """
    graph = tflite.read(data, NAME)
    tflite.read(tflite.write(graph), NAME)
    if all(t.dtype == "float32" for t in graph.inputs):
        with suppress(AscuaError):
            _compiled(graph)
        _quantized(graph)
    else:
        _compiled(graph)


def _compiled(graph: Graph) -> None:
    ready = prepare(graph, NAME)
    model = Model(Path(NAME), "", graph, ready)
    plans = [plan(ready, boards.load(name)) for name in BOARDS]
    measure.analyze(model, None)[1].json()
    check_fit(plans[0])
    emit(plans[0], "net")
    ready.eval(samples(ready, 1))


def _quantized(graph: Graph) -> None:
    quantize.check_float(graph, NAME)
    if sum(t.bytes for t in graph.tensors() if not t.const) > 1 << 20:
        return
    xs = floats.samples(graph, 2)
    for options in (Options(), Options(ranges="mse", equalize=True, scheme="int16x8")):
        made = quantize.quantize(graph, xs, options)
        prepare(tflite.read(tflite.write(made), NAME), NAME)
        beside(graph, made, xs)


class Taken(NamedTuple):
    """What became of a damaged file."""

    seed: int
    refused: bool
    fault: str
    """What it should not have done, in words; empty where there is nothing."""
    seconds: float
    bytes: int


def taken(seed: int, act: Callable[[bytes], None] = take, most: int = BYTES) -> Taken:
    """What becomes of the damaged file of this seed, in at most so many bytes more."""
    data = damaged(originals(), seed)
    return watched(lambda: act(data), most)._replace(seed=seed)


def watched(act: Callable[[], None], most: int = BYTES) -> Taken:
    """What becomes of `act`, in at most so many bytes more."""
    refused, fault = False, ""
    before = _reset_peak()
    start = time.process_time()
    try:
        with _limited():
            act()
    except AscuaError as e:
        refused = True
        if len(e.what) <= 20 or not e.things_to_try:
            fault = f"says too little: {e}"
    except BaseException as e:
        if isinstance(e, KeyboardInterrupt):
            raise
        fault = f"{type(e).__name__}: {e}"
    seconds, size = time.process_time() - start, _peak() - before
    if not fault and (seconds > SECONDS or size > most):
        fault = f"takes {seconds:.1f} s and {size >> 20} MB"
    return Taken(-1, refused, fault, seconds, size)


class TooLongError(BaseException):
    """Nothing catches it on its way."""


@contextmanager
def _limited() -> Iterator[None]:
    """Raise TooLongError after SECONDS of the processor."""

    def stop(*_: object) -> None:
        raise TooLongError

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _reset_peak() -> int:
    """Forget the most memory that this process has had; answers what it has now, in bytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _peak() -> int:
    return _status("VmHWM")


def _status(field: str) -> int:
    text = Path("/proc/self/status").read_text()
    return int(text.partition(f"{field}:")[2].split()[0]) << 10
