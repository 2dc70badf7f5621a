"""The command line: each verb parses, calls one function, prints."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import NoReturn

import click
from click.shell_completion import CompletionItem

from ascua.cli.terminal import drop_stdout, err, print_error, verbose
from ascua.errors import AscuaError, InputError, did_you_mean

INTERRUPTED = 130
"""The exit code that shells give a program ended by Ctrl-C; 143 stands for SIGTERM."""


VERBS = {
    "analyze": ("compiling:analyze", "Operators, MACs, weights, arena and fit of MODEL.tflite."),
    "bench": ("learn:bench", "Measure RECIPEs and the peers' models, side by side."),
    "boards": ("listing:boards", "List the boards, and whether each can run here."),
    "clean": ("cleaning:clean", "Tell what caches and build folders hold, and remove WHAT of it."),
    "compare": (
        "comparing:compare", "Compare networks A and B: layer by layer, and in their answers.",
    ),
    "compile": (
        "compiling:compile_",
        "Write MODEL.tflite as a C library, or as a kmodel for a K210; needs no C compiler.",
    ),
    "convert": (
        "converting:convert", "Make a .tflite file of a Keras, TensorFlow or ONNX network.",
    ),
    "demo": ("learn:demo", "Train RECIPE, run it on its board, and show one sample."),
    "doctor": ("listing:doctor", "Tell which tools are installed, and how to add the rest."),
    "export": (
        "exporting:export",
        "Write MODEL as a project of another build system, or what a board needs to run it.",
    ),
    "flash": ("maix:flash", "Write a program or a model into a board's flash."),
    "models": ("models:models", "List the zoo's networks, or measure one of yours."),
    "ncc": ("ncc:ncc", "What nncase's ncc 0.2 does with .kmodel files of the Kendryte K210."),
    "ops": ("listing:ops", "List the operators, their kernels, and what each takes."),
    "optimize": (
        "optimizing:optimize",
        "Write an int8 MODEL.tflite smaller, without a change in any bit of its outputs.",
    ),
    "prune": ("pruning:prune", "Take the channels of MODEL that are worth least out of it."),
    "quantize": ("quantizing:quantize", "Quantise a float MODEL to an int8 .tflite file."),
    "report": (
        "report:report",
        "Tell what STUDY found: tables, the Pareto front, and the answer in a sentence.",
    ),
    "run": (
        "compiling:run",
        "Build MODEL.tflite, run it on a board, check every output byte; or run a .kmodel.",
    ),
    "study": (
        "study:study",
        "Run any matrix of experiments: networks, pruning, quantisation, boards, seeds.",
    ),
    "tflite_convert": (
        "toco:tflite_convert", "Make a .tflite file by the flags of TensorFlow 1's tflite_convert.",
    ),
    "toco": ("toco:toco", "Make a .tflite file by the flags of TensorFlow 1's toco."),
    "train": ("learn:train", "Train RECIPE to a float Keras model and an int8 .tflite file."),
    "validate": (
        "compiling:validate", "Compare MODEL.tflite on every executor, byte for byte.",
    ),
}  # fmt: skip
"""Where each verb is, and the first line of its help: a module is loaded when its verb is used."""


EXAMPLES = {
    "analyze": "analyze model.tflite --board lm3s6965evb",
    "bench": "bench digits-dscnn",
    "boards": "boards",
    "clean": "clean firmware",
    "compare": "compare net.keras model.tflite --data images/",
    "compile": "compile model.tflite --board nrf52840 --name kws -o firmware/kws",
    "convert": "convert net.onnx -o net.tflite",
    "demo": "demo mnist-lenet5",
    "doctor": "doctor",
    "export": "export zephyr model.tflite --name kws -o kws",
    "flash": "flash maix maix/model.kfpkg --port /dev/ttyUSB0",
    "models": "models mobilenet_v1",
    "ncc": "ncc compile net.tflite net.kmodel -i tflite -o kmodel -t k210 --dataset images/",
    "ops": "ops",
    "optimize": "optimize model.tflite -o small.tflite",
    "prune": "prune net.keras --ratio 0.5 --of macs --data images/ --finetune 10 -o small.keras",
    "quantize": "quantize net.keras --data images/ -o model.tflite",
    "report": "report pruning-study -o report",
    "run": "run model.tflite --board lm3s6965evb --data images/",
    "study": "study pruning-study --only 'LeNet/*' --dry-run",
    "tflite_convert": "tflite_convert --keras_model_file=net.h5 --output_file=net.tflite",
    "toco": "toco --graph_def_file=net.pb --output_file=net.tflite --input_arrays=x",
    "train": "train mnist-lenet5 --epochs 3",
    "validate": "validate model.tflite",
}
"""How each verb is called, at the end of its help."""


def verb(name: str) -> click.Command:
    """The verb of that name, one of VERBS."""
    module, _, function = VERBS[name][0].partition(":")
    found: click.Command = getattr(import_module(f"ascua.cli.{module}"), function)
    found.epilog = f"\b\nExample:\n  ascua {EXAMPLES[name]}"
    return found


class Verbs(click.Group):
    """The verbs, found by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Their names, sorted."""
        return sorted(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The verb of that name. Raises InputError where there is none."""
        if cmd_name not in VERBS:
            raise InputError(f"There is no verb {cmd_name!r}.", did_you_mean(cmd_name, VERBS))
        return verb(cmd_name)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The verbs that begin so, without loading any."""
        found = [
            CompletionItem(name, help=VERBS[name][1])
            for name in sorted(VERBS) if name.startswith(incomplete)
        ]  # fmt: skip
        return found or click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list in `ascua --help`."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, VERBS[name][1]) for name in sorted(VERBS)])


@click.group(
    cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(version("ascua"), prog_name="ascua")
@verbose
def app() -> None:
    """From data to measured firmware: small neural networks for low-power devices."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line; errors become one message and an exit code."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    os.environ["PATH"] = os.pathsep.join(filter(os.path.isabs, folders))  # no tool comes from here
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sys.exit(invoke(arguments))


def invoke(arguments: Sequence[str] | None = None) -> int:
    """The exit code of one command; what went wrong is told on stderr."""
    try:
        code = app.main(arguments, prog_name="ascua", standalone_mode=False)
        sys.stdout.flush()
    except AscuaError as e:
        return _fail(e)
    except click.UsageError as e:
        verb = "ascua" if e.ctx is None else e.ctx.command_path
        tries = [f"`{verb} --help` says what it takes."]
        if isinstance(e, click.MissingParameter) and e.param and "--board" in e.param.opts:
            from ascua import boards

            tries.insert(0, f"Boards: {', '.join(boards.names())}.")
        return _fail(InputError(e.format_message(), tries))
    except click.ClickException as e:
        return _fail(InputError(e.format_message()))
    except (KeyboardInterrupt, click.Abort) as e:
        told = str(e.__cause__ or e) or "Interrupted; nothing half-written was left."
        err.print(told, markup=False, highlight=False, soft_wrap=True)
        return INTERRUPTED
    except BrokenPipeError:  # as click does it: no message for `ascua ops | head -1`
        drop_stdout()
        return 1
    except OSError as e:
        drop_stdout()
        where = f"{e.filename}: " if e.filename else ""
        hint = "Check that the folder can be written to and that the disk is not full."
        if e.errno == errno.ENOSPC and not e.filename:
            hint = "Make room where the output goes, in `--build-dir` and in TMPDIR (/tmp)."
        return _fail(InputError(f"{where}{e.strerror or e}.", [hint]))
    except MemoryError:
        return _fail(InputError("Not enough memory.", ["Fewer samples at once, a smaller model."]))
    return code if isinstance(code, int) else 0


def _fail(error: AscuaError) -> int:
    print_error(error)
    return error.exit_code
