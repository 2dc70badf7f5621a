"""Training: a recipe and a data set become a float network and its int8 .tflite."""

from ascua.train.export import calibration_images, export_int8
from ascua.train.training import Trained, train

__all__ = ["Trained", "calibration_images", "export_int8", "train"]
