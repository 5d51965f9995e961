"""``python -m explainer doctor``: what a weights file is, whether it opens, and the same weights under other names."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from explainer.commands.question import Parser, Refused, answered

EXAMPLES = """\
examples:
  python -m explainer doctor model.pth
  python -m explainer doctor model.pth --heads 4 --json
  python -m explainer doctor last.ckpt --part state_dict_ema --to timm --output timm.safetensors
  python -m explainer doctor --names attn

exit code: 0 it opens, 1 it does not, 2 the question makes no sense
"""


def main(arguments: Sequence[str]) -> int:
    """Answer one question; the exit code is that of the examples."""
    return answered(_parser(), _run, arguments)


def _parser() -> Parser:
    about = "Examine a weights file: its family, its sizes, its faults. Nothing in it is run."
    parser = Parser("doctor", about, EXAMPLES)
    parser.add_argument("file", nargs="?", help=".pth, .pt, .bin, .ckpt, .safetensors, .npz, or a Hugging Face folder")
    parser.add_argument("--part", metavar="NAME", help="which weights, where a file holds several")
    parser.add_argument("--heads", type=int, metavar="K", help="the number of heads, which no shape shows")
    parser.add_argument("--epsilon", type=float, metavar="E", help="of the LayerNorms, if not the family's")
    parser.add_argument("--gelu", choices=("none", "tanh"), help="which GELU: none is the exact one")
    parser.add_argument("--json", action="store_true", help="for a program")
    parser.add_argument(
        "--names",
        nargs="?",
        const="",
        metavar="WORD",
        help="with a file: list its tensors; without: every family's names (those with WORD in them)",
    )
    parser.add_argument("--to", metavar="FAMILY", help="write the weights under these names: ours, timm, google, ...")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to; its suffix chooses the kind of file")
    return parser


def _run(options: argparse.Namespace) -> int:
    if options.file is None:
        if options.names is None:
            raise Refused("which file? For the names that every family uses: python -m explainer doctor --names")
        print(_name_table(options.names))
        return 0
    _check(options)
    from explainer.doctor.report import as_json, as_text  # torch takes seconds: a wrong option is answered before
    from vit_core.examination import examine

    given = {"num_heads": options.heads, "norm_eps": options.epsilon, "gelu": options.gelu}
    overrides = {name: value for name, value in given.items() if value is not None}
    if not Path(options.file).expanduser().exists():
        raise Refused(f"there is no file {options.file}")
    examination = examine(options.file, part=options.part, **overrides)
    if options.json:
        print(json.dumps(as_json(examination), indent=1))
    else:
        print(as_text(examination, names=options.names is not None))
    if examination.opens and options.to:
        # Beside the report of a program, what happened goes to the terminal.
        report = _convert(options, overrides)
        if examination.guesses_heads:
            report += "\n  But k is a guess: give --heads K if the code that trained the model has another."
        print(report, file=sys.stderr if options.json else sys.stdout)
    return 0 if examination.opens else 1


def _check(options: argparse.Namespace) -> None:
    """Refuse what cannot be written before anything is read."""
    if (options.to is None) != (options.output is None):
        raise Refused("--to and --output belong together: --to timm --output timm.safetensors")
    if options.heads is not None and options.heads < 1:
        raise Refused(f"--heads must be at least 1, got {options.heads}")
    if options.to is None:
        return
    from vit_core.weights.conversion import FORMATS

    if options.to not in FORMATS:
        raise Refused(f"unknown family {options.to!r}, known are {', '.join(FORMATS)}")
    if options.output.suffix not in FORMATS[options.to]:
        raise Refused(f"{options.to} is written as {' or '.join(FORMATS[options.to])}, not as {options.output.name}")
    if options.output.exists():
        raise Refused(f"{options.output} exists already: choose another name, nothing is written over")
    if not (folder := options.output.absolute().parent).is_dir():
        raise Refused(f"there is no folder {folder} to write {options.output.name} to: make it first")
    if not os.access(folder, os.W_OK):
        raise Refused(f"nothing can be written to the folder {folder}: choose another for --output")


def _convert(options: argparse.Namespace, overrides: dict[str, Any]) -> str:
    """Write the file; the report names the arguments of the family's own model."""
    from vit_core import load
    from vit_core.weights.conversion import card_of, caveats, constructor, convert, how_to_load, write

    model, checkpoint = load(options.file, part=options.part, **overrides)
    try:
        write(convert(model, options.to), options.output, options.output.suffix)
        if options.to == "ours":
            options.output.with_suffix(".json").write_text(card_of(checkpoint), encoding="utf-8")
    except ValueError as error:
        raise Refused(str(error)) from error
    except OSError as error:
        options.output.unlink(missing_ok=True)  # there was none before, and half a file is none
        why = f"{options.output} cannot be written: {error.strerror}" if error.strerror else str(error)
        raise Refused(why) from error
    lines = [
        f"\nWritten to {options.output} under the names of {options.to}. The model that it belongs to:",
        f"  {constructor(options.to, model.config)}",
    ]
    if how := how_to_load(options.to):
        lines.append(f"  {how}")
    lines += [f"  But {caveat}." for caveat in caveats(options.to, model.config)]
    return "\n".join(lines)


def _name_table(search: str) -> str:
    from explainer.doctor.name_table import TITLES, name_table
    from vit_core import ViTConfig

    lines = []
    for row in name_table(ViTConfig.named("B/16"), search):
        lines.append(row.symbol)
        lines += [f"  {TITLES[source]:18}{cell.text}" for source, cell in row.cells.items()]
    if not lines:
        raise Refused(f"no family has a name with {search!r} in it")
    return "\n".join([*lines, "", "Shapes are those of B/16; # is the layer, from 0."])
