"""Quantises a float .tflite with LiteRT's quantizer, in a Python that has `ai-edge-quantizer`.

`python litert_quantizer.py FLOAT.tflite SAMPLES.npy OUT.tflite`; samples are float32 (n, *shape).
"""

import sys
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import quantizer, recipe

source, samples, target = sys.argv[1:]
interpreter = Interpreter(source)
key, signature = next(iter(interpreter.get_signature_list().items()))
name = signature["inputs"][0]
made = quantizer.Quantizer(Path(source).read_bytes(), recipe.static_wi8_ai8())
seen = made.calibrate({key: [{name: x[None]} for x in np.load(samples)]}, num_threads=1)
Path(target).write_bytes(made.quantize(seen).quantized_model)
