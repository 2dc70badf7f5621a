"""Opens files of Keras models: .keras and .h5, never running code in them, and SavedModel folders.

A SavedModel is a program of TensorFlow's operators, some of which write files: it is named before
it is loaded, as a user's own Python is.
"""

from __future__ import annotations

import json
import logging
import re
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from ascua import files
from ascua.errors import InputError, first_line
from ascua.files import networks
from ascua.zoo.tensorflow import import_keras, quiet

log = logging.getLogger(__name__)

MOST_BYTES = 1 << 33
"""A larger model is none that this computer trains."""
SUFFIXES = (".keras", ".h5", ".hdf5")


def kind(path: Path) -> Literal["hdf5", "zip", "folder", "other"]:
    """What the bytes at `path` are. Raises InputError where there is nothing to read."""
    if path.is_dir():
        return "folder"
    try:
        files.check_regular(path, MOST_BYTES)
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as e:
        raise InputError(f"{path}: cannot be read: {e.strerror}.") from e
    if start == b"\x89HDF\r\n\x1a\n":
        return "hdf5"
    return "zip" if start.startswith(b"PK\x03\x04") else "other"


def load_keras(path: Path) -> Any:
    """The Keras model in a .keras or .h5 file, or in a SavedModel folder.

    Raises InputError for what is no such file, is damaged, or needs classes of the user's own,
    and ToolMissing without Keras.
    """
    what = kind(path)
    if what == "folder":
        return _load_saved_model(path)
    if what == "other":
        form = networks.form(path)
        if isinstance(form, networks.Other):
            raise InputError(
                f"{path}: neither a .keras nor an .h5 file: it {form.what}.", form.tries
            )
        raise InputError(
            f"{path}: neither a .keras nor an .h5 file: it is of the form {form}.",
            ["Save the Keras model with `model.save('model.keras')`."],
        )
    keras = import_keras()
    try:
        with quiet(), _called(path, ".h5" if what == "hdf5" else ".keras") as called:
            return keras.models.load_model(called, compile=False, safe_mode=True)
    except Exception as e:  # Keras has no error of its own for a wrong file
        older = None if "model config" in str(e) else _keras_2(path, what)
        remedies = _remedies(e) if older is None else [older]
        raise InputError(f"{path}: Keras cannot load it: {_reason(e)}", remedies) from e


def _reason(e: BaseException) -> str:
    """What Keras says, or, of a class that it does not know, that it is this one."""
    unknown = re.search(r"Could not locate class '(\w+)'", str(e))
    return first_line(e) if unknown is None else f"it does not know the class {unknown[1]!r}."


@contextmanager
def _called(path: Path, suffix: str) -> Iterator[Path]:
    """`path`, or a link to it that ends as Keras, which goes by names, wants it."""
    if path.suffix == suffix or (suffix == ".h5" and path.suffix == ".hdf5"):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / f"model{suffix}"
        link.symlink_to(path.resolve())
        yield link


def _keras_2(path: Path, what: str) -> str | None:
    """What to try with a file that Keras 2 wrote; None of another."""
    version = ""
    with suppress(Exception):  # whatever a damaged file makes of it: it is only a hint
        if what == "zip":
            with zipfile.ZipFile(path) as archive:
                version = json.loads(archive.read("metadata.json"))["keras_version"]
        else:
            import h5py

            with h5py.File(path) as file:
                version = file.attrs["keras_version"]
    if not isinstance(version, str) or not re.fullmatch(r"[0-2]\.[\w.-]{1,20}", version):
        return None
    return (
        f"Keras {version} wrote it: convert it there to a float .tflite file"
        " (`tf.lite.TFLiteConverter.from_keras_model`), and give that."
    )


def _load_saved_model(path: Path) -> Any:
    """A model of one layer, which cannot be trained: what the folder serves."""
    if not (path / "saved_model.pb").is_file():
        raise InputError(
            f"{path}: a folder without saved_model.pb: not a SavedModel.",
            ["Give the .keras, .h5 or float .tflite file, or the folder that Keras exported."],
        )
    keras = import_keras()
    log.warning("Loading a program of TensorFlow: %s", path.resolve() / "saved_model.pb")
    try:
        with quiet():
            import tensorflow as tf

            served = tf.saved_model.load(str(path)).signatures
            if "serving_default" not in served:
                raise InputError(
                    f"{path}: a SavedModel without the signature 'serving_default'.",
                    ["Write it with Keras' `model.export(folder)`."],
                )
            signature = served["serving_default"].structured_input_signature[1]
            outputs = served["serving_default"].structured_outputs
            if len(signature) != 1 or len(outputs) != 1:
                raise InputError(
                    f"{path}: {len(signature)} inputs and {len(outputs)} outputs; one of each is "
                    "wanted."
                )
            layer = keras.layers.TFSMLayer(str(path), call_endpoint="serving_default")
            x = keras.Input(next(iter(signature.values())).shape[1:], name="image")
            return keras.Model(x, next(iter(layer(x).values())), name=path.name)
    except InputError:
        raise
    except Exception as e:
        raise InputError(f"{path}: TensorFlow cannot load it: {first_line(e)}") from e


def _remedies(e: Exception) -> list[str]:
    """What to try, by what Keras complains about."""
    text = str(e)
    if "custom" in text or "Could not locate" in text or "Unknown layer" in text:
        return [
            "It has classes of your own: build it in a function, and give `module:function`.",
            "Give a SavedModel folder, written by `model.export(folder)`.",
        ]
    if "ambda" in text or "safe_mode" in text:
        return [
            "It has code of its own (Lambda). To train: build it in a function, `module:function`.",
            "To quantise or compare: give a SavedModel folder, written by `model.export(folder)`.",
        ]
    if "model config" in text or "No model" in text:
        return [
            "It holds weights alone. To train on: `ascua train RECIPE --weights FILE`, by a recipe"
            " of its network.",
            "Else save the whole model: `model.save('model.keras')`.",
        ]
    return ["Save it anew with this version of Keras: `model.save('model.keras')`."]
