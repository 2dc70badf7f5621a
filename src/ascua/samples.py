"""Samples of a network: where they come from, and how they go to a board and back as bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ascua import inputs, pixels
from ascua.artifact import Artifact, Slot, size
from ascua.errors import InputError
from ascua.ir import Array, Graph, limits
from ascua.labels import Classes, Labels


def pack(xs: Sequence[Array]) -> bytes:
    """Samples (n, *shape) an input as bytes: sample after sample, its inputs in order."""
    rows = [np.ascontiguousarray(x).reshape(len(x), -1).view(np.uint8) for x in xs]
    return np.concatenate(rows, axis=1).tobytes()


def unpack(raw: bytes, network: Graph | Artifact, samples: int) -> list[Array]:
    """The outputs (n, *shape) in `raw`, as `pack` would order them."""
    rows = np.frombuffer(raw, np.uint8).reshape(samples, -1)
    ys, at = [], 0
    for t in network.outputs:
        part = np.ascontiguousarray(rows[:, at : at + t.bytes])
        ys.append(part.view(t.dtype).reshape(samples, *t.shape))
        at += t.bytes
    return ys


def pack_states(states: Sequence[Array], slots: Sequence[Slot]) -> bytes:
    """States (1, *shape) each as bytes, each in its slot, and zeros between them."""
    raw = bytearray(size(slots))
    for values, slot in zip(states, slots, strict=True):
        raw[slot.offset : slot.offset + slot.tensor.bytes] = np.ascontiguousarray(values).tobytes()
    return bytes(raw)


def unpack_states(raw: bytes, slots: Sequence[Slot]) -> tuple[Array, ...]:
    """The states (1, *shape) in `raw`, as `pack_states` has them."""
    return tuple(
        np.frombuffer(raw, slot.tensor.dtype, slot.tensor.size, slot.offset).reshape(
            1, *slot.tensor.shape
        )
        for slot in slots
    )


def spread(samples: int, count: int | None, *, sequence: bool = False) -> Array:
    """The indices (n,) of `count` of so many samples, increasing; of all without a count.

    They lie as evenly as whole numbers do, the first sample and, of two or more, the last among
    them; in a `sequence`, where each sample depends on those before it, they are the first ones.
    More than there are is all. Raises InputError below 1.
    """
    if count is not None and count < 1:
        raise InputError(
            f"check: {count} samples cannot be compared.",
            ["Give 1 or more, or nothing: then all are."],
        )
    n = samples if count is None else min(count, samples)
    at: Array = np.arange(n)
    return at if sequence else at * (samples - 1) // max(n - 1, 1)


def picked(xs: Sequence[Array], at: Array) -> list[Array]:
    """Of arrays (samples, ...) the samples `at`; no copy where that is all."""
    return [x if len(at) == len(x) else x[at] for x in xs]


def mismatches(ys: Sequence[Array], expected: Sequence[Array], tolerance: float = 0.0) -> int:
    """Output bytes that differ; of floats, all of those that are farther apart than `tolerance`.

    That is a part of the greatest value of their tensor.
    """
    return sum(
        int(np.count_nonzero(differing(a, b, tolerance))) for a, b in zip(ys, expected, strict=True)
    )


def differing(y: Array, expected: Array, tolerance: float = 0.0) -> Array:
    """Whether each byte differs, as `mismatches` counts them."""
    bytes_: Array = y.reshape(-1).view(np.uint8) != expected.reshape(-1).view(np.uint8)
    if y.dtype != np.float32 or not tolerance:
        return bytes_
    a, b = y.reshape(-1).astype(np.float64), expected.reshape(-1).astype(np.float64)
    with np.errstate(invalid="ignore"):
        reach = tolerance * float(np.abs(b[np.isfinite(b)]).max(initial=0.0))
        near = (np.abs(a - b) <= reach) | (a == b) | (np.isnan(a) & np.isnan(b))
    far: Array = bytes_ & ~np.repeat(near, y.itemsize)
    return far


def bring(graph: Graph, path: Path | None) -> list[Array]:
    """The samples in the file at `path`, or the fixed pseudo-random one without a file."""
    return inputs.pseudo_random(graph) if path is None else inputs.load(path, graph)


def bring_labels(graph: Graph, path: Path | None, samples: int) -> Labels | None:
    """The classes in the file at `path`, if there is one. Raises InputError."""
    if path is None:
        return None
    return Classes(inputs.load_labels(path, samples, inputs.classes(graph.outputs[0])))


def load_or_random(graph: Graph, path: Path | None, samples: int = 4) -> list[Array]:
    """The samples in the file at `path`; without one the fixed sample, and random ones."""
    return sample_vectors(graph, samples) if path is None else inputs.load(path, graph)


def sample_vectors(graph: Graph, samples: int = 4) -> list[Array]:
    """The fixed pseudo-random sample and random ones, (n, *shape) an input; always the same."""
    rng = np.random.default_rng(1)
    xs = []
    for fixed, t in zip(inputs.pseudo_random(graph), graph.inputs, strict=True):
        shape = (samples - 1, *t.shape)
        if t.dtype == "float32":
            more: Array = rng.normal(0, 1, shape).astype(np.float32)
        else:
            low, high = limits(t.dtype)
            more = rng.integers(low, high + 1, shape).astype(t.dtype)
        xs.append(np.concatenate([fixed, more]))
    return xs


def as_inputs(graph: Graph, samples: Array) -> list[Array]:
    """A data set's samples (n, ...) as the model's input.

    uint8 images (n, h, w, c) are bytes for bytes, value - 128 for int8; real values of them are in
    the range that the input was calibrated for, 0..1 where none is known. Float samples are as
    they are, quantised where the input is.
    """
    x, images = graph.inputs[0], samples
    if samples.dtype != np.uint8:
        return [inputs.convert(samples, x, f"input '{x.name}'")]
    if x.dtype in ("int8", "uint8"):
        return [inputs.convert(images, x, f"input '{x.name}'")]
    held = inputs.calibrated(graph, x)
    low, high = (0.0, 1.0) if held is None else inputs.reach(held)
    if held is not None and held.dtype == "int16":
        low = 0.0
    if pixels.near((low, high), pixels.USUAL[0]):
        return [inputs.convert(images / np.float32(255), x, f"input '{x.name}'")]
    real = np.float32(low) + images.astype(np.float32) * np.float32((high - low) / 255)
    return [inputs.convert(real, x, f"input '{x.name}'")]
