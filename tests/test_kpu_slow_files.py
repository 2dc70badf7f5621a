"""Files for the slow simulator: damaged ones, those that compilers wrote, and random ones."""

from __future__ import annotations

import contextlib
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.kpu import v3_cases, v4_cases
from tests.support.kpu.by_hand import layer
from tests.support.kpu.case import differing
from tests.support.kpu.cases import cases
from tests.support.kpu.pack import REGISTERS, V3, Conv
from tests.support.kpu.slow import Refused, run
from tests.support.tools import require_programs

MODELS = Path(__file__).parents[2] / "shared" / "models" / "k210"


@pytest.fixture(autouse=True)
def _compiler() -> None:
    require_programs("gcc", "cc")


def test_damaged_files_are_refused() -> None:
    f = V3()
    f.conv(layer([[1]]), 0, 512, f.place(16))
    f.output(0, 4)
    good, x = f.data, np.zeros((1, 4, 4), np.uint8)
    assert run(good, x)
    for data in (b"", good[:40], good[:300], b"\x05" + good[1:]):
        with pytest.raises(Refused):
            run(data, x)
    with pytest.raises(Refused, match="input is too short"):
        run(good, x[:, :3])
    for at in range(len(good)):
        for value in (0, 255):
            with contextlib.suppress(Refused):
                run(good[:at] + bytes([value]) + good[at + 1 :], x)


def registers_of(data: bytes) -> list[bytes]:
    """Each register block of a file."""
    found = []
    if data[0] == 3:
        count, outputs = struct.unpack_from("<3xI8xI", data, 9)
        at = 28 + 8 * outputs
        kinds, conv = [struct.unpack_from("<II", data, at + 8 * i) for i in range(count)], 10240
        body, where = at + 8 * count, lambda body: struct.unpack_from("<I", data, body + 8)[0]
    else:
        constants, _, count, inputs, outputs = struct.unpack_from("<5I", data, 16)
        at = 40 + 32 * inputs + 16 * outputs + constants
        kinds, conv = [struct.unpack_from("<II", data, at + 8 * i) for i in range(count)], 0x2002
        body, where = at + 8 * count, lambda body: body + 24
    for kind, size in kinds:
        if kind == conv:
            found.append(data[where(body) :][:96])
        body += size
    return found


@pytest.mark.parametrize("name", [f"kmodelV{v}/mbnet{a}" for v in (3, 4) for a in (25, 50, 75)])
def test_registers_are_packed_as_the_compilers_packed_them(name: str) -> None:
    path = MODELS / f"{name}.kmodel"
    if not path.exists():
        pytest.skip("the kmodel files are not here")
    blocks = registers_of(path.read_bytes())
    assert len(blocks) == 28 - (name[7] == "4")
    for block in blocks:
        words = struct.unpack("<12Q", block)
        v = {}
        for key, (word, low, bits) in REGISTERS.items():
            n = abs(bits)
            v[key] = words[word] >> low & ((1 << n) - 1)
            v[key] -= (1 << n) if bits < 0 and v[key] >> (n - 1) else 0
        kernel, oc, ic = 1 + 2 * v["kernel_type"], v["o_ch_num"] + 1, v["i_ch_num"] + 1
        deep = bool(v["depth_wise_layer"])
        weights = np.zeros((oc, kernel**2 * (1 if deep else ic)), int)
        h, w, x, weight = v["i_col_high"] + 1, v["i_row_wid"] + 1, v["arg_x"], v["arg_w"]
        conv = Conv(ic, oc, h, w, kernel, deep, v["pool_type"], v["pad_value"], (x, v["shr_x"]),
                    (weight, v["shr_w"]), v["arg_add"], weights, (), ())  # fmt: skip
        names = ("bwsx_base_addr", "active_addr", "para_start_addr", "send_data_out")
        more = {n: v[n] for n in names}
        assert conv.registers(v["image_src_addr"], v["image_dst_addr"], **more) == block


def test_real_files_run() -> None:
    path = MODELS / "kmodelV4/mbnet25.kmodel"
    if not path.exists():
        pytest.skip("the kmodel files are not here")
    x = np.random.default_rng(0).integers(0, 256, (3, 224, 224)).astype(np.uint8)
    y = np.frombuffer(run(path.read_bytes(), x)[0], np.float32)
    steps = y * np.float32(335.1540832519531)
    assert y.shape == (1000,)
    assert y.max() > 0
    assert np.abs(steps - steps.round()).max() < 1e-3


def test_random_files_run_whatever_memory_held() -> None:
    some = [*cases(84, 7, edges=False)]
    assert len({c.kind for c in some}) == 4 + len(v3_cases.MAKERS) + len(v4_cases.MAKERS) == 46
    for case in some:
        x = case.inputs[0]
        first, second = run(case.data, x), run(case.data, x, fill=0xA5)
        assert (differing(case, first, second), first) == ([], second), case.name


def test_what_differs_between_outputs() -> None:
    case = next(cases(1, edges=False))
    one = np.float32([1, 100]).tobytes()
    close = np.float32([1 + 1e-6, 100 + 5e-5]).tobytes()
    assert differing(case, [one, one], [one, close]) == [1]
    assert differing(replace(case, near=1e-6), [one, one], [one, close]) == []
    assert differing(replace(case, near=1e-7), [one, close], [one, one]) == [1]
    none = np.float32([np.nan, 1]), np.float32([-np.nan, 1])
    assert differing(replace(case, near=1e-6), *([x.tobytes()] for x in none)) == []
    assert differing(case, [one], [one, one]) == [0, 1]


def test_a_seed_makes_the_same_files() -> None:
    first, second = ([*cases(8, 3, edges=False)] for _ in range(2))
    assert [c.data for c in first] == [c.data for c in second]
    assert [c.inputs.tobytes() for c in first] == [c.inputs.tobytes() for c in second]
