"""Imports Keras on TensorFlow without their chatter, or says how to install them."""

from __future__ import annotations

import io
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import Any

from ascua.errors import PIP_TRAIN, ToolMissing

PARALLEL = 4
"""Operators that TensorFlow computes at a time, each on one thread: so the last bit of a result
does not depend on the machine's cores."""


def import_keras() -> Any:
    """The module `keras`, on the TensorFlow backend. Raises ToolMissing without it."""
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "tensorflow"  # the only one that can export .tflite
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # TensorFlow uses oneDNN by itself only on processors with VNNI; without, training is
    # slower, and convolutions of channels first fail.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    try:
        with quiet():
            import keras
            import tensorflow

            with suppress(RuntimeError):  # it is at work already, as the importing program wished
                tensorflow.config.threading.set_intra_op_parallelism_threads(1)
                tensorflow.config.threading.set_inter_op_parallelism_threads(PARALLEL)
    except ImportError as e:
        raise ToolMissing(
            f"Training needs Keras and TensorFlow: {e}.",
            [f"In Ascua's folder: `{PIP_TRAIN}`, or `make setup`."],
        ) from e
    if keras.backend.backend() != "tensorflow":
        raise ToolMissing(
            f"Training needs Keras on TensorFlow; here it runs on {keras.backend.backend()}.",
            ["Set the environment variable KERAS_BACKEND=tensorflow before importing keras."],
        )
    return keras


def import_tensorflow() -> Any:
    """The module `tensorflow`. Raises ToolMissing without it."""
    import_keras()
    import tensorflow

    return tensorflow


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps warnings, prints and what C++ code writes to file descriptor 2 from the terminal.

    After an exception the held text is written out: it may name the cause.
    """
    sys.stderr.flush()
    chatter = logging.getLogger("tensorflow")  # a notebook's goes past the file descriptor
    level = chatter.level
    chatter.setLevel(logging.ERROR)
    with tempfile.TemporaryFile() as held:
        saved = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
                warnings.simplefilter("ignore")
                yield
        except Exception:
            held.seek(0)
            os.write(saved, held.read())
            raise
        finally:
            chatter.setLevel(level)
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
