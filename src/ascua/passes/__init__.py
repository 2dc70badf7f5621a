"""Passes rewrite a Graph into a simpler one that computes the same; each is a pure function."""

from __future__ import annotations

from dataclasses import replace

from ascua.errors import ModelError, Unsupported, brief
from ascua.ir import Graph, Op, Tensor
from ascua.ops import Weighted, on_floats
from ascua.ops.batch_to_space_nd import BatchToSpaceND
from ascua.ops.quantize import Quantize
from ascua.ops.space_to_batch_nd import SpaceToBatchND
from ascua.passes import unsigned
from ascua.passes.dead import drop_dead
from ascua.passes.dilation import dilated
from ascua.passes.folding import fold_constants, reading
from ascua.passes.optimizing import Optimized, optimize
from ascua.passes.reals import on_integers
from ascua.passes.repeats import without_tiles
from ascua.passes.unsigned import as_int8

__all__ = [
    "EDGES", "Optimized", "check", "check_outputs", "check_sound", "check_stateless", "drop_dead",
    "drop_identities", "fold_constants", "fuse_dilations", "optimize", "prepare", "refuse_hybrid",
    "without_tiles",
]  # fmt: skip

EDGES = ("int8", "uint8", "int16", "int32", "int64", "float32", "bool")
"""Types that inputs and outputs of a library can have."""


def prepare(graph: Graph, where: str | None = None, *, floats: bool = False) -> Graph:
    """`graph` ready for planning: constants folded, floats on integers, dead ops dropped, checked.

    Raises Unsupported with the operators that Ascua cannot take, and why; `where` (the file)
    stands in the message. A network that is all of floats is taken where `floats` are wanted.
    """
    graph = drop_identities(as_int8(without_tiles(fold_constants(graph))))
    graph = drop_dead(on_integers(fuse_dilations(graph)))
    check(graph, where, floats=floats)
    return graph


def drop_identities(graph: Graph) -> Graph:
    """Drop each QUANTIZE that changes nothing: its readers read what it reads."""
    instead: dict[Tensor, Tensor] = {}
    ops = []
    for old in graph.ops:
        op = reading(old, instead)
        if isinstance(op, Quantize) and op.identity and op.y not in graph.left:
            instead[op.y] = op.x
        else:
            ops.append(op)
    return replace(graph, ops=tuple(ops))


def fuse_dilations(graph: Graph) -> Graph:
    """Make one dilated convolution of each SPACE_TO_BATCH_ND, convolution, BATCH_TO_SPACE_ND.

    Only where every output stays the same, as `dilated` tells; views may lie between them.
    """
    instead: dict[Op, tuple[Op, ...]] = {}
    for op in graph.ops:
        chain = _chain(op, graph) if isinstance(op, SpaceToBatchND) else ()
        if chain and (fused := dilated(chain)):
            instead |= {**dict.fromkeys(chain, ()), chain[-1]: fused}
    return replace(graph, ops=tuple(n for op in graph.ops for n in instead.get(op, (op,))))


def _chain(first: Op, graph: Graph) -> tuple[Op, ...]:
    """The ops from `first` to a BATCH_TO_SPACE_ND, each the only reader of the one before."""
    chain = [first]
    while not isinstance(chain[-1], BatchToSpaceND):
        t = chain[-1].y
        following = graph.readers[t]
        if len(following) != 1 or t in graph.left or following[0].inputs[0] is not t:
            return ()
        chain.append(following[0])
    return tuple(chain)


def check(graph: Graph, where: str | None = None, *, floats: bool = False) -> None:
    """Raise Unsupported unless every operator can be taken.

    Those on floats are where there are integers beside them, or `floats` are wanted.
    """
    where = where or graph.name
    refuse_hybrid(graph, where)
    wanted = floats or any(not {"int8", "int16"}.isdisjoint(op.dtypes) for op in graph.ops)
    reasons = [(op, unsigned.condition(op) or _condition(op, floats=wanted)) for op in graph.ops]
    bad = [(op, reason) for op, reason in reasons if reason is not None]
    check_outputs(graph, where)
    if not bad:
        _check_edges(graph, where)
        return
    op, reason = bad[0]
    more = ""
    if len(bad) > 1:
        kinds = ", ".join(sorted({op.tflite for op, _ in bad[1:]}))
        more = f" ({len(bad) - 1} more are refused: {kinds}.)"
    raise Unsupported(
        f"{where}: {op.said}: {reason}.{more}", _remedies(graph, reason, where, floats=floats)
    )


def _condition(op: Op, *, floats: bool) -> str | None:
    """None, or why `op` cannot be taken, where floats are or not."""
    if not floats or not op.in_float:
        return op.check()
    if op.floats or "float32" in op.types or op.malformed():
        return on_floats(op)
    return "Ascua has no kernel of it for float32"


def refuse_hybrid(graph: Graph, where: str) -> None:
    """Raise Unsupported where weights are integers, and what they are multiplied with is not."""
    for op in graph.ops:
        if not isinstance(op, Weighted) or len(op.inputs) < 2 or op.inputs[1] is None:
            continue
        if op.w.const and op.w.dtype in ("int8", "int4") and "float32" in op.dtypes:
            raise Unsupported(
                f"{where}: a dynamic-range (hybrid) network: the weights of {op.tflite}"
                f" '{brief(op.name)}' are {op.w.dtype}, and its arithmetic is in float.",
                [
                    "Give the float network that it was made of: `ascua quantize FLOAT.tflite"
                    " --data D --out int8.tflite` makes integers of all.",
                    "In TensorFlow: convert with a representative data set, for int8 throughout.",
                ],
            )


def check_stateless(graph: Graph, where: str) -> None:
    """Raise Unsupported where runs depend on earlier ones: samples in any order say nothing."""
    if graph.states:
        raise Unsupported(
            f"{where}: the variable '{brief(graph.states[0].name)}' is carried from one run to the"
            " next; here samples are taken each by itself.",
            ["Export the network without a state: with the whole sequence as its input."],
        )


def check_sound(graph: Graph, where: str) -> None:
    """Raise ModelError where an operator of the folded `graph` is none: it computes nothing."""
    for op in graph.ops:
        if reason := op.malformed():
            raise ModelError(
                f"{where}: {op.said}: {reason}.",
                ["Export the model again, with a fixed batch of 1."],
            )


def check_outputs(graph: Graph, where: str) -> None:
    """Raise Unsupported where an output is a constant."""
    for t in graph.outputs:
        if t.const:
            raise Unsupported(
                f"{where}: the output '{brief(t.name)}' is a constant.",
                ["Export the model without this output: it is the same for every input."],
            )


def _check_edges(graph: Graph, where: str) -> None:
    """Raise Unsupported where an input that no operator reads, or hands on, has an odd type."""
    for t in (*graph.given, *graph.left):
        if t.dtype not in EDGES:
            raise Unsupported(
                f"{where}: '{brief(t.name)}' is {t.dtype}, not {', '.join(EDGES)}.",
                ["Export the model with int8 inputs and outputs."],
            )


def _remedies(graph: Graph, reason: str, where: str, *, floats: bool) -> list[str]:
    if "TFLM has it in float32 alone" in reason:
        return [
            "Give the .keras file, or the float .tflite, to `ascua quantize`: it leaves such an"
            " operator in float, which TFLM runs."
        ]
    if any(t.dtype == "float32" for op in graph.ops for t in op.outputs) and "float" in reason:
        if any(t.dtype in ("int8", "int16") for t in graph.given):
            return [
                "The converter left these layers in float: begin with the float .tflite or the"
                " .keras file, and `ascua quantize`.",
            ]
        weights = sum(t.bytes for t in graph.tensors() if t.const and t.dtype == "float32")
        taken = all(on_floats(op) is None for op in graph.ops if op.in_float)
        return [
            f"`ascua quantize {where} --data DATA -o int8.tflite`, with inputs like its own:"
            f" {weights // 4:,} bytes of weights instead of {weights:,}, a quarter of the"
            " activations, and several times as fast; without floating point, a hundred times."
            if weights
            else f"`ascua quantize {where} --data DATA -o int8.tflite`, with inputs like its own.",
            *(["`--float` runs it as it is."] if taken and not floats else []),
            "Or convert with full-integer quantisation: a representative data set, and"
            " supported_ops = [TFLITE_BUILTINS_INT8].",
        ]
    return ["`ascua ops` lists the operators; docs/ops.md says what each takes."]
