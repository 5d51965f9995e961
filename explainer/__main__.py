"""Command line: ``python -m explainer shapes B/16 --image-size 384``; without a command, a list of them."""

import sys
from collections.abc import Sequence
from importlib import import_module

COMMANDS = {  # name -> the module that has it, and what it does
    "shapes": ("explainer.commands.shapes", "every operation of a model with its shapes, also of your own model"),
    "doctor": ("explainer.commands.doctor", "what a weights file is, whether it opens, and conversions of it"),
    "kept": ("explainer.commands.kept", "what is kept on this disk, with sizes and ages, and the way to clear it"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 it is well, 1 it found something wrong, 2 it was asked wrongly."""
    name, *rest = [*(sys.argv[1:] if arguments is None else arguments)] or ["--help"]
    if name in ("-h", "--help"):
        print("usage: python -m explainer COMMAND ...\n\ncommands:")
        for command, (_, says) in COMMANDS.items():
            print(f"  {command:10} {says}")
        print("\npython -m explainer COMMAND --help explains each.")
        return 0
    if name not in COMMANDS:
        print(f"unknown command {name!r}: expected {' or '.join(COMMANDS)}", file=sys.stderr)
        return 2
    code: int = import_module(COMMANDS[name][0]).main(rest)
    return code


if __name__ == "__main__":
    sys.exit(main())
