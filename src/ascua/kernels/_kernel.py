"""What Python must know of a C kernel: for which operator, on which core, with what beside data."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import ClassVar, Generic, Literal, Self, TypeAlias, TypeVar, Union, get_args, get_origin

import numpy as np

from ascua.boards import Core
from ascua.ir import Array, Op, Tensor

O = TypeVar("O", bound=Op)  # noqa: E741

Content: TypeAlias = Literal["weights", "requantization", "index", "codebook"]
"""What bytes of the model a constant holds; biases count as weights."""


@dataclass(frozen=True, eq=False)
class Const:
    """A constant as a kernel reads it: packed values, and how many of its bytes are the model's.

    `holds` counts these as the file has them, 8 a channel of requantisation; what packing adds to
    them counts as code.
    """

    name: str
    data: Array
    ctype: str = "int8_t"
    """The C type of an element; a struct where `data` is (n, fields)."""
    holds: Mapping[Content, int] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """Bytes in flash."""
        return int(self.data.nbytes)

    @property
    def key(self) -> tuple[str, str]:
        """The same for equal constants, which are stored once."""
        digest = hashlib.sha256(np.ascontiguousarray(self.data).tobytes()).hexdigest()
        return self.ctype, f"{digest}{self.data.shape}"

    @property
    def payload(self) -> int:
        """Bytes of the model."""
        return sum(self.holds.values())


@dataclass(frozen=True)
class Rows:
    """Work by rows: a call makes `block` rows of the output from `kh` rows of the input.

    `sy` is from one call's rows to the next one's. Of several rows the last call may make fewer: a
    kernel of such work is told how many are `left`. `fill` is the value of padding; then the rows
    come padded left and right as well. None means that rows outside the input are null pointers,
    and that the kernel clips left and right itself.
    """

    kh: int
    sy: int = 1
    dy: int = 1
    py: int = 0
    left: int = 0
    right: int = 0
    fill: int | None = None
    block: int = 1

    def calls(self, y: Tensor) -> int:
        """How often a kernel is called to make image `y`."""
        return -(-y.shape[1] // self.block)

    @property
    def span(self) -> int:
        """Input rows from the first to the last that a call reads."""
        return (self.kh - 1) * self.dy + 1

    def padded(self, x: Tensor, y: Tensor) -> bool:
        """Whether any window from image `x` to image `y` reaches beyond the input."""
        below = (self.calls(y) - 1) * self.sy + self.span - self.py - x.shape[1]
        return max(self.left, self.right, self.py, below) > 0


@dataclass(frozen=True)
class Run:
    """Work by pixels: a call makes any number of them in a row, of as many of each input.

    A pixel is all of the last axis. The parameter `count` is `each` times their number; at least a
    row of the image is made at once.
    """

    count: str
    each: int = 1

    def params(self, t: Tensor, rows: int) -> dict[str, int]:
        """The parameters by which a call makes so many rows of image `t`."""
        return {self.count: self.each * rows * (t.size // (t.height * t.shape[-1]))}


@dataclass(frozen=True)
class Sums:
    """Work by sums: a call takes one of the `rows` of the input, and adds it to those in scratch.

    A kernel of such work is told behind the output which row it is, from 0 on: the first begins
    anew, and only the last writes the output.
    """

    rows: int


Overlap: TypeAlias = int | Literal["exact"] | None
"""How an output may lie over an input that is read for the last time.

From so many bytes before the input's beginning on down; or exactly over it, and an input that is
longer may stand out behind; None: it may not.
"""

Work: TypeAlias = Rows | Run | Sums | None
"""The shape of a kernel's work; None where a call takes whole tensors."""


class Kernel(ABC, Generic[O]):
    """The code for an operator on a core with given features; one subclass a kernel header.

    `name` is the C function, `kernels/<name>.h` its file, `<name>_t` its parameter struct; the type
    argument names its operators, as in `Kernel[Add | Sub]`. A kernel knows nothing of `eval`: what
    it multiplies by and clamps to, it derives from the tensors itself, so that the two are two
    witnesses.
    """

    name: ClassVar[str]
    ops: ClassVar[tuple[type[Op], ...]] = ()
    """The operators that it is for, with their subclasses."""
    needs: ClassVar[frozenset[str]] = frozenset()
    int_bits: ClassVar[Literal[16, 32]] = 16
    """How wide `int` must be for it to be exact; of 32, its header includes `int32.h`."""
    types: ClassVar[tuple[str, ...]] = ("int8",)
    """The dtypes of the inputs and outputs that it runs on; of an `Op`, each must be among them."""
    weights: ClassVar[tuple[str, ...]] = ()
    """The dtypes of weights that it runs, where there are any."""
    bytewise: ClassVar[bool] = False
    """Whether it takes tensors of any dtype as bytes, `int8_t *`."""
    gathers: ClassVar[bool] = False
    """Whether the inputs, of any number, come as one array of pointers."""
    scatters: ClassVar[bool] = False
    """Whether the outputs, of any number, come as one array of pointers."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for base in getattr(cls, "__orig_bases__", ()):
            for kind in get_args(base):
                union = get_origin(kind) in (Union, UnionType)
                kinds = get_args(kind) if union else (kind,)
                if all(isinstance(k, type) for k in kinds):
                    cls.ops = kinds

    def runs_on(self, core: Core) -> bool:
        """Whether `core` has what it needs, and computes it exactly."""
        return self.needs <= core.features and self.int_bits <= core.int_bits

    @abstractmethod
    def params(self, op: O) -> Mapping[str, int | float]:
        """The fields of the C struct `<name>_t`, in its order."""

    def fits(self, op: O) -> bool:  # noqa: ARG002
        """Whether this kernel can run `op` (its shape, not the board)."""
        return True

    def consts(self, op: O) -> tuple[Const, ...]:  # noqa: ARG002
        """Constants in the order of the C arguments."""
        return ()

    def scratch(self, op: O) -> int:  # noqa: ARG002
        """Bytes of working memory beyond the line buffers of rows."""
        return 0

    def work(self, op: O) -> Work:  # noqa: ARG002
        """The shape of its work: rows under a window, runs of pixels, sums, or whole tensors."""
        return None

    def sliced(self, slices: int) -> Self:  # noqa: ARG002
        """This kernel where the input of an operator without rows comes in so many equal pieces.

        So do the rows of an image that is seen as a vector. It takes them by `Sums`, if at all:
        that is what `fits` says then.
        """
        return self

    def overlap(self, op: O, *, rows: bool) -> Overlap:  # noqa: ARG002
        """How the output may lie over an input, of a call that makes all of it or one of its rows.

        Each element of an element-wise operator's output is written when those of its place have
        been read.
        """
        same = {t.bytes for t in (*op.activations, *op.outputs)}
        return 0 if op.elementwise and isinstance(self.work(op), Run) and len(same) == 1 else None

    def terms(self, op: O) -> Mapping[str, float]:
        """How often each part of the code runs for `op`: costs are fitted to that.

        Parts that are compiled in another way have another end of their name, behind " | ".
        """
        return {
            "input": sum(t.size for t in op.activations),
            "output": sum(t.size for t in op.outputs),
            "line": sum(t.size // t.shape[-1] for t in op.activations if t.shape),
        }

    def run_terms(self, op: O, runs: int) -> Mapping[str, float]:  # noqa: ARG002
        """The same where work by pixels is done in so many equal runs, as a rule rows."""
        return self.terms(op)
