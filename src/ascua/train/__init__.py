"""Training: a recipe and a data set become a float network and its int8 .tflite."""

from ascua.train.aware import export_aware, quantization_aware
from ascua.train.data import load_data
from ascua.train.export import calibration_samples, export_int8
from ascua.train.training import Trained, is_trained, train

__all__ = [
    "Trained",
    "calibration_samples",
    "export_aware",
    "export_int8",
    "is_trained",
    "load_data",
    "quantization_aware",
    "train",
]
