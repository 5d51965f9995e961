"""``python -m explainer shapes``: every operation of a model with its shapes, as text, CSV, JSON or HTML."""

import argparse
import os
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explainer.commands.own_model import is_place
from explainer.commands.question import Parser, Refused, answered

if TYPE_CHECKING:  # torch takes seconds to import: a wrong option is answered before
    from explainer.shapes import Diagnosis, Ledger
    from explainer.shapes.diagnosis.report import Verdict
    from explainer.shapes.entries.differences import Differences
    from vit_core import ViTConfig

OPTIONS = {  # a field of ViTConfig, or the batch -> its option
    "image_size": "--image-size",
    "patch_size": "--patch-size",
    "hidden_size": "--hidden-size",
    "num_heads": "--heads",
    "num_layers": "--layers",
    "mlp_size": "--mlp-size",
    "num_classes": "--classes",
    "batch": "--batch",
}
_NARROWEST, _IN_A_FILE = 80, 120  # characters of a line, in a terminal and elsewhere
EXAMPLES = """\
examples:
  python -m explainer shapes B/16 --image-size 384
  python -m explainer shapes B/16 --against B/32
  python -m explainer shapes weights.safetensors --format csv --output shapes.csv
  python -m explainer shapes my_model.py:MyModel --input 1,3,224,224 --expect 1,1000

exit code: 0 it ran, and the shapes are as expected (what the numbers mean is not checked); 1 it broke, gave another
shape than expected, or its shapes tell a mistake; 2 the question makes no sense

width: the table is as wide as the terminal, 80 characters at least; in a pipe or a file 120. Where it has no room, long
cells are shortened in the middle and columns are left out, and a line below says which; --format csv has all of them
"""


def main(arguments: Sequence[str]) -> int:
    """Answer one question; the exit code is that of the examples."""
    return answered(_parser(), _run, arguments)


def command_of(config: "ViTConfig", batch: int) -> list[str]:
    """The command that shows the ledger of these sizes."""
    from explainer.shapes.catalogue import Setting

    setting = Setting.of(config, batch)
    others = [f"{name}={value}" for name, value in setting.changes.items() if name not in OPTIONS]
    words = ["python", "-m", "explainer", "shapes", ",".join([setting.start, *others])]
    return words + [
        part for name, value in setting.changes.items() if name in OPTIONS for part in (OPTIONS[name], str(value))
    ]


def _parser() -> Parser:
    about = "Every operation of a model from its input to its output: shapes, bytes, parameters, multiply-adds, code."
    parser = Parser("shapes", about, EXAMPLES)
    parser.add_argument(
        "model",
        help='a size such as "B/16" or "22B", the name of a checkpoint, a weights file, or your own code: '
        "file.py:MyModel, package.module:factory",
    )
    sizes = parser.add_argument_group("sizes, where the model is not your own code")
    for field, option in OPTIONS.items():
        sizes.add_argument(option, dest=field, type=_whole, metavar="N")
    own = parser.add_argument_group("your own code")
    own.add_argument("--input", type=_shape, metavar="1,3,224,224", help="the shape of what the model is given")
    own.add_argument("--expect", type=_shape, metavar="1,1000", help="the shape that should come out")
    own.add_argument("--device", choices=("meta", "cpu"), help="meta (the default): shapes alone, no memory")
    parser.add_argument("--against", metavar="MODEL", help="show what moves from this model to the first")
    parser.add_argument("--format", choices=("text", "csv", "json", "html"), default="text")
    parser.add_argument("--all", action="store_true", help="every block by itself, instead of x 12")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write there instead of to the terminal")
    return parser


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise argparse.ArgumentTypeError(f"expected a whole number, got {text!r}")
    return int(text)


def _shape(text: str) -> tuple[int, ...]:
    return tuple(_whole(part.strip()) for part in re.sub(r"(?<=\d)\s*x\s*(?=\d)", ",", text).split(","))


def _run(options: argparse.Namespace) -> int:
    ledger = _ledger(options.model, options, with_sizes=True)
    before = _ledger(options.against, options, with_sizes=False) if options.against else None
    found = None
    if before is not None:
        from explainer.shapes.entries.differences import differences

        found = differences(before, ledger)
    verdict: Verdict | None = None
    is_well, diagnosis = ledger.failure is None and _is_expected(ledger, options.expect), None
    is_diagnosed = not is_well or is_place(options.model)
    if is_diagnosed:
        from explainer.shapes import diagnose

        diagnosis = diagnose(ledger, options.expect)  # also of own code that runs: attention over the batch is silent
        is_well = is_well and diagnosis is None
    if is_well:
        from explainer.shapes.diagnosis.report import verdict as verdict_of

        verdict = verdict_of(ledger, options.expect, is_diagnosed)
    _write(_written(ledger, found, diagnosis, verdict, options), options.output)
    # To the terminal even when the ledger goes to a file: it is the answer.
    explanation = verdict.text if verdict else _explained(ledger, diagnosis, options)
    print(f"\n{explanation}", file=sys.stdout if options.format == "text" else sys.stderr)
    return 0 if is_well else 1


def _ledger(name: str, options: argparse.Namespace, with_sizes: bool) -> "Ledger":
    given = {field: size for field in OPTIONS if (size := getattr(options, field)) is not None}
    if is_place(name):
        if given and with_sizes:
            raise Refused(f"{', '.join(given)} cannot be given for your own code: it decides for itself; give --input")
        return _own_ledger(name, options)
    for option in ("input", "device"):
        if getattr(options, option) is not None and not is_place(options.model):
            raise Refused(f"--{option} is for your own code, file.py:MyModel; a size is given as --image-size 384")
    from explainer.shapes import config_ledger

    try:
        config, batch, title = _config(name, given if with_sizes else {"batch": given.get("batch", 1)})
        return replace(config_ledger(config, batch), title=title)
    except (ValueError, TypeError, OSError) as error:
        raise Refused(str(error)) from error


def _config(name: str, given: dict[str, int]) -> "tuple[ViTConfig, int, str]":
    """The sizes of a model of the catalogue, of a checkpoint, or of a weights file, with those that are given."""
    from explainer.shapes.catalogue import BATCH, CATALOGUE, Setting
    from vit_core import CHECKPOINTS, load

    setting = Setting.parse(name) if name.split(",")[0].strip() in CATALOGUE else Setting(name)
    start = None
    if setting.start not in CATALOGUE:
        if setting.start in CHECKPOINTS:
            start = CHECKPOINTS[setting.start].config
        elif name.endswith(".py"):
            raise ValueError(f"{name} holds code: name the class or function in it, as in {Path(name).name}:MyModel")
        elif os.path.exists(os.path.expanduser(name)):
            heads: dict[str, Any] = {"num_heads": given["num_heads"]} if "num_heads" in given else {}
            start = load(name, **heads)[1].config
        else:
            similar = get_close_matches(name, CHECKPOINTS, n=3, cutoff=0.5) or ["embedded", "torchvision/B/16"]
            raise ValueError(
                f"{name[:80]!r} is no size, checkpoint, file or code: sizes are {', '.join(CATALOGUE)}; "
                f"code is written as file.py:MyModel; checkpoints are called like {', '.join(similar)}"
            )
    known = start or CATALOGUE[setting.start].config
    setting = setting.with_(known, **{BATCH: 1} | dict(setting.changes) | given)
    return *setting.config(known), str(setting)


def _own_ledger(place: str, options: argparse.Namespace) -> "Ledger":
    from explainer.commands.own_model import model_at
    from explainer.shapes import ledger

    try:
        model = model_at(place)
        if options.input is None:
            raise Refused("the shape of the input is missing: give it, for example --input 1,3,224,224")
        return ledger(model, options.input, device=options.device or "meta", title=place.rpartition(":")[2])
    except (ValueError, TypeError) as error:  # of the question: what the model raises stands in the ledger
        raise Refused(str(error)) from error


def _is_expected(ledger: "Ledger", expected: tuple[int, ...] | None) -> bool:
    return expected is None or any(shape.sizes == expected for shape in ledger.outputs[:1])


def _explained(ledger: "Ledger", diagnosis: "Diagnosis | None", options: argparse.Namespace) -> str:
    """The likely mistake, or that the shapes do not show it."""
    from explainer.shapes.diagnosis.report import diagnosis_text, untold
    from explainer.shapes.entries.operations import in_brackets

    sentences = []
    if ledger.failure is None and _is_expected(ledger, options.expect):
        sentences.append("It runs, but it does not compute what it should.")
    elif ledger.failure is None:
        made = in_brackets(ledger.outputs) or "no tensor"
        sentences.append(f"Expected [{' × '.join(map(str, options.expect))}], got {made}.")
    elif "meta" in ledger.failure.message and ledger.device == "meta":
        sentences.append("This code needs values, and the meta device has only shapes: try --device cpu.")
    sentences.append(diagnosis_text(ledger, diagnosis) if diagnosis else untold(ledger, options.expect))
    return "\n".join(sentences)


def _written(
    ledger: "Ledger",
    found: "Differences | None",
    diagnosis: "Diagnosis | None",
    verdict: "Verdict | None",
    options: argparse.Namespace,
) -> str:
    from explainer.shapes.diagnosis.report import diagnosis_html
    from explainer.shapes.rendering import exports, html, text_table

    if options.format == "html":
        explanation = verdict.html if verdict else diagnosis_html(ledger, diagnosis)
        return html.document(ledger, found, every=options.all, explanation=explanation)
    if options.format == "json":
        return exports.as_json(ledger, found, diagnosis, verdict)
    if options.format == "csv":
        return exports.differences_csv(found) if found else exports.as_csv(ledger)
    is_terminal = options.output is None and sys.stdout.isatty()
    return text_table.as_text(
        ledger,
        found,
        every=options.all,
        width=max(_NARROWEST, shutil.get_terminal_size().columns) if is_terminal else _IN_A_FILE,
        paint=text_table.painted if is_terminal and not os.environ.get("NO_COLOR") else text_table.plain,
    )


def _write(text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Refused(f"{output} cannot be written: {error.strerror}") from error
