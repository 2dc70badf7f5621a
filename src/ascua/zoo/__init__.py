"""Network families: one a file, entered in one table."""

from ascua.zoo import (  # noqa: F401  (each enters its families)
    airbench,
    autoencoder,
    conv1d,
    dscnn,
    inverted_residuals,
    lenet5,
    mcunet_v2,
    mlp,
    mobilenet_v1,
    mobilenet_v2,
    mobilenet_v3,
    resnet,
    squeezenet,
    vgg,
)
from ascua.zoo.functions import is_function
from ascua.zoo.normalization import adapt, normalized, settle
from ascua.zoo.normalization import leading as leading_normalization
from ascua.zoo.own import is_own
from ascua.zoo.own import load as load_own
from ascua.zoo.registry import build, check, defaults, names
from ascua.zoo.rescaling import first as first_layers
from ascua.zoo.rescaling import image as image_of
from ascua.zoo.rescaling import is_clear
from ascua.zoo.rescaling import without as without_rescaling
from ascua.zoo.size import Size, size
from ascua.zoo.tensorflow import PARALLEL, import_keras, import_tensorflow, quiet
from ascua.zoo.weights import LoadedWeights, freeze, load_weights, obtain

__all__ = [
    "PARALLEL",
    "LoadedWeights",
    "Size",
    "adapt",
    "build",
    "check",
    "defaults",
    "first_layers",
    "freeze",
    "image_of",
    "import_keras",
    "import_tensorflow",
    "is_clear",
    "is_function",
    "is_own",
    "leading_normalization",
    "load_own",
    "load_weights",
    "names",
    "normalized",
    "obtain",
    "quiet",
    "settle",
    "size",
    "without_rescaling",
]
