"""scikit-learn's handwritten digits: 1,797 gray images of 8 x 8, part of that package."""

from __future__ import annotations

import numpy as np

from ascua.data.registry import Dataset, Request, dataset
from ascua.errors import PIP_TRAIN, ToolMissing


@dataset("digits")
def digits(_: Request) -> Dataset:
    """1,437 training and 360 test images (8, 8, 1); every fifth image of a class is for testing.

    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as e:
        raise ToolMissing(
            "The data set 'digits' comes with scikit-learn, which is not installed.",
            [f"In Ascua's folder: `{PIP_TRAIN}`."],
        ) from e
    table = load_digits()
    x = np.round(table.images * (255 / 16)).astype(np.uint8)[..., None]
    y = table.target.astype(np.int64)
    # RandomState's streams are frozen, so that this split is the same with every NumPy.
    order = np.random.RandomState(1797).permutation(len(y))
    order = order[np.argsort(y[order], kind="stable")]
    test = np.zeros(len(y), bool)
    test[order[::5]] = True
    return Dataset(
        name="digits",
        x_train=x[~test],
        y_train=y[~test],
        x_test=x[test],
        y_test=y[test],
        classes=tuple("0123456789"),
    )
