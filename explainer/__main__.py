"""Command line: ``vit-explainer shapes B/16 --image-size 384``, from a checkout ``python -m explainer shapes ...``."""

import sys
from collections.abc import Sequence
from importlib import import_module

from explainer.commands.question import PROGRAM

COMMANDS = {  # name -> the module that has it, and what it does
    "app": ("explainer.app.server.command", "serve the app on this machine; vit-explainer alone does the same"),
    "shapes": ("explainer.commands.shapes", "every operation of a model with its shapes, also of your own model"),
    "doctor": ("explainer.commands.doctor", "what a weights file is, whether it opens, and conversions of it"),
    "train": ("vit_core.training.__main__", "train a model by a recipe, or export what was trained"),
    "kept": ("explainer.commands.kept", "what is kept on this disk, with sizes and ages, and the way to clear it"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 all is well, 1 it found something wrong, 2 the question is wrong."""
    name, *rest = [*(sys.argv[1:] if arguments is None else arguments)] or ["--help"]
    if name in ("-h", "--help"):
        print(f"usage: {PROGRAM} COMMAND ...\n\ncommands:")
        for command, (_, purpose) in COMMANDS.items():
            print(f"  {command:10} {purpose}")
        print(f"\n{PROGRAM} COMMAND --help explains each.")
        return 0
    if name not in COMMANDS:
        print(f"unknown command {name!r}: expected {' or '.join(COMMANDS)}", file=sys.stderr)
        return 2
    code: int = import_module(COMMANDS[name][0]).main(rest)
    return code


def serve_or_run() -> int:
    """The command ``vit-explainer``: alone it serves the app."""
    return main(sys.argv[1:] or ["app"])


if __name__ == "__main__":
    sys.exit(main())
