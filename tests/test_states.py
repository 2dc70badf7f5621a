"""Networks whose runs go on from one another, against TensorFlow Lite Micro: files, C, refusals."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ascua import boards, measure, tflite, validation
from ascua.errors import DoesNotFit, InputError, ModelError, Unsupported
from ascua.executors.board import OnBoard
from ascua.executors.oracles import Tflm
from ascua.executors.reference import Reference
from ascua.inputs import pseudo_random
from ascua.ir import Array, Graph, State, Tensor
from ascua.model import load_model
from ascua.ops.relu import Relu
from ascua.passes import drop_dead, prepare
from ascua.passes.unsigned import as_uint8
from ascua.plan import STATES, check_fit, plan
from ascua.run import run
from ascua.samples import pack, unpack
from ascua.targets.c import emit
from tests.support import Answering, generated_c, litert, network, oracle, reference, samples
from tests.support.command import MODELS, ascua, model_file, refused
from tests.support.compilers import tool, write
from tests.support.floats import floated
from tests.support.schema import changed, differences, said, schema
from tests.support.states import STATEFUL, counter, delays, ring, swapped, with_states
from tests.support.tools import require_board, require_tool

CASES = pytest.mark.parametrize("graph", STATEFUL.values(), ids=STATEFUL)
RING = MODELS.parent / "cases/ring.tflite"


@CASES
def test_a_sequence_is_computed_as_tflm_does(graph: Graph) -> None:
    """More samples than one process would take were they apart: reference, C and file."""
    model = tflite.write(graph)
    read = tflite.read(model)
    assert [(s.name, s.tensor.name, s.after.name) for s in read.states] == [
        (s.name, s.tensor.name, s.after.name) for s in graph.states
    ]
    xs = samples(graph, 150)
    expected = oracle(model, xs)
    assert len(np.unique(expected[0], axis=0)) > 100
    for ys in (reference(read, xs), reference(prepare(read), xs), generated_c(read, xs)):
        for y, e in zip(ys, expected, strict=True):
            np.testing.assert_array_equal(y, e)
    assert list(differences(said(model), said(tflite.write(read)))) == []
    assert tflite.write(replace(read, layout=None)) == model


def test_a_sequence_of_uint8_is_computed_as_litert_does() -> None:
    graph = as_uint8(ring())
    assert {s.initial.dtype for s in graph.states} == {np.dtype("uint8")}
    model = tflite.write(graph)
    xs = [x.view(np.uint8) for x in samples(ring(), 30)]
    read = tflite.read(model)
    expected = litert(model, xs)
    np.testing.assert_array_equal(reference(prepare(read), xs)[0], expected[0])
    np.testing.assert_array_equal(generated_c(read, xs)[0], expected[0])


def test_evaluation_takes_states_and_leaves_them() -> None:
    """Runs apart from each other are computed at once, each with a state of its own."""
    graph = ring()
    (x,) = samples(graph, 6)
    whole = reference(graph, [x])[0]
    state = graph.initial(1)
    for i in range(6):
        ys, state = graph.eval([x[i : i + 1]], state)
        np.testing.assert_array_equal(ys["y"][0], whole[i])
    np.testing.assert_array_equal(state[0][0, 0], x[2:, 0, 0])
    apart, left = graph.eval([x])
    alone = [graph.eval([x[i : i + 1]]) for i in range(6)]
    np.testing.assert_array_equal(apart["y"], np.concatenate([ys["y"] for ys, _ in alone]))
    np.testing.assert_array_equal(left[0], np.concatenate([s[0] for _, s in alone]))


def test_a_part_of_a_network_keeps_what_later_runs_depend_on() -> None:
    graph = counter()
    first = Relu((graph.inputs[0],), (replace(graph.inputs[0], name="first"),))
    graph = replace(graph, ops=(first, *graph.ops))
    part = graph.until(first)
    assert (part.outputs, part.ops, part.states) == (first.outputs, graph.ops, graph.states)


def test_what_no_output_depends_on_in_any_run_is_dropped() -> None:
    graph = ring()
    assert drop_dead(graph).states == graph.states
    other = replace(graph, outputs=(graph.inputs[0],))
    assert (drop_dead(other).states, drop_dead(other).ops) == ((), ())
    assert len(drop_dead(swapped()).states) == 2
    chain = delays()
    assert [s.name for s in drop_dead(chain).states] == ["c", "b", "a"]
    assert [s.name for s in drop_dead(replace(chain, outputs=chain.outputs[2:])).states] == ["a"]


def test_a_state_that_no_run_changes_is_a_constant() -> None:
    graph = counter()
    (state,) = graph.states
    same = replace(graph, states=(replace(state, after=state.tensor),))
    ready = prepare(tflite.read(tflite.write(same)))
    assert ready.states == ()
    assert [t.const for t in ready.ops[0].inputs if t] == [True, False]
    xs = samples(same, 5)
    np.testing.assert_array_equal(reference(ready, xs)[0], oracle(tflite.write(same), xs)[0])


# What generated code says of states


def test_a_state_lies_where_no_tensor_does() -> None:
    """It is read there, but for what must outlast the end of a run."""
    planned = plan(prepare(ring()), boards.load("host"))
    (kept,) = planned.states
    assert (kept.buffer.memory, kept.buffer.bytes, kept.copy) == (STATES, 24, None)
    assert planned.calls[0].reads[0].buffer is kept.buffer
    assert planned.state_bytes == 24
    assert [a.memory for a in planned.arenas] == ["ram", STATES]
    copied = plan(prepare(delays()), boards.load("host"))
    assert [k.copy is not None for k in copied.states] == [True, True, True]
    assert copied.state_bytes == 3 * 8


def test_states_count_for_the_fit() -> None:
    board = boards.load("lm3s6965evb")
    big = ring(depth=60, channels=1000)
    with pytest.raises(DoesNotFit, match=r"states 60,000, stack 1,024"):
        check_fit(plan(prepare(big), board))


PROGRAM = """
#include "net.h"
#include <string.h>
static const int8_t in[3][NET_INPUT_0_BYTES] = {{1, 2}, {30, -40}, {50, 60}};
int main(void) {
    int8_t first[3][NET_OUTPUT_0_BYTES], again[3][NET_OUTPUT_0_BYTES];
    for (int i = 0; i < 3; i++) {
        net_invoke(in[i], first[i]);
    }
    for (int i = 0; i < 3; i++) {
        net_invoke(in[i], again[i]);
    }
    int differs = memcmp(first, again, sizeof first) != 0;
    net_reset();
    for (int i = 0; i < 3; i++) {
        net_invoke(in[i], again[i]);
    }
    return (differs ? 0 : 1) + (memcmp(first, again, sizeof first) == 0 ? 0 : 2);
}
"""


@pytest.mark.parametrize("name", ["ring", "first values", "counter"])
def test_reset_forgets_earlier_runs(tmp_path: Path, name: str) -> None:
    require_tool("cc")
    library = emit(plan(prepare(STATEFUL[name]), boards.load("host")), "net")
    write(tmp_path, library)
    (tmp_path / "main.c").write_text(PROGRAM)
    code = [tmp_path / p for p in library.sources]
    includes = [f"-I{tmp_path / p}" for p in library.include_dirs]
    tool(["cc", "-std=c11", *includes, *code, tmp_path / "main.c", "-o", tmp_path / "main"])
    tool([tmp_path / "main"])


@CASES
def test_a_run_goes_on_from_the_states_of_an_earlier_one(graph: Graph, tmp_path: Path) -> None:
    """On every executor, whichever of them told the states; TFLM begins with them, and tells none.

    The library is the same: `NAME_states` is where a user would save and restore them.
    """
    require_board(boards.load("host"))
    graph = prepare(graph)
    xs = samples(graph, 10)
    expected = oracle(tflite.write(graph), xs)
    on_board = OnBoard(plan(graph, boards.load("host")), tmp_path)
    first = [executor.run(graph, [x[:7] for x in xs]) for executor in (Reference(), on_board)]
    for states in (a.states for a in first):
        assert states is not None
        for executor in (Reference(), on_board, Tflm()):
            answer = executor.run(graph, [x[7:] for x in xs], states)
            for y, e in zip(answer.outputs, expected, strict=True):
                np.testing.assert_array_equal(y, e[7:], err_msg=executor.name)
            assert (answer.states is None) == (executor.name == Tflm.name)


def test_states_of_another_network_are_refused(tmp_path: Path) -> None:
    require_board(boards.load("host"))
    graph = prepare(ring())
    library = emit(plan(graph, boards.load("host")), "net")
    given, states = pack(samples(graph, 1)), bytes(3)
    with pytest.raises(InputError, match="3 bytes are not its states: these take"):
        run(boards.load("host"), library, given, 1, build_dir=tmp_path, states=states)


def test_only_networks_with_states_have_them_in_c() -> None:
    library = emit(plan(prepare(network(*ring().ops[2:])), boards.load("host")), "net")
    assert library.states == ()
    text = "".join(library.text(p) for p in library.files if not p.startswith("src/ascua"))
    assert "reset" not in text
    assert "STATE" not in text
    assert "static _Alignas(8) int8_t states" not in text


@pytest.mark.emulator
def test_a_board_runs_the_sequence(tmp_path: Path) -> None:
    board = boards.load("mps2-an386")
    require_board(board)
    graph = prepare(ring())
    xs = samples(graph, 70)
    library = emit(plan(graph, board), "net")
    done = run(board, library, pack(xs), 70, build_dir=tmp_path)
    np.testing.assert_array_equal(unpack(done.outputs, graph, 70)[0], reference(graph, xs)[0])
    packed = pack([x[60:] for x in xs])
    start = run(board, library, pack([x[:60] for x in xs]), 60, build_dir=tmp_path).states
    rest = run(board, library, packed, 10, build_dir=tmp_path, states=start)
    assert rest.outputs == done.outputs[-len(rest.outputs) :]
    assert rest.states == done.states


def test_the_layer_that_differs_is_found() -> None:
    """Each layer of a sequence, though later runs depend on all of them."""
    graph = prepare(ring())
    xs = samples(graph, 6)
    truth = Tflm()
    rows = list(validation.layer_by_layer(graph, xs, Reference(), truth))
    assert [(op.kind, first) for op, first in rows] == [(op.kind, None) for op in graph.ops]

    def faulty(part: Graph, xs: Sequence[Array]) -> list[Array]:
        ys = reference(part, list(xs))
        return ys if part.outputs[0].name == "later" else [y ^ 1 for y in ys]

    found = validation.first_difference(graph, xs, Answering(faulty), truth)
    assert found is not None
    assert found.layer == "joined"


# The verbs


def test_run_compares_a_sequence(tmp_path: Path) -> None:
    require_tool("cc")
    model = model_file(tmp_path, ring())
    np.save(tmp_path / "x.npy", samples(ring(), 300)[0])
    result = ascua("run", model, "-b", "host", "--inputs", tmp_path / "x.npy", "--json",
                   "--build-dir", tmp_path / "build", "--outputs", tmp_path / "y.npy")  # fmt: skip
    assert result.code == 0, result.err
    told = json.loads(result.out)
    assert (told["samples"], told["mismatched_bytes"]) == (300, 0)
    expected = oracle(model.read_bytes(), samples(ring(), 300))[0]
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy").reshape(expected.shape), expected)


def test_of_a_sequence_the_first_samples_are_compared(tmp_path: Path) -> None:
    """What the later ones are depends on all before them: nothing would be saved."""
    require_tool("cc")
    model, xs = load_model(model_file(tmp_path, ring())), samples(ring(), 20)
    run = measure.run_model(model, model.plan("host"), xs, build=tmp_path / "build", check=5)
    assert run.checked.tolist() == [0, 1, 2, 3, 4]
    assert (run.measurement.checked_samples, run.measurement.mismatched_bytes) == (5, 0)
    np.testing.assert_array_equal(run.expected[0], reference(ring(), xs)[0][:5])


def test_compile_writes_a_selftest_of_a_sequence(tmp_path: Path) -> None:
    require_tool("cc")
    out = tmp_path / "lib"
    assert ascua("compile", model_file(tmp_path, ring()), "-b", "host", "-o", out).code == 0
    assert json.loads((out / "manifest.json").read_text())["state_bytes"] == 24
    code = [*sorted(out.glob("src/*.c")), *sorted(out.glob("test/*.c"))]
    tool(["cc", "-std=c11", f"-I{out / 'include'}", *code, "-o", tmp_path / "test"])
    assert tool([tmp_path / "test"]).endswith("PASS 4/4\n")


def test_other_verbs_refuse_states(tmp_path: Path) -> None:
    real = model_file(tmp_path, float_ring(), "real")
    small = model_file(tmp_path, ring(), "small")
    np.save(tmp_path / "x.npy", np.zeros((4, 1, 1, 6), np.float32))
    data = ("-d", tmp_path / "x.npy")
    words = ("the variable 'ring' is carried from one run to the next", "each by itself")
    out = tmp_path / "out.tflite"
    refused(ascua("quantize", real, *data, "-o", out), 1, *words)
    assert not out.exists()
    refused(ascua("compare", small, small, *data), 1, *words)
    refused(ascua("compare", real, real, *data), 1, *words)


def float_ring() -> Graph:
    graph = ring()
    real = floated(graph)
    held = real.ops[0].x
    joined = real.ops[1].y
    return with_states(real, State("ring", held, joined, np.zeros(held.shape, np.float32)))


# Files


def sub(model: Any, at: int = 0) -> Any:
    return model.subgraphs[at]


def operator(model: Any, kind: str, at: int = 0, nth: int = 0) -> Any:
    """The nth operator of this kind in a subgraph."""
    number = getattr(schema().BuiltinOperator, kind)
    codes = [c.builtinCode for c in model.operatorCodes]
    return [o for o in sub(model, at).operators if codes[o.opcodeIndex] == number][nth]


def tensor(model: Any, name: str) -> int:
    """The number of a tensor of the first subgraph."""
    found: int = [t.name.decode() for t in sub(model).tensors].index(name)
    return found


def copied(model: Any, number: int, name: str) -> int:
    """The number of a new tensor like another."""
    old = sub(model).tensors[number]
    made = schema().TensorT()
    vars(made).update(vars(old))
    made.name = name.encode()
    sub(model).tensors.append(made)
    return len(sub(model).tensors) - 1


def another(model: Any, o: Any, inputs: list[int], outputs: list[int], at: int) -> Any:
    """A new operator with the code of another, in this place."""
    made = schema().OperatorT()
    made.opcodeIndex, made.inputs, made.outputs = o.opcodeIndex, inputs, outputs
    sub(model).operators.insert(at, made)
    return made


def assign_before_the_end(model: Any) -> None:
    """As exporters have it: right behind what computes the value."""
    operators = sub(model).operators
    operators.insert(len(operators) - 2, operators.pop())


def read_again_after_it_was_assigned(model: Any) -> None:
    """The last operator reads what the variable holds by then."""
    assign_before_the_end(model)
    held = copied(model, tensor(model, "joined"), "again")
    handle = operator(model, "ASSIGN_VARIABLE").inputs[0]
    another(
        model, operator(model, "READ_VARIABLE"), [handle], [held], len(sub(model).operators) - 1
    )
    sub(model).operators[-1].inputs = [held]


def read_twice(model: Any) -> None:
    """By a second handle, too; the output is what the variable held before."""
    old = operator(model, "READ_VARIABLE")
    held = copied(model, old.outputs[0], "twice")
    handle = copied(model, old.inputs[0], "handle")
    o = operator(model, "VAR_HANDLE")
    made = another(model, o, [], [handle], 2)
    made.builtinOptions, made.builtinOptionsType = o.builtinOptions, o.builtinOptionsType
    another(model, old, [handle], [held], 3)
    sub(model).operators[-2].inputs = [held]


def read_at_the_end(model: Any) -> None:
    """What the variable holds then is an output; so is what it held at first."""
    held = copied(model, tensor(model, "joined"), "now")
    handle = operator(model, "ASSIGN_VARIABLE").inputs[0]
    old = operator(model, "READ_VARIABLE")
    another(model, old, [handle], [held], len(sub(model).operators))
    sub(model).outputs = [*sub(model).outputs, held, old.outputs[0]]


def assigned_twice(model: Any) -> None:
    """First what was read: the last value counts."""
    o = operator(model, "ASSIGN_VARIABLE")
    held = operator(model, "READ_VARIABLE").outputs[0]
    another(model, o, [o.inputs[0], held], [], len(sub(model).operators) - 1)


def never_read(model: Any) -> None:
    """A variable that is only written."""
    again = model.subgraphs[1]
    o = operator(model, "VAR_HANDLE")
    handle = copied(model, o.outputs[0], "written")
    made = another(model, o, [], [handle], 1)
    made.builtinOptions = schema().VarHandleOptionsT()
    made.builtinOptions.sharedName, made.builtinOptions.container = b"written", b""
    made.builtinOptionsType = o.builtinOptionsType
    last = operator(model, "ASSIGN_VARIABLE")
    another(model, last, [handle, last.inputs[1]], [], len(sub(model).operators))
    first = schema().OperatorT()
    first.opcodeIndex, first.inputs, first.outputs = o.opcodeIndex, [], [len(again.tensors)]
    first.builtinOptions, first.builtinOptionsType = made.builtinOptions, o.builtinOptionsType
    again.tensors.append(again.tensors[0])
    second = schema().OperatorT()
    second.opcodeIndex, second.outputs = last.opcodeIndex, []
    second.inputs = [len(again.tensors) - 1, 1]
    again.operators += [first, second]


def call(model: Any, number: int, at: int) -> None:
    """One more CALL_ONCE, of this subgraph, in this place."""
    old = operator(model, "CALL_ONCE")
    made = another(model, old, [], [], at)
    made.builtinOptionsType = old.builtinOptionsType
    made.builtinOptions = schema().CallOnceOptionsT()
    made.builtinOptions.initSubgraphIndex = number


def other_first_values(model: Any) -> None:
    """A subgraph that gives the variable 33 everywhere."""
    made, data = schema().SubGraphT(), schema().BufferT()
    vars(made).update(vars(sub(model, 1)))
    given = operator(model, "ASSIGN_VARIABLE", at=1).inputs[1]
    t = schema().TensorT()
    vars(t).update(vars(made.tensors[given]))
    data.data = np.full(len(model.buffers[t.buffer].data), 33, np.uint8)
    t.buffer = len(model.buffers)
    made.tensors = [t if i == given else old for i, old in enumerate(made.tensors)]
    model.buffers.append(data)
    model.subgraphs.append(made)


def called_in_another_order(model: Any) -> None:
    """The first subgraph's values are the last."""
    other_first_values(model)
    call(model, 2, 0)


def called_twice(model: Any) -> None:
    """Each call gives its values, that of the same subgraph too."""
    called_in_another_order(model)
    call(model, 1, 0)


def called_in_the_order_of_the_file(model: Any) -> None:
    other_first_values(model)
    call(model, 2, 1)


def called_between(model: Any) -> None:
    """Behind what reads and assigns to another variable; then its own is read, and assigned to."""
    assign_before_the_end(model)
    never_read(model)
    first, second = sub(model, 1), schema().SubGraphT()
    vars(second).update(vars(first))
    first.operators, second.operators = first.operators[:2], first.operators[2:]
    model.subgraphs.append(second)
    at = len(sub(model).operators) - 1
    call(model, 2, at)
    held = copied(model, operator(model, "READ_VARIABLE").outputs[0], "before")
    handle = sub(model).operators[-1].inputs[0]
    another(model, operator(model, "READ_VARIABLE"), [handle], [held], at + 1)
    sub(model).outputs = [*sub(model).outputs, held]


def odd_names(model: Any) -> None:
    for at in (0, 1):
        o = operator(model, "VAR_HANDLE", at)
        o.builtinOptions.container, o.builtinOptions.sharedName = b"box", b"\xff;"
    sub(model, 1).name = None


FORMS: dict[str, Callable[[Any], None]] = {
    "assigned before the end": assign_before_the_end,
    "read again": read_again_after_it_was_assigned,
    "read twice": read_twice,
    "read at the end": read_at_the_end,
    "assigned twice": assigned_twice,
    "never read": never_read,
    "called in another order": called_in_another_order,
    "called twice": called_twice,
    "called in order": called_in_the_order_of_the_file,
    "called between": called_between,
    "odd names": odd_names,
}
"""What files may say, too."""


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_files(form: str) -> None:
    """They are computed as TFLM does, and come back as they were; and without their layout."""
    model = changed(tflite.write(ring()), FORMS[form])
    read = tflite.read(model)
    xs = samples(read, 12)
    expected = oracle(model, xs)
    own = tflite.write(replace(read, layout=None))
    found = [reference(graph, xs) for graph in (read, prepare(read), tflite.read(own))]
    for ys in (*found, generated_c(read, xs), oracle(own, xs)):
        for y, e in zip(ys, expected, strict=True):
            np.testing.assert_array_equal(y, e)
    assert list(differences(said(model), said(tflite.write(read)))) == []


def other_scale(model: Any) -> None:
    t = sub(model).tensors[operator(model, "READ_VARIABLE").outputs[0]]
    t.quantization.scale = np.array([0.07], np.float32)


def other_shape(model: Any) -> None:
    o = operator(model, "ASSIGN_VARIABLE")
    o.inputs = [o.inputs[0], tensor(model, "later")]


def no_handle(model: Any) -> None:
    sub(model).operators.remove(operator(model, "VAR_HANDLE"))


def other_name(model: Any) -> None:
    operator(model, "VAR_HANDLE").builtinOptions.sharedName = b"other"


def never_called(model: Any) -> None:
    sub(model).operators.remove(operator(model, "CALL_ONCE"))


def called_late(model: Any) -> None:
    sub(model).operators.append(sub(model).operators.pop(0))


def called_again_behind(model: Any) -> None:
    call(model, 1, len(sub(model).operators))


def called_behind_what_assigns(model: Any) -> None:
    assign_before_the_end(model)
    other_first_values(model)
    call(model, 2, len(sub(model).operators) - 1)


def no_subgraph(model: Any) -> None:
    never_called(model)
    del model.subgraphs[1]


def computed_first(model: Any) -> None:
    o = operator(model, "ASSIGN_VARIABLE", at=1)
    sub(model, 1).tensors[o.inputs[1]].buffer = 0


def too_many_inputs(model: Any) -> None:
    o = operator(model, "READ_VARIABLE")
    o.inputs = [o.inputs[0], o.inputs[0]]


def assigned_too_early(model: Any) -> None:
    sub(model).operators.insert(3, sub(model).operators.pop())


def made_twice(model: Any) -> None:
    operator(model, "SLICE").outputs = operator(model, "READ_VARIABLE").outputs


def newer(model: Any) -> None:
    number = operator(model, "READ_VARIABLE").opcodeIndex
    model.operatorCodes[number].version = 2


def calls_itself(model: Any) -> None:
    operator(model, "CALL_ONCE").builtinOptions.initSubgraphIndex = 0


def calls_without_options(model: Any) -> None:
    once = operator(model, "CALL_ONCE")
    once.builtinOptionsType, once.builtinOptions = 0, None


NAMED = (
    "it has 2 subgraphs; Ascua takes one, and up to 63 more that a CALL_ONCE names, which give "
    "variables their first values, and none names subgraph 1."
)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (other_scale, "READ_VARIABLE 'held': 'held' and what 'ring' holds differ in scale"),
        (other_shape, "ASSIGN_VARIABLE 'ring': 'later' and what 'ring' holds differ in shape: "
                      "[1, 4, 1, 6] and [1, 3, 1, 6]"),
        (no_handle, "READ_VARIABLE 'held': nothing says which variable 'ring' is"),
        (other_name, "READ_VARIABLE 'held': the variable 'other' has no first value by then"),
        (never_called, NAMED),
        (calls_itself, NAMED),
        (calls_without_options, NAMED),
        (called_late, "READ_VARIABLE 'held': the variable 'ring' has no first value by then"),
        (called_again_behind, "operator 7 (CALL_ONCE): it gives 'ring' a value behind what reads"),
        (called_behind_what_assigns, "operator 6 (CALL_ONCE): it gives 'ring' a value behind what"),
        (no_subgraph, "READ_VARIABLE 'held': the variable 'ring' has no first value by then"),
        (computed_first, "the first value of a variable is computed, by ASSIGN_VARIABLE"),
        (newer, "READ_VARIABLE has version 2; Ascua knows up to 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_is_told(change: Callable[[Any], None], what: str) -> None:
    with pytest.raises(Unsupported) as caught:
        tflite.read(changed(tflite.write(ring()), change), "some/model.tflite")
    assert caught.value.what.startswith("some/model.tflite: ")
    assert what in caught.value.what
    assert caught.value.things_to_try


def calls_nothing(model: Any) -> None:
    del model.subgraphs[1]


def calls_itself_too(model: Any) -> None:
    once = operator(model, "CALL_ONCE")
    made = another(model, once, [], [], 1)
    made.builtinOptionsType = once.builtinOptionsType
    made.builtinOptions = schema().CallOnceOptionsT()


def test_many_subgraphs_are_refused_before_they_are_looked_at() -> None:
    def many(model: Any) -> None:
        model.subgraphs += model.subgraphs[1:] * 100

    with pytest.raises(
        Unsupported, match=r"it has 102 subgraphs; Ascua takes one, .* first values\."
    ):
        tflite.read(changed(tflite.write(ring()), many))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (too_many_inputs, "READ_VARIABLE has 2 inputs and 1 outputs"),
        (assigned_too_early, "ASSIGN_VARIABLE 'ring' reads 'joined' before anything computes it"),
        (made_twice, "tensor 'held' is computed twice"),
        (calls_nothing, "CALL_ONCE names subgraph 1, which gives no values"),
        (calls_itself_too, "CALL_ONCE names subgraph 0, which gives no values"),
    ],
)
def test_damage_is_told(change: Callable[[Any], None], what: str) -> None:
    with pytest.raises(ModelError) as caught:
        tflite.read(changed(tflite.write(ring()), change), "some/model.tflite")
    assert what in caught.value.what


def test_a_constant_that_each_run_leaves_is_refused_for_c() -> None:
    graph = counter()
    (state,) = graph.states
    after = Tensor("zero", state.tensor.shape, "int8", state.tensor.quant, state.initial * 0)
    constant = replace(graph, states=(replace(state, after=after),))
    xs = samples(constant, 4)
    model = tflite.write(constant)
    np.testing.assert_array_equal(reference(tflite.read(model), xs)[0], oracle(model, xs)[0])
    with pytest.raises(Unsupported, match="every run leaves a constant in the variable 'sum'"):
        plan(prepare(constant), boards.load("host"))


@pytest.mark.skipif(not RING.exists(), reason="no cases beside the repository")
def test_a_ring_of_an_exporter() -> None:
    """Six consecutive runs, as tflite-micro computed them elsewhere; the random bytes go on."""
    graph = tflite.load(RING)
    x = graph.inputs[0]
    long = replace(graph, inputs=(replace(x, shape=(6, *x.shape)),))
    xs = [pseudo_random(long)[0].reshape(6, *x.shape)]
    (y,) = generated_c(graph, xs)
    told = json.loads((RING.parent / "expected.json").read_text())["ring.tflite"]["inferences"]
    hashes = [hashlib.sha256(row.tobytes()).hexdigest()[:16] for row in y]
    assert hashes == [one["sha256_16"][0] for one in told]
    data = RING.read_bytes()
    assert list(differences(said(data), said(tflite.write(graph)))) == []
