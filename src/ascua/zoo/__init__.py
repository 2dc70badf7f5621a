"""Network families: one a file, entered in one table."""

from ascua.zoo import dscnn as _dscnn  # noqa: F401  (enters its family)
from ascua.zoo import lenet5 as _lenet5  # noqa: F401
from ascua.zoo import resnet as _resnet  # noqa: F401
from ascua.zoo.registry import build, check, defaults, names
from ascua.zoo.tensorflow import import_keras, import_tensorflow, quiet

__all__ = ["build", "check", "defaults", "import_keras", "import_tensorflow", "names", "quiet"]
