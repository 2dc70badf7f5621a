"""The verbs that take the flags of TensorFlow 1's converters, `toco` and `tflite_convert`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click

from ascua import tflite
from ascua.cli import networks
from ascua.cli.options import PATH, force
from ascua.cli.terminal import out, verbose, waiting
from ascua.convert import Ends
from ascua.errors import InputError
from ascua.files import Output
from ascua.files.kinds import DOT, TFLITE
from ascua.ncc.dots import dot

GONE = {
    "reorder_across_fake_quant": "the converter of today keeps the order, and its ranges",
    "change_concat_input_ranges": "the converter of today gives each input its own range",
    "default_integer_range_stats": "`--default_ranges_min` and `--default_ranges_max` are taken",
    "quantize_to_float16": "no microcontroller's kernels compute with it",
    "dump_graphviz_dir": "`--output_format=GRAPHVIZ_DOT` draws the graph, or `ascua convert --dot`",
    "dump_graphviz_video": "`--output_format=GRAPHVIZ_DOT` draws the graph",
    "conversion_summary_dir": "`ascua analyze OUT.tflite` tells what became of it",
    "target_ops": "kernels for microcontrollers are of TFLITE_BUILTINS",
    "enable_v1_converter": "there is one converter, MLIR's",
    "experimental_new_converter": "there is one converter, MLIR's",
    "saved_model_tag_set": "the SavedModel's only graph is taken: `--saved_model_signature_key`",
}
"""Flags that are refused, and how one says it today."""
TYPES = click.Choice(["FLOAT", "QUANTIZED_UINT8"])


def _numbers(
    _context: click.Context, option: click.Parameter, said: str | None
) -> tuple[float, ...]:  # fmt: skip
    """Numbers with commas between them."""
    try:
        return tuple(float(one) for one in (said or "").split(",") if one)
    except ValueError as e:
        raise InputError(
            f"--{option.name} {said}: not numbers.", ["With commas: `128,127.5`."]
        ) from e


def _refuse(_context: click.Context, option: click.Parameter, said: str | None) -> None:
    """Raise InputError for a flag that there is no more, where it is given."""
    if said is not None:
        name = str(option.name)
        raise InputError(f"--{name}: it is not taken: {GONE[name]}.", [f"Leave out `--{name}`."])


def _maybe(name: str, text: str) -> Callable[[Any], Any]:
    """A flag that may have a value: `--x`, `--x=true`, `--x=false`."""
    return click.option(
        f"--{name}", is_flag=False, flag_value="true", default="false", type=click.BOOL, help=text
    )


OPTIONS = [
    click.option("--graph_def_file", "--input_file", type=PATH, help="A frozen graph."),
    click.option("--saved_model_dir", type=PATH, help="A SavedModel's folder."),
    click.option("--saved_model_signature_key", metavar="KEY", help="One of its signatures."),
    click.option("--keras_model_file", type=PATH, help="A .keras or .h5 file."),
    click.option("--output_file", type=PATH, required=True, help="What is written."),
    click.option(
        "--output_format", type=click.Choice(["TFLITE", "GRAPHVIZ_DOT"]), default="TFLITE",
        show_default=True, help="A network, or a drawing of it.",
    ),
    click.option("--input_arrays", "--input_array", metavar="A,B", callback=networks.names,
                 help="Inputs."),
    click.option("--output_arrays", "--output_array", metavar="A,B", callback=networks.names,
                 help="Outputs."),
    click.option("--input_shapes", "--input_shape", metavar="1,H,W,C:…", help="Of the inputs."),
    click.option("--inference_type", type=TYPES, default="FLOAT", show_default=True,
                 help="Of all arrays."),
    click.option("--inference_input_type", type=TYPES, help="Of the inputs, where it is another."),
    click.option("--mean_values", "--mean_value", metavar="M,N", callback=_numbers,
                 help="The byte that stands for 0, an input."),
    click.option("--std_dev_values", "--std_value", metavar="S,T", callback=_numbers,
                 help="How many bytes stand for 1: real = (byte - mean) / std."),
    click.option("--default_ranges_min", type=float, help="Of arrays whose range is not known."),
    click.option("--default_ranges_max", type=float, help="The other end."),
    _maybe("post_training_quantize", "Weights of 8 bits, arithmetic in float; for phones."),
    _maybe("allow_custom_ops", "Keep operators that TFLite has not."),
    _maybe("drop_control_dependency", "As it always is."),
    *(click.option(f"--{name}", is_flag=False, flag_value="true", hidden=True, callback=_refuse,
                   expose_value=False) for name in GONE),
]  # fmt: skip


def _verb(name: str) -> Callable[[Callable[..., None]], click.Command]:
    """A verb with all these options."""

    def decorate(function: Callable[..., None]) -> click.Command:
        made: Any = verbose(force()(function))
        for option in reversed(OPTIONS):
            made = option(made)
        return click.command(name)(made)

    return decorate


@_verb("toco")
def toco(**flags: Any) -> None:
    """Make a .tflite file by the flags of TensorFlow 1's toco."""
    _convert(**flags)


@_verb("tflite_convert")
def tflite_convert(**flags: Any) -> None:
    """Make a .tflite file by the flags of TensorFlow 1's tflite_convert."""
    _convert(**flags)


def _convert(*, output_file: Path, output_format: str, force: bool, **flags: Any) -> None:
    """Check what goes together, convert, write."""
    named = {
        flag: flags[flag] for flag in ("graph_def_file", "saved_model_dir", "keras_model_file")
        if flags[flag] is not None
    }  # fmt: skip
    if len(named) != 1:
        what = " and ".join(f"--{flag}" for flag in named) or "No network"
        raise InputError(
            f"{what}: one network is converted.",
            ["One of `--graph_def_file`, `--saved_model_dir` and `--keras_model_file` names it."],
        )
    ((flag, path),) = named.items()
    drawing = output_format == "GRAPHVIZ_DOT"
    kind, name = (DOT, "OUT.dot") if drawing else (TFLITE, "OUT.tflite")
    output = Output(output_file, kind, f"--output_file {name}", (path,), force=force)
    output.check()
    content = _content(flag, path, flags)
    if drawing:
        content = dot(tflite.read(content, str(path))).encode()
    output.write(lambda file: file.write_bytes(content))
    out.print(f"{output_file}: {len(content):,} bytes.", markup=False, highlight=False)


def _content(flag: str, path: Path, said: dict[str, Any]) -> bytes:
    """The bytes of the .tflite file."""
    from ascua.convert import toco as roads

    names = said["input_arrays"]
    shapes = networks.shapes(said["input_shapes"], names, "--input_shapes", "--input_arrays")
    ends = Ends(names, said["output_arrays"], shapes, said["saved_model_signature_key"])
    flags = roads.Flags(
        said["inference_type"], said["inference_input_type"],
        _by_input(said, "mean_values"), _by_input(said, "std_dev_values"), _ranges(said),
        post_training_quantize=said["post_training_quantize"],
        allow_custom_ops=said["allow_custom_ops"],
    )  # fmt: skip
    quantised = "QUANTIZED_UINT8" in (flags.inference_type, flags.inference_input_type)
    if not quantised and (flags.means or flags.ranges):
        _unused("--mean_values" if flags.means else "--default_ranges_min")
    if quantised and flags.post_training_quantize:
        raise InputError(
            "--post_training_quantize: its arithmetic is in float, and `--inference_type` asks for"
            " integers.",
            ["Leave out one of them."],
        )
    made = {"graph_def_file": roads.of_graph_def, "saved_model_dir": roads.of_saved_model,
            "keras_model_file": roads.of_keras}[flag]  # fmt: skip
    with waiting(f"Converting {path} by TensorFlow"):
        return made(path, ends, flags)


def _by_input(said: dict[str, Any], flag: str) -> dict[str, float]:
    """A number for each input."""
    names, numbers = said["input_arrays"], said[flag]
    if not numbers:
        return {}
    if len(names) != len(numbers):
        raise InputError(
            f"--{flag}: {len(numbers)} numbers for {len(names)} inputs.",
            ["Name the inputs, one a number: `--input_arrays=A,B`."],
        )
    return dict(zip(names, numbers, strict=True))


def _ranges(said: dict[str, Any]) -> tuple[float, float] | None:
    """The range of arrays that have none of their own."""
    low, high = said["default_ranges_min"], said["default_ranges_max"]
    if low is None and high is None:
        return None
    if low is None or high is None or not low < high:
        raise InputError(
            f"--default_ranges_min {low} and --default_ranges_max {high}: not a range.",
            ["Both, in this order: `--default_ranges_min=0 --default_ranges_max=6`."],
        )
    return low, high


def _unused(flag: str) -> NoReturn:
    raise InputError(
        f"{flag}: a float network has no use for it.",
        [f"Add `--inference_type=QUANTIZED_UINT8`, or leave out `{flag}`."],
    )
