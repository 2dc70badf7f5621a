"""Makes a network that fails small, and says what is left of it; deterministic."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from ascua import tflite
from ascua.ir import Graph, Op, Tensor
from tests.fuzz.builder import Draw, Refused
from tests.fuzz.everywhere import SAMPLES, TOGETHER, Case, Failure, cases, failures
from tests.fuzz.networks import Network, drawn

ROUNDS = 12
"""Of candidates, so many of which are run at once."""

Numbers = tuple[int, ...]


def shrunk(failure: Failure, folder: Path) -> Failure:
    """The smallest network found that fails in the same place: fewest operators, then values."""
    for candidates in (_fewer_operators, _smaller_numbers):
        for _ in range(ROUNDS):
            better = _best(failure, candidates(failure.case.network), folder)
            if better is None:
                break
            failure = better
    return _cut(failure, folder)


def size(network: Network) -> tuple[int, ...]:
    """What is to become small: operators, values, and the numbers drawn."""
    values = sum(t.size for t in network.graph.tensors())
    return len(network.graph.ops), values, sum(map(abs, network.numbers)), len(network.numbers)


def _best(failure: Failure, candidates: Iterator[Numbers], folder: Path) -> Failure | None:
    """The smallest candidate that fails and is smaller; the changes of several at once, if may be.

    One number is another in each candidate of the same length: all that fail are put together.
    """
    found = _failing(failure, candidates, folder)
    numbers = failure.case.network.numbers
    alike = [f.case.network.numbers for f in found if len(f.case.network.numbers) == len(numbers)]
    if len(alike) > 1:
        found += _failing(failure, iter([tuple(map(min, zip(*alike, strict=True)))]), folder)
    return min(found, key=lambda f: size(f.case.network), default=None)


def _failing(failure: Failure, candidates: Iterator[Numbers], folder: Path) -> list[Failure]:
    """The candidates that fail and are smaller."""
    tried = _networks(candidates, failure.case.network.seed)
    least, found = size(failure.case.network), []
    for start in range(0, len(tried), 2 * TOGETHER):
        given = [n for n in tried[start : start + 2 * TOGETHER] if size(n) < least]
        alike = [c for c in cases(given) if _alike(c, failure.case)]
        found += failures(alike, failure.where, folder, failure.goal)
    return found


def _alike(a: Case, b: Case) -> bool:
    """Whether tflite-micro takes both, or neither."""
    return isinstance(a.expected, str) == isinstance(b.expected, str)


def _networks(candidates: Iterator[Numbers], seed: int) -> list[Network]:
    """The networks of the candidates of which there is one, each with a prefix of its own."""
    made: dict[Numbers, Network] = {}
    for numbers in candidates:
        try:
            found = drawn(Draw(None, numbers), seed, f"c{len(made)}_")
        except Refused:
            continue
        made.setdefault(found.numbers, found)
    return list(made.values())


def _fewer_operators(network: Network) -> Iterator[Numbers]:
    """Each operator alone; without the last ones; without one."""
    first, blocks = network.numbers[0], network.blocks
    parts = [network.numbers[a:b] for a, b in blocks]
    for part in parts:
        yield (1, *part)
    for n in range(1, len(parts)):
        yield (n, *(v for part in parts[:n] for v in part))
    for i in range(len(parts)):
        yield (first - 1, *(v for part in parts[:i] + parts[i + 1 :] for v in part))


def _smaller_numbers(network: Network) -> Iterator[Numbers]:
    """Without one number; with one at the least, at half of it, or one less."""
    numbers = network.numbers
    for i, n in enumerate(numbers):
        yield (*numbers[:i], *numbers[i + 1 :])
        for smaller in sorted({0, n // 2, n - 1} - {n, -1}):
            yield (*numbers[:i], smaller, *numbers[i + 1 :])


def _cut(failure: Failure, folder: Path) -> Failure:
    """Only what the wrong output is made of; or its operator alone, on what it reads there."""
    if failure.output is None:
        return failure
    graph = failure.case.graph
    for candidate in (_ancestors(graph, failure.output), *_alone(failure)):
        smaller = failures([_case(failure, *candidate)], failure.where, folder, failure.goal)
        if smaller:
            failure = smaller[0]
    return failure


Candidate = tuple[Graph, dict[str, np.ndarray]]


def _ancestors(graph: Graph, output: Tensor) -> Candidate:
    """The part of `graph` that `output` depends on."""
    wanted, ops = {output}, []
    for op in reversed(graph.ops):
        if any(t in wanted for t in op.outputs):
            ops.append(op)
            wanted |= {t for t in op.inputs if t is not None}
    used = tuple(t for t in graph.inputs if t in wanted)
    return replace(graph, inputs=used, outputs=(output,), ops=tuple(reversed(ops))), {}


def _alone(failure: Failure) -> Iterator[Candidate]:
    """Each operator before the wrong output, the first ones first, with its inputs' values."""
    graph = failure.case.graph
    values, _ = graph.eval(failure.case.xs, keep=True)
    for op in graph.ops:
        reads = {t: t for t in op.activations}
        if len(graph.ops) > 1 and all(t.name in values for t in reads.values()):
            inputs = tuple(reads.values())
            yield Graph(graph.name, inputs, op.outputs, (op,)), values


def _case(failure: Failure, graph: Graph, values: dict[str, np.ndarray]) -> Case:
    """`graph` on the same samples, or on `values` of its inputs."""
    given = dict(zip((t.name for t in failure.case.graph.inputs), failure.case.xs, strict=True))
    model = tflite.write(graph)
    network = replace(failure.case.network, model=model, graph=tflite.read(model, "network"))
    xs = [(values | given)[t.name] for t in graph.inputs]
    assert all(len(x) == SAMPLES for x in xs)
    [case] = cases([network], [xs])
    return case


def report(failure: Failure, folder: Path) -> str:
    """What a test says of a failure; the network and its samples are in `folder`."""
    case = failure.case
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "network.tflite").write_bytes(case.network.model)
    np.savez(folder / "inputs.npz", *case.xs)
    if not isinstance(case.expected, str):
        np.savez(folder / "expected.npz", *case.expected)
    seed = case.network.seed
    again = f"ASCUA_FUZZ_SEED={seed} ASCUA_FUZZ_COUNT=1 pytest tests/test_fuzz.py -k many"
    lines = [
        f"seed {seed}, {failure.where}: {failure.what}",
        *text(case.graph),
        f"numbers drawn: {case.network.numbers}",
        f"The file, its inputs and what tflite-micro makes of them: {folder}",
        f"Again: {again}",
    ]
    return "\n".join(lines)


def text(graph: Graph) -> list[str]:
    """A line for each tensor that is given, and for each operator."""
    lines = [f"  input {_tensor(t)}" for t in graph.inputs]
    lines += [_operator(op) for op in graph.ops]
    return [*lines, f"  outputs {', '.join(t.name for t in graph.outputs)}"]


def _operator(op: Op) -> str:
    options = ", ".join(f"{k}={v}" for k, v in op.write().items())
    reads = ", ".join("-" if t is None else _tensor(t) if t.const else t.name for t in op.inputs)
    writes = ", ".join(_tensor(t) for t in op.outputs)
    return f"  {op.tflite}({reads}) {options} -> {writes}"


def _tensor(t: Tensor) -> str:
    words = [t.name, f"{t.dtype}{list(t.shape)}"]
    if t.quant is not None:
        scales = f"{t.quant.scale:.9g}" if len(t.quant.scales) == 1 else "per channel"
        words.append(f"scale {scales} zero {t.quant.zero_point}")
    if t.data is not None and t.size <= 8:
        words.append(f"= {t.data.tolist()}")
    return " ".join(words)
