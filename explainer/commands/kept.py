"""``python -m explainer kept``: what this program keeps on the disk, with sizes and ages, and the way to clear it."""

import argparse
import sys
from collections.abc import Sequence

from explainer.commands.question import Parser, Refused, answered

EXAMPLES = """\
examples:
  python -m explainer kept
  python -m explainer kept --clear uploads opened
  python -m explainer kept --clear runs --yes

exit code: 0 it is done, 2 the question makes no sense or was not confirmed
"""
NAMES = ("uploads", "weights", "runs", "opened")


def main(arguments: Sequence[str]) -> int:
    """Answer one question; the exit code is that of the examples."""
    return answered(_parser(), _run, arguments)


def _parser() -> Parser:
    about = "What is kept on this machine: images and weights that readers gave, downloads, training runs."
    parser = Parser("kept", about, EXAMPLES)
    parser.add_argument("--clear", nargs="+", choices=NAMES, metavar="KIND", help=f"delete: {', '.join(NAMES)}")
    parser.add_argument("--yes", action="store_true", help="do not ask before deleting")
    return parser


def _run(options: argparse.Namespace) -> int:
    from vit_core.kept import KINDS, kept_of

    for kind in options.clear or NAMES:
        found, limit = kept_of(kind), KINDS[kind][0]
        total = sum(item.bytes for item in found)
        print(f"{kind}: {total / 1e6:,.1f} of at most {limit.most:,.0f} MB ({limit.variable})")
        for item in found:
            days = f"{item.days:.0f} days" if item.days >= 2 else f"{24 * item.days:.0f} hours"
            print(f"  {item.bytes / 1e6:10,.1f} MB  {days:>10}  {item.name}{'  (running)' if item.in_use else ''}")
    if options.clear:
        _clear(options.clear, options.yes)
    return 0


def _clear(kinds: Sequence[str], is_sure: bool) -> None:
    from vit_core.kept import kept_of

    things = [item for kind in kinds for item in kept_of(kind) if not item.in_use]
    size = f"{sum(item.bytes for item in things) / 1e6:,.1f} MB"
    if not things:
        print("Nothing is there to delete.")
        return
    if not is_sure:
        if not sys.stdin.isatty():
            raise Refused(f"{len(things)} things, {size}, would be deleted for good: add --yes to confirm")
        if input(f"Delete {len(things)} things, {size}, for good? [y/N] ").strip().lower() not in ("y", "yes"):
            raise Refused("nothing was deleted")
    for item in things:
        try:
            item.remove()
        except OSError as error:
            raise Refused(f"{item.path} cannot be deleted: {error.strerror}") from error
    print(f"Deleted: {len(things)} things, {size}.")
