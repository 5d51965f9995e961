"""The common part of all commands: a question that makes no sense gets one sentence and exit code 2."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

# How this program was started, for the lines of its help.
_FROM_CHECKOUT = "python -m explainer"
PROGRAM = "vit-explainer" if Path(sys.argv[0]).stem == "vit-explainer" else _FROM_CHECKOUT


class Refused(Exception):
    """A question that makes no sense; the message gives the reason in one sentence."""


class Parser(argparse.ArgumentParser):
    """Refuses instead of ending the process; its description and examples stand as they are written."""

    def __init__(self, command: str, description: str, examples: str) -> None:
        super().__init__(
            f"{PROGRAM} {command}",
            description=description,
            epilog=examples.replace(_FROM_CHECKOUT, PROGRAM),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def error(self, message: str) -> None:  # type: ignore[override]
        """Report the mistake, and where to find help."""
        raise Refused(f"{message}; see {self.prog} --help")


def answered(parser: Parser, run: Callable[[argparse.Namespace], int], arguments: Sequence[str]) -> int:
    """The exit code: that of ``run``, or 2 for a question that makes no sense."""
    try:
        return run(parser.parse_args(arguments))
    except SystemExit:  # --help
        return 0
    except BrokenPipeError:  # whoever reads has enough: python -m explainer shapes B/16 | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Refused as refused:
        print(" ".join(str(refused).split()), file=sys.stderr)
        return 2
