"""Reads and writes .tflite files, with nothing lost on the way; the only user of flatbuffers."""

from __future__ import annotations

from ascua.tflite.reading import load, read
from ascua.tflite.writing import write

__all__ = ["load", "read", "write"]
