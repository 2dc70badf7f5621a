"""What to try with a network whose operators Ascua does not take, by who made it so."""

from __future__ import annotations

import re
from collections.abc import Iterable

_LOOP = "A loop, as of an LSTM or a GRU: build the layer with `unroll=True` and a fixed length."
_SHAPE = (
    "It computes with a batch that nobody knows: convert a model whose batch is 1,"
    " `keras.Input(shape, batch_size=1)`, or give the .keras file to `ascua quantize`."
)
_OPERATORS = (
    ("WHILE|IF", _LOOP),
    (
        "(UN|B)IDIRECTIONAL_SEQUENCE_.*|BASIC_RNN|RNN|LSTM|SVDF",
        "A layer with states of its own: build the LSTM or GRU with `unroll=True`.",
    ),
    ("FILL|RANGE|BROADCAST_ARGS", _SHAPE),
    (
        "DENSIFY",
        "Its weights are sparse: convert it without EXPERIMENTAL_SPARSITY.",
    ),
    (
        "custom operator '(ethos-u|edgetpu-custom-op).*'",
        "It was compiled for an accelerator (Vela, Edge TPU): give the file from before that.",
    ),
    (
        "custom operator 'Flex.*'",
        "TensorFlow runs these layers itself. Where they are for training, as augmentation is, give"
        " the .keras file to `ascua quantize`, or leave them out of what is exported.",
    ),
)
"""By what an operator's name matches: the remedy."""


def for_operators(names: Iterable[str]) -> list[str]:
    """What to try, by the names of operators that are not supported; each remedy once."""
    known = [(re.compile(pattern), remedy) for pattern, remedy in _OPERATORS]
    found = [r for name in names for pattern, r in known if pattern.fullmatch(name)]
    return [
        *dict.fromkeys(found),
        "`ascua ops` lists what is supported.",
        "Replace the layers that make these operators, or cut them off the model.",
    ]
