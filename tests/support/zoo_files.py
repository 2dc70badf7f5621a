"""Networks of the zoo as int8 files with random weights: for plans, where no training matters."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ascua import files, zoo
from ascua.quantize import Options
from ascua.train.export import export_quantized
from ascua.zoo.variants import VARIANTS

SAMPLES = 8
"""Random images that set the ranges, the first all black, the second all white."""


def int8_file(name: str, folder: Path, seed: int = 1) -> Path:
    """The .tflite of the variant `name`, its weights and images drawn by `seed`; made once."""
    path = folder / f"{name}-{seed}.tflite"
    if not path.exists():
        (variant,) = (v for v in VARIANTS if v.name == name)
        # Keras counts its layers, and the file has their names.
        zoo.import_keras().utils.clear_session()
        model = zoo.build(
            variant.family, variant.shape, variant.classes, seed=seed, **variant.arguments
        )
        images = np.random.default_rng(seed).integers(0, 256, (SAMPLES, *variant.shape), np.uint8)
        images[0], images[1] = 0, 255
        content = export_quantized(model, images, Options())
        folder.mkdir(parents=True, exist_ok=True)
        files.write(path, lambda to: to.write_bytes(content))
    return path
