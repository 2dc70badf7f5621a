"""Training: a recipe and a data set become a float network and its int8 .tflite."""

from ascua.train.aware import export_aware, quantization_aware
from ascua.train.export import calibration_images, export_int8
from ascua.train.training import Trained, is_trained, train

__all__ = [
    "Trained",
    "calibration_images",
    "export_aware",
    "export_int8",
    "is_trained",
    "quantization_aware",
    "train",
]
