"""Networks of a seed, and several as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ascua import tflite
from ascua.errors import Unsupported
from ascua.ir import Graph
from ascua.ops import OPERATORS
from ascua.passes import prepare
from tests.fuzz import moves, values, weights
from tests.fuzz.builder import Builder, Draw, Refused

Generator = Callable[[Builder], None]

GENERATORS: dict[str, Generator] = {
    "RELU": values.relu,
    "RESHAPE": moves.reshape,
    "ABS": values.abs_,
    "ADD": values.add,
    "ARG_MAX": values.arg_max,
    "ARG_MIN": values.arg_min,
    "AVERAGE_POOL_2D": weights.average_pool_2d,
    "BATCH_MATMUL": weights.batch_matmul,
    "BATCH_TO_SPACE_ND": moves.batch_to_space_nd,
    "CAST": values.cast,
    "CONCATENATION": moves.concatenation,
    "CONV_2D": weights.conv_2d,
    "CUMSUM": values.cumsum,
    "DEPTHWISE_CONV_2D": weights.depthwise_conv_2d,
    "DEPTH_TO_SPACE": moves.depth_to_space,
    "DEQUANTIZE": values.dequantize,
    "DIV": values.div,
    "ELU": values.elu,
    "EXPAND_DIMS": moves.expand_dims,
    "FULLY_CONNECTED": weights.fully_connected,
    "HARD_SWISH": values.hard_swish,
    "L2_NORMALIZATION": values.l2_normalization,
    "LEAKY_RELU": values.leaky_relu,
    "LOGISTIC": values.logistic,
    "LOG_SOFTMAX": values.log_softmax,
    "MAXIMUM": values.maximum,
    "MAX_POOL_2D": weights.max_pool_2d,
    "MEAN": values.mean,
    "MINIMUM": values.minimum,
    "MUL": values.mul,
    "PACK": moves.pack,
    "PAD": moves.pad,
    "PADV2": moves.padv2,
    "PRELU": values.prelu,
    "QUANTIZE": values.quantize,
    "REDUCE_MAX": values.reduce_max,
    "REDUCE_MIN": values.reduce_min,
    "RELU6": values.relu6,
    "RESIZE_BILINEAR": moves.resize_bilinear,
    "RESIZE_NEAREST_NEIGHBOR": moves.resize_nearest_neighbor,
    "RSQRT": values.rsqrt,
    "SELECT_V2": values.select,
    "SHAPE": moves.shape,
    "SLICE": moves.slice_,
    "SOFTMAX": values.softmax,
    "SPACE_TO_BATCH_ND": moves.space_to_batch_nd,
    "SPACE_TO_DEPTH": moves.space_to_depth,
    "SPLIT": moves.split,
    "SPLIT_V": moves.split_v,
    "SQUARED_DIFFERENCE": values.squared_difference,
    "SQUEEZE": moves.squeeze,
    "STRIDED_SLICE": moves.strided_slice,
    "SUB": values.sub,
    "SUM": values.sum_,
    "TANH": values.tanh,
    "EQUAL": values.equal,
    "GREATER": values.greater,
    "GREATER_EQUAL": values.greater_equal,
    "LESS": values.less,
    "LESS_EQUAL": values.less_equal,
    "NOT_EQUAL": values.not_equal,
    "LOGICAL_AND": values.logical_and,
    "LOGICAL_OR": values.logical_or,
    "LOGICAL_NOT": values.logical_not,
    "BROADCAST_TO": moves.broadcast_to,
    "GATHER": moves.gather,
    "GATHER_ND": moves.gather_nd,
    "MIRROR_PAD": moves.mirror_pad,
    "REVERSE_V2": moves.reverse,
    "TRANSPOSE": moves.transpose,
    "TRANSPOSE_CONV": weights.transpose_conv,
    "UNPACK": moves.unpack,
    **{
        name: values.real(OPERATORS[name])
        for name in (
            "CEIL",
            "COS",
            "EXP",
            "FLOOR",
            "FLOOR_DIV",
            "FLOOR_MOD",
            "LOG",
            "NEG",
            "ROUND",
            "SIN",
            "SQRT",
            "SQUARE",
        )
    },
}
"""By the operator's name in TFLite; those that shrinking prefers first."""

MOST_OPERATORS = 12
TURNS = 4
"""How often an operator is drawn again where it was refused."""


@dataclass(frozen=True, eq=False)
class Network:
    """A network as read from its file, and the numbers that it was drawn from.

    `blocks` says where the numbers of each operator begin and end; `refused` are the reasons of
    the operators that were drawn and not taken.
    """

    seed: int
    model: bytes
    graph: Graph
    numbers: tuple[int, ...]
    blocks: tuple[tuple[int, int], ...]
    refused: tuple[str, ...]


def network(seed: int) -> Network:
    """The network of `seed`: between 1 and MOST_OPERATORS operators, and what connects them."""
    return drawn(Draw(seed), seed, f"n{seed}_")


def drawn(draw: Draw, seed: int, prefix: str) -> Network:
    """The network of these draws. Raises Refused where nothing came of them."""
    builder = Builder(draw, prefix)
    blocks, refused = [], []
    for _ in range(draw.integer(1, MOST_OPERATORS)):
        start = len(draw.made)
        generate = GENERATORS[draw.pick(list(GENERATORS))]
        for _ in range(TURNS):
            before = len(builder.ops), list(builder.inputs), list(builder.live)
            try:
                generate(builder)
                break
            except Refused as reason:
                refused.append(str(reason))
                del builder.ops[before[0] :]
                builder.inputs, builder.live = before[1], before[2]
        blocks.append((start, len(draw.made)))
    if not builder.ops:
        raise Refused("no operator was taken")
    graph = builder.graph(f"seed {seed}")
    model = tflite.write(graph)
    read = tflite.read(model, f"seed {seed}")
    try:
        prepare(read)
    except Unsupported as e:
        raise Refused(e.what) from e
    return Network(seed, model, read, tuple(draw.made), tuple(blocks), tuple(refused))


def networks(first: int, count: int) -> list[Network]:
    """Those of `count` seeds from `first` on, but for the few of which nothing comes."""
    found = []
    for seed in range(first, first + count):
        try:
            found.append(network(seed))
        except Refused:
            continue
    return found


def joined(graphs: Sequence[Graph]) -> Graph:
    """Unconnected networks as one, with all their inputs and outputs in order."""
    return Graph(
        "joined",
        tuple(t for g in graphs for t in g.inputs),
        tuple(t for g in graphs for t in g.outputs),
        tuple(op for g in graphs for op in g.ops),
    )
