"""The lines of results/*.jsonl as values. A field with a default is left out where it has that."""

from __future__ import annotations

from dataclasses import MISSING, asdict, dataclass, field, fields
from math import inf
from typing import Any, ClassVar, Literal

DEFAULT_GOAL = "balanced"


@dataclass(frozen=True, kw_only=True)
class Line:
    """What all lines have in common."""

    identity: ClassVar[tuple[str, ...]]
    """Fields: two lines that have them equal are one, of which the first stays."""

    def line(self) -> dict[str, Any]:
        """The value as the object of its line."""
        values = asdict(self)
        left_out = {
            f.name for f in fields(self)
            if values[f.name] == f.default
            or (f.default_factory is not MISSING and values[f.name] == f.default_factory())
        }  # fmt: skip
        return {name: value for name, value in values.items() if name not in left_out}


@dataclass(frozen=True)
class RamBytes:
    """RAM of a network: `total` is the sum of the others; what a board cannot tell is None."""

    arena: int
    static: int | None
    stack: int | None
    total: int | None


@dataclass(frozen=True, kw_only=True)
class ModelCycles:
    """Cycles by a core's timing, which is of a kind (`boards.timing.Kind`): not measured."""

    core: str = ""
    kind: Literal["model", "bound", "fitted"]
    wait: int = 0
    """Wait states of code."""
    assumed: int
    least: int
    most: int
    unknown: tuple[str, ...] = ()
    """Instructions without a timing."""


@dataclass(frozen=True, kw_only=True)
class Result(Line):
    """One measurement of a network on a board: a line of results/<recipe>.jsonl.

    What is counted is as `measure.Measurement` has it; docs/json.md describes the fields.
    """

    identity = ("key", "clean")

    schema: Literal[1]
    recipe: str
    """Or the name of a given model."""
    core: str
    firmware_sha256: str | None = None
    """Of lines that have no `key`: of sources, flags and the number of samples alone."""
    key: str | None = None
    """The hash of all that the measurement read: where it is the same, nothing is measured."""
    accuracy_float: float | None
    accuracy_int8: float | None
    when: str
    commit: str | None
    clean: bool | None
    """Whether the source tree was as committed; None where there is none."""
    counter: str | None
    board: str
    goal: str = DEFAULT_GOAL
    """What the plan was for."""
    model_sha256: str
    macs: int
    macs_model: int
    flash_bytes: int | None
    weights_bytes: int
    code_bytes: int | None
    ram_bytes: RamBytes
    samples: int
    instructions: int | float | None
    cycles: ModelCycles | None = None
    """None of a core without a timing, and of older lines."""
    mismatched_bytes: int
    accuracy: float | None
    tools: dict[str, str]
    training: dict[str, Any] | None = None
    """The recipe's values that decided it; None of a given model, and of older lines."""
    labelled: dict[str, Any] | None = None
    """Score and details of labels that are no classes, by names of their own."""
    classes: tuple[str, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    """Samples of a class (a row) by the class that the board answered (a column)."""

    def __post_init__(self) -> None:
        """Raises ValueError for a line that does not say what it was measured of."""
        if (self.key is None) == (self.firmware_sha256 is None):
            raise ValueError("either `key` or, of an old line, `firmware_sha256` is needed")
        if any(len(row) != len(self.classes) for row in (self.confusion, *self.confusion)):
            raise ValueError(f"confusion: of {len(self.classes)} classes it has other rows")


@dataclass(frozen=True, kw_only=True)
class Peer(Line):
    """What another tool takes for a network on a core: a line of results/peers.jsonl."""

    identity = ("model_sha256", "core", "peer", "version", "compiler")

    model: str
    model_sha256: str
    core: str
    peer: str
    version: str
    compiler: str
    instructions: int
    flash_bytes: int
    ram_bytes: int
    """Arena, variables, input and output."""
    stack_bytes: int


@dataclass(frozen=True)
class StackCycles:
    """Model cycles a MAC of a stack that was built and counted here, and is not committed."""

    stack: str
    commit: str
    """Of Ascua, whose model it is."""
    least: float
    assumed: float
    most: float
    with_flash: float
    """The same with the chip's flash and its cache simulated."""


@dataclass(frozen=True, kw_only=True)
class Published(Line):
    """Cycles a MAC that somebody measured on a chip: a line of results/published.jsonl."""

    identity = ("model", "chip", "stack", "source")

    model: str
    core: str
    chip: str
    stack: str
    """What ran the network."""
    source: str
    cycles_mac: float
    modelled: StackCycles | None = None
    """The same network by the nearest stack that can be built here."""


@dataclass(frozen=True, kw_only=True)
class MeasuredEnergy(Line):
    """Energy that somebody measured on a chip: a line of results/energy.jsonl."""

    identity = ("round", "submitter", "system", "model")

    round: str
    """Of MLPerf Tiny."""
    submitter: str
    system: str
    """The board, and the software where it has a name there."""
    board: str
    """Ascua's board of that chip."""
    model: str
    hz: float
    inferences_s: float
    uj: float
    """An inference."""

    @property
    def cycles(self) -> float:
        """Of an inference."""
        return self.hz / self.inferences_s

    @property
    def pj_per_cycle(self) -> float:
        """While it infers."""
        return 1e6 * self.uj / self.cycles


@dataclass(frozen=True, kw_only=True)
class EstimatedEnergy(Line):
    """What an inference is estimated to take on a board: a line of results/estimates.jsonl."""

    identity = ("key", "clean")

    model: str
    model_sha256: str
    board: str
    goal: str
    counted_on: str
    """The emulated board that counted."""
    key: str
    """The hash of all that the estimate read."""
    commit: str | None
    clean: bool | None
    """As in a Result."""
    cycles: int
    """Model cycles."""
    ms: float
    ms_error: tuple[float, float] | None
    uj: float
    uj_error: tuple[float, float] | None


@dataclass(frozen=True, kw_only=True)
class Quantized(Line):
    """How near a quantised network comes to its float one: a line of results/quantization.jsonl.

    The last four fields are there where it was run on a board.
    """

    identity = ("key", "clean")

    model: str
    model_sha256: str
    """Of the float network."""
    quantizer: str
    draw: int
    """Which draw of calibration samples."""
    key: str | None = None
    """The hash of all that the measurement read; older lines have none."""
    commit: str | None = None
    clean: bool | None = None
    """As in a Result; older lines do not tell."""
    calibration: int
    samples: int
    float_top1: float
    int8_top1: float
    agreement: float
    cosine: float
    board: str | None = None
    instructions: int | float | None = None
    flash_bytes: int | None = None
    weights_bytes: int | None = None


@dataclass(frozen=True)
class Timing:
    """What somebody measured of a chip, and the estimate for it."""

    source: str
    what: str
    measured_ms: float
    estimate_ms: float


@dataclass(frozen=True)
class LayerEstimate:
    """What a layer of a kmodel, or the image's way to the chip, is estimated to take."""

    layer: str
    """Its type, as the file's version calls it; `image`."""
    what: str
    """Of a convolution by the KPU its kernel, and both maps: width x height x channels."""
    ms: float


@dataclass(frozen=True)
class Agreement:
    """How near a kmodel comes to its float network on labelled samples; shares of 0 to 1."""

    float_sha256: str
    float_by: str
    """What ran the float network."""
    samples: int
    float_top1: float
    kmodel_top1: float
    same_top1: float
    float_in_top5: float
    """The float network's first class is among the kmodel's first five."""
    cosine: float
    """Of the probabilities, the mean."""
    other_rounding: float
    """The kmodel's first class stays where the KPU rounds by the other rule."""
    fused: float
    """It stays where the CPU rounds a product and its sum once."""


@dataclass(frozen=True, kw_only=True)
class KmodelResult(Line):
    """A kmodel's memory, estimated time and agreement: a line of results/k210.jsonl."""

    identity = ("key", "clean")

    model: str
    version: int
    model_sha256: str
    key: str
    """The hash of all that the measurement read."""
    commit: str | None
    clean: bool | None
    """As in a Result."""
    file_bytes: int
    main_bytes: int
    kpu_lines: int
    estimate_ms: float
    """Of an inference, at the chip's nominal clocks."""
    frames_per_second: float
    """By the estimate, with camera and display."""
    timings: tuple[Timing, ...] = ()
    """What was published of this network."""
    agreement: Agreement | None = None
    """None where the float network is not at hand."""
    layers: tuple[LayerEstimate, ...] = ()
    """What makes up `estimate_ms`, in order."""
    compiler: str = "nncase"
    """Who made the file."""
    options: str = ""
    """What the compiler was asked for besides; empty of its defaults."""


@dataclass(frozen=True)
class Footprint:
    """What a network has, and takes on a board."""

    weights: int
    macs: int
    bytes: int
    """Of its file."""
    instructions: int
    flash_bytes: int


@dataclass(frozen=True, kw_only=True)
class OptimizedResult(Line):
    """A finished file, and the smaller one made of it: a line of results/optimized.jsonl."""

    identity = ("key", "clean")

    model: str
    model_sha256: str
    key: str
    """The hash of all that the measurement read."""
    commit: str | None
    clean: bool | None
    """As in a Result."""
    board: str
    goal: str
    before: Footprint
    after: Footprint
    samples: int
    differing: int
    """Bytes of their outputs in which TFLM tells the two files apart."""


@dataclass(frozen=True, kw_only=True)
class RamResult(Line):
    """The least RAM that a network is planned in on a board: a line of results/ram.jsonl.

    Bytes are those of the arena: input, output and all scratch included.
    """

    identity = ("key", "clean")

    model: str
    model_sha256: str
    key: str
    """The hash of all that the measurement read."""
    commit: str | None
    clean: bool | None
    """As in a Result."""
    board: str
    input: Literal["whole", "rows"]
    """Whether the input lies in the arena whole, or comes row by row."""
    whole_tensors: int
    """What tensors take that all lie there whole, without scratch."""
    floor: int
    """The least by simulation, row by row, without scratch: no part of the planner."""
    balanced_bytes: int
    """The arena of the goal `balanced`, whose input is whole."""
    arena_bytes: int
    bound_bytes: int
    """What no plan of those searched goes below."""
    balanced_instructions: int | None = None
    instructions: int | None = None
    """One inference; None where the board has too little memory for it."""
    stack_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class ZephyrResult(Line):
    """What an application of Zephyr with a network takes: a line of results/zephyr.jsonl."""

    identity = ("key", "clean")

    model: str
    by: str = "ascua"
    """Whose code runs the network."""
    model_sha256: str | None
    key: str
    """The hash of all that the measurement read; of another's figures, where they are from."""
    commit: str | None
    clean: bool | None
    """As in a Result; None of another's figures."""
    zephyr: str | None
    """Its version."""
    target: str
    """The board, as Zephyr calls it."""
    goal: str | None
    flash_bytes: int
    ram_bytes: int
    """By the table of memory that the build prints, as `flash_bytes`: static variables, stacks."""
    arena_bytes: int
    """Of the network: in that table, or in the heap."""
    stack_bytes: int | None
    """Of the thread that runs the network: in that table."""
    heap_bytes: int
    """Beside that table."""
    answer: str | None
    """The class that it names for a ship; None where that is not known."""


@dataclass(frozen=True, kw_only=True)
class PrunedResult(Line):
    """A network with fewer channels, trained: a line of results/pruning.jsonl."""

    identity = ("key", "clean")

    network: str
    seed: int
    method: str
    """The ranking; "none": nothing is gone, "scratch": its shape, trained from random weights."""
    ratio: float
    """The share of the multiply-accumulates that was to go."""
    scope: Literal["layer", "global"] = "layer"
    """Whether every layer lost that share, or the network."""
    epochs: int
    """Of training in all."""
    key: str
    """The hash of what decides the training."""
    commit: str | None
    clean: bool | None
    """As in a Result."""
    accuracy: float
    """Of the float model on all test images."""
    untuned: float | None
    """The same before the tuning."""
    parameters: int
    macs: int


@dataclass(frozen=True, kw_only=True)
class CellResult(Line):
    """What a study found of one combination: a line of results/studies/<study>.jsonl."""

    identity = ("key", "clean", "when")

    cell: str
    network: str
    method: str
    """The ranking; "none": nothing is gone, "scratch": its shape, trained from random weights."""
    ratio: float
    """The share that was to go."""
    form: str
    """`keras`, `float` (.tflite), or the scheme of a .tflite file of integers."""
    seed: int
    board: str | None = None
    goal: str | None = None
    definition: str
    """The hash of what was asked for."""
    key: str
    """The hash of that and of all that its stages read."""
    commit: str | None
    clean: bool | None
    """As in a Result."""
    failed: str | None = None
    """Why there is nothing more."""
    accuracy: float | None = None
    """Over all test images, of this form."""
    samples: int | None = None
    """Of those that ran on the board; its bytes equal those that the accuracy is of."""
    untuned: float | None = None
    """The float accuracy after the pruning, before the tuning."""
    parameters: int | None = None
    macs: int | None = None
    bytes: int | None = None
    """Of the file."""
    flash_bytes: int | None = None
    ram_bytes: int | None = None
    """Of a kmodel, the workspace in main memory."""
    kpu_bytes: int | None = None
    """Of a kmodel, the most of the KPU's memory that a layer takes."""
    instructions: float | None = None
    cycles: int | None = None
    """Model cycles."""
    ms: float | None = None
    ms_error: tuple[float, float] | None = None
    uj: float | None = None
    uj_error: tuple[float, float] | None = None
    """As in an EstimatedEnergy: estimates, and the shares by which they may be off."""
    counted_on: str | None = None
    layers: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Filters of a layer before and after."""
    seconds: float = 0.0
    """That its stages took, those that it shares with others too."""
    training_seconds: float | None = None
    """Of the network's last training: on the computer that did it, beside what else it did."""
    history: tuple[tuple[float, float | None], ...] = ()
    """Of a Keras model, by epoch: accuracy on training images and on validation ones."""
    tools: dict[str, str] = field(default_factory=dict)
    when: str = ""

    def __post_init__(self) -> None:
        """Raises ValueError for a figure that none can be."""
        for name in ("accuracy", "untuned"):
            share = getattr(self, name)
            if share is not None and not 0 <= share <= 1:
                raise ValueError(f"{name}: a share is 0 to 1, not {share}")
        for name in ("instructions", "ms", "uj", "seconds"):
            amount = getattr(self, name)
            if amount is not None and not 0 <= amount < inf:
                raise ValueError(f"{name}: {amount} is no amount")
