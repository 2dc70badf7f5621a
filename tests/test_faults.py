"""The tests of the kernels see faults: each of these was put in once, and none saw it.

A fault is a change of a kernel's header; the operator's own named cases run on it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ascua import kernels
from ascua.errors import ToolFailed
from ascua.ops.add import Add
from tests.ops import test_add as add
from tests.ops import test_conv2d as conv2d
from tests.ops import test_depthwise_conv2d as depthwise
from tests.ops import test_l2_normalization as length
from tests.ops import test_pad as pad
from tests.ops.test_conv2d import conv
from tests.support import check_everywhere, collected
from tests.support.tools import require_tool

Cases = Callable[[], None]


def conv_cases() -> None:
    check_everywhere(collected({case: conv(**fields) for case, fields in conv2d.CASES.items()}))


def conv_int16() -> None:
    conv2d.test_int16("int64")


def depthwise_cases() -> None:
    depthwise.test_kernels("depthwise_conv2d_3x3_s8", 0)


def broadcasts() -> None:
    add.test_broadcasting(Add)


def length_cases() -> None:
    length.test_vectors_that_a_sixth_step_of_newtons_method_would_change()


def pad_cases() -> None:
    pad.test_equals_tflm()


FAULTS: dict[str, tuple[str, str, str, Cases]] = {
    "taps 3 rows apart": (
        "window.h", "(top + ky * w->dy)", "(top + ky * (w->dy > 2 ? 2 : w->dy))", conv_cases,
    ),
    "3, 7 and 11 channels": (
        "depthwise_conv2d_s8.h", "at += 2 * p->next", "at += 4 * p->next", depthwise_cases,
    ),
    "five dimensions": ("pad_s8.h", "i0 * p->step0", "i0 * p->step1", pad_cases),
    "five dimensions, all paddings in the last": (
        "pad_s8.h", "i0 < p->n0", "i0 < (p->n0 > 1 ? 1 : p->n0)", pad_cases,
    ),
    "the second four channels of int16": (
        "conv2d_s16.h", "4, rows, ox * p->step, w, bias + oc, requant + oc",
        "4, rows, ox * p->step, w, bias + oc, requant", conv_int16,
    ),
    "one step of Newton's method more": ("l2_normalization_s8.h", "i < 5", "i < 6", length_cases),
    "a broadcast's activation": (
        "add_broadcast_s8.h", "p->low, p->high", "-128, p->high", broadcasts,
    ),
}  # fmt: skip
"""A header, what stands in it once, what is put there instead, and the cases that see it."""


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_seen(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_tool("cc")
    header, right, wrong, cases = FAULTS[fault]
    folder = Path(shutil.copytree(kernels.FOLDER, tmp_path / "kernels"))
    text = (folder / header).read_text()
    assert text.count(right) == 1, "the fault is to be stated anew"
    (folder / header).write_text(text.replace(right, wrong))
    monkeypatch.setattr(kernels, "FOLDER", folder)
    with pytest.raises((AssertionError, ToolFailed)) as seen:
        cases()
    assert "generated C" in str(seen.value) or "host: " in str(seen.value)
