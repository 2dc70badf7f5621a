"""What is read from a .tflite file and written again says what the file said."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ascua import tflite
from ascua.errors import ModelError, Unsupported
from ascua.ir import Graph, Metadata, Quant, Signature, Tensor
from ascua.ops.relu import Relu
from ascua.ops.reshape import Reshape
from ascua.passes import fold_constants, prepare
from ascua.passes.unsigned import as_int8, as_uint8
from tests.ops.test_conv2d import conv
from tests.ops.test_depthwise_conv2d import depthwise
from tests.support import activation, as_int4, network
from tests.support.command import MODELS, ascua
from tests.support.examples import dense, flatten, small
from tests.support.floats import floated, samples
from tests.support.schema import changed, differences, packed, parsed, said, schema
from tests.support.states import ring

REAL = sorted(MODELS.rglob("*.tflite"))


def lost(data: bytes) -> list[str]:
    """What a file says otherwise after it was read and written."""
    return list(differences(said(data), said(tflite.write(tflite.read(data)))))


@pytest.mark.skipif(not REAL, reason="no real networks beside the repository")
@pytest.mark.parametrize("path", REAL, ids=lambda p: p.stem)
def test_a_real_file_comes_back(path: Path) -> None:
    data = path.read_bytes()
    try:
        tflite.read(data)
    except Unsupported as e:
        pytest.skip(e.what)
    assert lost(data) == []


Change = Callable[[Any], None]


def of_tensors(change: Callable[[int, Any], None]) -> Change:
    """A change of each tensor, by its number."""

    def all_of(model: Any) -> None:
        for i, t in enumerate(model.subgraphs[0].tensors):
            change(i, t)

    return all_of


def of_operators(change: Change) -> Change:
    """A change of each operator."""

    def all_of(model: Any) -> None:
        for o in model.subgraphs[0].operators:
            change(o)

    return all_of


def attributes(**values: Any) -> Change:
    """A change that sets these fields."""

    def change(table: Any) -> None:
        for name, value in values.items():
            assert hasattr(table, name), name
            setattr(table, name, value)

    return change


def buffer(model: Any, data: bytes) -> int:
    """The number of a new buffer."""
    made = schema().BufferT()
    made.data = np.frombuffer(data, np.uint8)
    model.buffers.append(made)
    return len(model.buffers) - 1


def table(kind: str, **values: Any) -> Any:
    """A table of the schema, with these fields."""
    made = getattr(schema(), f"{kind}T")()
    attributes(**values)(made)
    return made


def with_signatures(model: Any) -> None:
    """Two, of other names, with the ends of the graph in another order."""
    sub = model.subgraphs[0]
    ends = [
        [table("TensorMap", name=f"{kind}{i}".encode(), tensorIndex=t) for i, t in enumerate(ts)]
        for kind, ts in (("in", sub.inputs), ("out", sub.outputs))
    ]
    model.signatureDefs = [
        table("SignatureDef", inputs=ends[0], outputs=ends[1], signatureKey=b"serve"),
        table("SignatureDef", inputs=[], outputs=ends[1][::-1], signatureKey=b"\xff\xfe"),
        table("SignatureDef"),
    ]


def with_metadata(model: Any) -> None:
    """Three, one without bytes and one without a name."""
    model.metadata = [
        table("Metadata", name=b"labels", buffer=buffer(model, b"cat\ndog")),
        table("Metadata", name=b"min_runtime_version", buffer=buffer(model, b"1.5.0\0\0")),
        table("Metadata", name=b"nothing", buffer=0),
        table("Metadata", buffer=buffer(model, b"\0")),
    ]
    model.metadataBuffer = [model.metadata[1].buffer]


def with_ranges(_: int, t: Any) -> None:
    if t.quantization is not None:
        t.quantization.min, t.quantization.max = [-1.5], [0.1]


def with_open_batch(i: int, t: Any) -> None:
    t.hasRank = True
    if i % 2 == 0 and len(t.shape) == 4:
        t.shapeSignature = [-1, *t.shape[1:]]
        t.shape = [9, *t.shape[1:]] if t.buffer == 0 or i == 0 else t.shape


def with_empty_quantization(_: int, t: Any) -> None:
    if t.quantization is None:
        t.quantization = schema().QuantizationParametersT()
    if t.type == schema().TensorType.INT32:
        t.quantization.min, t.quantization.scale = [0.0], [0.5]


def with_odd_axes(_: int, t: Any) -> None:
    """As old exporters write those of a bias; and one zero point for all channels."""
    q = t.quantization
    if q is not None and len(t.shape) == 1:
        q.quantizedDimension = 3
    if q is not None and q.scale is not None and len(q.scale) > 1:
        q.zeroPoint = [0]


def with_details(_: int, t: Any) -> None:
    if t.quantization is not None:
        t.quantization.detailsType = schema().QuantizationDetails.CustomQuantization
        t.quantization.details = table("CustomQuantization", custom=[1, 2, 255])


def with_codes_twice(model: Any) -> None:
    """Each in another version, behind one that no operator has; every second operator has it."""
    first = [table("OperatorCode", deprecatedBuiltinCode=32, builtinCode=32, customCode=b"mine")]
    again = [table("OperatorCode", **vars(c)) for c in model.operatorCodes]
    for code in again:
        code.version, code.deprecatedBuiltinCode = 1, 0
    for i, o in enumerate(model.subgraphs[0].operators):
        o.opcodeIndex += 1 + (i % 2) * len(again)
    model.operatorCodes = [*first, *model.operatorCodes[::1], *again]


def with_unread_tensors(model: Any) -> None:
    """The first of them, and one between: of a type that no graph holds, and a constant."""
    sub = model.subgraphs[0]
    text = table("Tensor", shape=[2], type=schema().TensorType.STRING, name=b"text")
    number = table("Tensor", shape=[4], type=0, name=b"text", buffer=buffer(model, bytes(16)))
    sub.tensors = [text, number, *sub.tensors]
    shift(sub, 2)


def with_tensors_reversed(model: Any) -> None:
    sub = model.subgraphs[0]
    last = len(sub.tensors) - 1
    sub.tensors = sub.tensors[::-1]
    for part in (sub, *sub.operators):
        for end in ("inputs", "outputs"):
            setattr(part, end, [last - t if t >= 0 else t for t in getattr(part, end)])


def shift(sub: Any, by: int) -> None:
    for part in (sub, *sub.operators):
        for end in ("inputs", "outputs"):
            setattr(part, end, [t + by if t >= 0 else t for t in getattr(part, end)])


def without_options(o: Any) -> None:
    o.builtinOptionsType, o.builtinOptions = 0, None


def without_default_options(o: Any) -> None:
    """Only those tables that say nothing."""
    if o.builtinOptions is not None and not any(map(np.any, vars(o.builtinOptions).values())):
        without_options(o)


def with_more_options(o: Any) -> None:
    """Fields that Ascua has no use for."""
    if hasattr(o.builtinOptions, "asymmetricQuantizeInputs"):
        o.builtinOptions.asymmetricQuantizeInputs = True


def with_shared_buffers(model: Any) -> None:
    """The constants of one kind and size in one buffer, which a label and unread tensors share."""
    sub = model.subgraphs[0]
    first: dict[Any, int] = {}
    for t in sub.tensors:
        if (data := model.buffers[t.buffer].data) is not None:
            t.buffer = first.setdefault((t.type, len(data)), t.buffer)
    shared = next(iter(first.values()))
    model.metadata = [table("Metadata", name=b"weights", buffer=shared) for _ in range(3)]
    model.metadataBuffer = [shared]
    sub.tensors += [t for t in sub.tensors if t.buffer == shared] * 20


EMPTY: dict[str, Any] = {"mutatingVariableInputs": [], "intermediates": [], "customOptions": []}

CHANGES: dict[str, Change] = {
    "signatures": with_signatures,
    "no signatures": attributes(signatureDefs=[]),
    "metadata": with_metadata,
    "no metadata": attributes(metadata=[], metadataBuffer=[]),
    "ranges": of_tensors(with_ranges),
    "an open batch": of_tensors(with_open_batch),
    "empty quantisation": of_tensors(with_empty_quantization),
    "odd axes": of_tensors(with_odd_axes),
    "details": of_tensors(with_details),
    "variables": of_tensors(lambda _, t: setattr(t, "isVariable", t.buffer < 2)),
    "codes twice": with_codes_twice,
    "unread tensors": with_unread_tensors,
    "tensors reversed": with_tensors_reversed,
    "shared buffers": with_shared_buffers,
    "equal names": of_tensors(lambda i, t: setattr(t, "name", b"\xff;t" if i % 3 else None)),
    "absent options": of_operators(without_default_options),
    "more options": of_operators(with_more_options),
    "empty vectors": of_operators(attributes(**EMPTY)),
    "custom options": of_operators(attributes(customOptions=[1, 2, 3], intermediates=[0])),
    "a name": lambda model: setattr(model.subgraphs[0], "name", b"serve"),
    "no name": lambda model: setattr(model.subgraphs[0], "name", None),
    "a description": attributes(description=b"\xfe of \xe2\x82\xac"),
    "no description": attributes(description=None),
}
"""What a file may say that no arithmetic reads."""


def networks() -> dict[str, Graph]:
    return {
        "small": small(),
        "flatten": flatten(),
        "int4": as_int4(depthwise()),
        "uint8": as_uint8(conv()),
        "float": floated(dense()),
    }


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_file_says_comes_back(name: str) -> None:
    touched = 0
    for graph in networks().values():
        plain = tflite.write(graph)
        data = changed(plain, CHANGES[name])
        touched += any(differences(said(plain), said(data)))
        assert lost(data) == []
    assert touched


def test_all_of_it_together_comes_back() -> None:
    for graph in networks().values():
        data = tflite.write(graph)
        for name, change in CHANGES.items():
            if not name.startswith("no "):
                data = changed(data, change)
        assert lost(data) == []


def test_a_buffer_that_many_share_is_held_and_written_once() -> None:
    """By subgraphs, tensors and metadata: more bytes than the file has, were each counted."""

    def share(model: Any) -> None:
        number = buffer(model, bytes(1 << 20))
        once, first = model.subgraphs[0].operators[0], model.subgraphs[1]
        big = table("Tensor", shape=[1 << 20], type=9, name=b"big", buffer=number)
        first.tensors += [big] * 3
        for i in range(2, 40):
            call = table("Operator", **vars(once))
            call.builtinOptions = table("CallOnceOptions", initSubgraphIndex=i)
            model.subgraphs[0].operators.insert(1, call)
            model.subgraphs.append(first)
        model.metadata = [table("Metadata", name=b"big", buffer=number) for _ in range(40)]

    data = changed(tflite.write(ring()), share)
    tracemalloc.start()
    try:
        graph = tflite.read(data)
        read = tracemalloc.get_traced_memory()[1]
        same = tflite.write(graph)
        own = tflite.write(replace(graph, layout=None))
        written = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert read < 3 * len(data)
    assert written < 12 * len(data)
    assert len(own) < len(same) < 1.1 * len(data)
    assert lost(data) == []


def test_damage_in_what_no_network_is_read_from_is_told_when_it_is_written() -> None:
    def spoil(model: Any) -> None:
        model.buffers.append(table("Buffer", offset=1 << 40, size=4))

    graph = tflite.read(changed(tflite.write(small()), spoil), "some/model.tflite")
    with pytest.raises(ModelError, match=r"some/model\.tflite: a buffer lies at 1,099,511,627,776"):
        tflite.write(graph)


def test_the_bits_behind_an_odd_number_of_int4_come_back() -> None:
    model = parsed(tflite.write(as_int4(depthwise())))
    w = next(t for t in model.subgraphs[0].tensors if t.type == schema().TensorType.INT4)
    assert np.prod(w.shape) % 2
    raw = np.array(model.buffers[w.buffer].data, np.uint8)
    raw[-1] |= 0x50
    model.buffers[w.buffer].data = raw
    assert lost(packed(model)) == []


def full(graph: Graph) -> Graph:
    """`graph` with a signature and metadata, as read from a file that says more besides."""
    data = tflite.write(graph)
    for name in ("signatures", "metadata", "ranges", "codes twice", "no name", "absent options"):
        data = changed(data, CHANGES[name])
    return tflite.read(data)


def test_a_changed_graph_keeps_what_has_a_meaning() -> None:
    graph = full(small())
    assert {op.version for op in graph.ops[:2]} == {6, 1}
    renamed = replace(graph, description="another")
    written = tflite.write(renamed)
    back = tflite.read(written)
    assert [op.version for op in back.ops] == [op.version for op in graph.ops]
    assert [t.quant for t in back.tensors()] == [t.quant for t in graph.tensors()]
    ranges = [(t.quant.min, t.quant.max) for t in graph.tensors() if t.quant]
    assert {*ranges} == {((-1.5,), (float(np.float32(0.1)),))}
    assert [(t.quant.min, t.quant.max) for t in back.tensors() if t.quant] == ranges
    assert back.metadata == graph.metadata
    assert names(back) == names(graph)
    assert parsed(written).subgraphs[0].name == b"main"


def names(graph: Graph) -> list[Any]:
    """The signatures, with the name of each tensor."""
    return [
        (s.key, *([(name, t.name) for name, t in ends] for ends in (s.inputs, s.outputs)))
        for s in graph.signatures
    ]


def test_nothing_is_told_of_a_file_that_is_no_more() -> None:
    """A graph whose tensors have another order, or other ends, has another layout."""
    graph = full(small())
    assert graph.layout is not None
    op = graph.ops[-1]
    other = replace(graph, ops=(*graph.ops[:-1], replace(op, version=None)))
    model = parsed(tflite.write(other))
    assert model.subgraphs[0].name == b"main"
    assert [m.name for m in model.metadata] == [b"labels", b"nothing", b""]
    assert b"mine" not in [c.customCode for c in model.operatorCodes]


def test_an_operator_of_other_types_or_options_has_no_version_of_a_file() -> None:
    graph = tflite.read(changed(tflite.write(as_uint8(conv())), CHANGES["codes twice"]))
    assert [op.version for op in graph.ops] == [1]
    assert {op.version for op in as_int8(graph).ops} == {None}
    assert {op.version for op in as_uint8(as_int8(graph)).ops} == {None}


def test_signatures_follow_what_is_put_in_place_of_their_tensors() -> None:
    graph = full(as_uint8(conv(per_channel=False)))
    prepared = prepare(graph)
    assert names(prepared) == names(graph)
    assert names(tflite.read(tflite.write(prepared))) == names(graph)
    int8 = prepare(full(conv(per_channel=False)))
    uint8 = as_uint8(int8)
    ends = uint8.signatures[0]
    assert [t for _, t in (*ends.inputs, *ends.outputs)] == [*uint8.inputs, *uint8.outputs]
    assert {t.dtype for _, t in ends.inputs} == {"uint8"}


def test_signatures_follow_folded_outputs() -> None:
    c = Tensor("c", (6,), "int8", Quant((0.05,), (0,)), np.arange(6, dtype=np.int8))
    x, y = activation("x", (1, 4)), replace(c, name="y", shape=(1, 6), data=None)
    ops = (Relu((x,), (replace(x, name="r"),)), Reshape((c,), (y,)))
    ends = Signature("serve", (("a", x),), (("b", y),))
    graph = Graph("test", (x,), (ops[0].y, y), ops, signatures=(ends,))
    folded = fold_constants(graph)
    assert folded.signatures[0].outputs == (("b", folded.outputs[1]),)
    assert folded.outputs[1].const
    assert names(tflite.read(tflite.write(folded))) == [("serve", [("a", "x")], [("b", "y")])]


def test_a_part_of_a_network_has_no_signature() -> None:
    graph = full(small())
    assert tflite.read(tflite.write(graph.until(graph.ops[2]))).signatures == ()


def test_a_signature_of_a_tensor_that_is_no_more_is_dropped() -> None:
    x, y, z = (activation(n, (1, 4)) for n in "xyz")
    signatures = tuple(Signature(t.name, (("x", x),), (("y", t),)) for t in (y, z))
    graph = replace(network(Relu((x,), (y,))), signatures=signatures)
    assert [s.key for s in tflite.read(tflite.write(graph)).signatures] == ["y"]


@pytest.mark.parametrize("scheme", ["int8", "int16x8", "uint8-per-tensor"])
def test_a_quantised_network_keeps_signatures_and_metadata(tmp_path: Path, scheme: str) -> None:
    """But for the runtime that its operators need, which are others."""
    graph = full(floated(conv()))
    model, out, x = (tmp_path / name for name in ("float.tflite", "small.tflite", "x.npy"))
    model.write_bytes(tflite.write(graph))
    np.save(x, samples(graph, 8)[0])
    done = ascua("quantize", model, "-d", x, "-o", out, "--scheme", scheme)
    assert done.code == 0, done.err
    made = tflite.load(out)
    assert names(made)[:2] == names(graph)[:2]
    ends = made.signatures[0]
    assert [t for _, t in (*ends.inputs, *ends.outputs)] == [*made.inputs, *made.outputs]
    kept = [m for m in graph.metadata if m.name != "min_runtime_version"]
    assert list(made.metadata) == kept
    assert len(kept) == len(graph.metadata) - 1
    assert parsed(out.read_bytes()).subgraphs[0].tensors[0].shapeSignature is None


def wrong_signature(model: Any) -> None:
    model.signatureDefs[0].inputs[0].tensorIndex = 99


def of_another_subgraph(model: Any) -> None:
    model.signatureDefs[0].subgraphIndex = 1


def wrong_metadata(model: Any) -> None:
    model.metadata[0].buffer = 99


def much_metadata(model: Any) -> None:
    """Each of its own buffer, all of which lie in one place."""
    first = len(model.buffers)
    model.buffers += [table("Buffer", offset=8, size=4096) for _ in range(1 << 10)]
    for i in range(1 << 10):
        model.metadata.append(table("Metadata", name=b"much", buffer=first + i))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (wrong_signature, "a signature: tensor 99 of 2 does not exist"),
        (of_another_subgraph, "a signature is of another subgraph"),
        (wrong_metadata, "metadata has buffer 99 of"),
        (much_metadata, "metadata claims more bytes than the file holds"),
    ],
)
def test_numbers_of_what_is_not_there_are_refused(change: Change, what: str) -> None:
    x, y = activation("x", (1, 4)), activation("y", (1, 4))
    data = b"\1" * 4096
    graph = replace(
        network(Relu((x,), (y,))),
        signatures=(Signature("serve", (("x", x),), (("y", y),)),),
        metadata=(Metadata("labels", data),),
    )
    whole = tflite.write(graph)
    assert tflite.read(whole).metadata[0].data == data
    with pytest.raises(ModelError) as caught:
        tflite.read(changed(whole, change), "some/model.tflite")
    assert caught.value.what.startswith("some/model.tflite: ")
    assert what in caught.value.what
    assert caught.value.things_to_try


def in_another_file(_: int, t: Any) -> None:
    if t.name == b"w":
        t.buffer, t.externalBuffer = 0, 1


def a_scale_a_block(_: int, t: Any) -> None:
    if t.name == b"w":
        t.quantization.detailsType = schema().QuantizationDetails.BlockwiseQuantization
        t.quantization.details = table("BlockwiseQuantization", blockSize=32)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (in_another_file, "the values of tensor 'w' lie in another file"),
        (a_scale_a_block, "tensor 'w' has a scale a block (BlockwiseQuantization)"),
    ],
)
def test_values_that_the_file_does_not_tell_are_refused(
    change: Callable[[int, Any], None], what: str
) -> None:
    data = changed(tflite.write(conv()), of_tensors(change))
    with pytest.raises(Unsupported) as caught:
        tflite.read(data, "some/model.tflite")
    assert caught.value.what.startswith(f"some/model.tflite: {what}")
    assert caught.value.things_to_try
