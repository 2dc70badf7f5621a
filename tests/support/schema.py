"""What a reader of the schema sees in a .tflite file, by TensorFlow's own classes."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest

from ascua.run.litert import version


@cache
def schema() -> Any:
    """TensorFlow's generated schema, without TensorFlow, which takes seconds to import."""
    if version() is None:
        pytest.skip("TensorFlow is not installed")
    found = importlib.util.find_spec("tensorflow")
    assert found is not None
    assert found.origin is not None
    path = Path(found.origin).parent / "lite/python/schema_py_generated.py"
    spec = importlib.util.spec_from_file_location("schema_py_generated", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def parsed(data: bytes) -> Any:
    """The ModelT of a file."""
    return schema().ModelT.InitFromObj(schema().Model.GetRootAs(data, 0))


def changed(data: bytes, change: Callable[[Any], None]) -> bytes:
    """The file after `change` of its ModelT."""
    model = parsed(data)
    change(model)
    return packed(model)


def packed(model: Any) -> bytes:
    """The file of a ModelT."""
    b = flatbuffers.Builder(1024)
    b.Finish(model.Pack(b), b"TFL3")
    return bytes(b.Output())


def said(data: bytes) -> Any:
    """All that a file says: nested dictionaries and lists, a buffer's content for its number."""
    model = parsed(data)
    contents = [_content(b, data) for b in model.buffers or []]
    tree = _plain(model)
    for sub in tree["subgraphs"]:
        for t in sub["tensors"]:
            t["buffer"] = contents[t["buffer"]]
    for m in tree["metadata"] or []:
        m["buffer"] = contents[m["buffer"]]
    tree["metadataBuffer"] = tree["metadataBuffer"] and [
        contents[i] for i in tree["metadataBuffer"]
    ]
    del tree["buffers"]
    return tree


def _content(buffer: Any, data: bytes) -> bytes:
    if buffer.offset > 1:
        return data[buffer.offset : buffer.offset + buffer.size]
    return b"" if buffer.data is None else np.asarray(buffer.data, np.uint8).tobytes()


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if hasattr(value, "__dict__"):
        return {"": type(value).__name__} | {k: _plain(v) for k, v in vars(value).items()}
    return value


def differences(a: Any, b: Any, at: str = "") -> Iterator[str]:
    """Where two trees of `said` differ, and how."""
    if type(a) is type(b) is dict and a.keys() == b.keys():
        for key in a:
            yield from differences(a[key], b[key], f"{at}.{key}")
    elif type(a) is type(b) is list and len(a) == len(b):
        for i, pair in enumerate(zip(a, b, strict=True)):
            yield from differences(*pair, f"{at}[{i}]")
    elif type(a) is not type(b) or (a != b and (a == a or b == b)):
        yield f"{at}: {a!r:.60} became {b!r:.60}"
