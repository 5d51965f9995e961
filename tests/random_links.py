"""Random links of the app, the same for the same seed: valid ones, at the limits, and such as an enemy would write."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, quote

from explainer.app.links.kinds import Kind, OneOf, Pattern, Real, RecipeField, Text, Whole, YesNo
from explainer.app.links.parameters import FIELD, PARAMETERS, kind_of
from explainer.app.train import recipe_values
from explainer.menu import PAGES
from vit_core.training import RECIPES

FIELDS = tuple(f"{FIELD}{field}" for field in vars(RECIPES["course"]))
GRIDS = ("transfer_size_64_8", "transfer_size_224_16", "transfer_size_384_16")
NAMES = (*PARAMETERS, *FIELDS, *GRIDS)

# Written as in an address, because some of it is no text: bytes that are no UTF-8, a percent sign alone.
HOSTILE = (
    "",
    "%20",
    "+",
    "inf",
    "-inf",
    "nan",
    "NaN",
    "Infinity",
    "1e309",
    "-1e309",
    "1e-400",
    "-1",
    "-0",
    "0",
    "00",
    "007",
    "%2B1",
    "1_0",
    "1%2C000",
    "0x10",
    "0b1",
    "1.5",
    "1e3",
    "1e",
    ".",
    "1.",
    ".5",
    "9" * 40,
    "-" + "9" * 40,
    "9" * 5000,
    "9007199254740993",
    "2147483648",
    "4294967296",
    "%EF%BC%91",
    "%D9%A3",
    "%C2%B2",
    "%E2%85%A7",
    "true",
    "TRUE",
    "false",
    "yes",
    "None",
    "null",
    "undefined",
    "[]",
    "{}",
    "%5B1%5D",
    "%00",
    "a%00b",
    "%0A",
    "%0D%0A",
    "%ED%A0%80",
    "%FF%FE",
    "%E2%80%AE",
    "%F0%9F%92%A9",
    "%",
    "%zz",
    "%25",
    "%252e%252e%252f",
    "..%2F..%2Fetc%2Fpasswd",
    "..%5C..%5Cboot.ini",
    "%2Fetc%2Fpasswd",
    "C%3A%5C",
    "file%3A%2F%2F%2Fetc",
    "http%3A%2F%2F127.0.0.1%2F",
    "%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    "!%5Bx%5D(http%3A%2F%2F127.0.0.1%2Fx.png)",
    "%7C%20a%20%7C",
    "%24x%24",
    "%3Amaterial%2Fhome%3A",
    "'%3B%20DROP%20TABLE%20runs%3B--",
    "%24%7B7*7%7D",
    "%7B%7B7*7%7D%7D",
    "embedded",
    "cat",
    "Embedded",
    "run:a:1",
    "run::",
    "run:..:1",
    "run:a:999999999",
    "file:0",
    "file:" + "0" * 64,
    "upload-0",
    "upload-" + "0" * 24,
    "example:x",
    "left@trace.logits::0",
    "norm(norm(norm(trace.logits::*)))",
    "trace.logits::9999999",
    "block.attention.weights:1:*,*,*",
    "mask=" + ",".join(map(str, range(999))),
    "skip=",
    "=",
    "skip=attention.99",
    "H/14,batch=65536",
    "checkpoint,batch=999999999",
    "B/16,heads=0",
    "64-8-24-2-2",
    "0" * 12,
    "5" * 12,
    "a" * 300,
    "a" * 100_000,
    "%F0%9F%92%A9" * 2000,
    "0.0.0",
    "1.2.3.4.5.6.7.8.9",
)
STRANGE_NAMES = (
    "",
    "x",
    "Layer",
    "LAYER",
    "layer%00",
    "set_",
    "set_nothing",
    "set___class__",
    "__class__",
    "own_",
    "utm_source",
    "embed",
    "embed_options",
    "%EF%BC%AC",
    "transfer_size_1_1",
    "transfer_size_",
    "a" * 5000,
    "layer%5B%5D",
    "layer.x",
)


@dataclass(frozen=True)
class Link:
    """A page and what comes after the question mark, as an address has it."""

    page: str
    query: str

    @property
    def values(self) -> dict[str, list[str]]:
        """What the server reads out of it."""
        return parse_qs(self.query, keep_blank_values=True)


def random_links(count: int, seed: int = 0) -> Iterator[Link]:
    """``count`` links, every page as often as any other.

    Their parameters are random, of any page; now and then one stands many times, or there are a thousand.
    """
    chance = random.Random(seed)
    for number in range(count):
        names = [chance.choice(NAMES) for _ in range(chance.choice((1, 1, 2, 3, 6, 12)))]
        if chance.random() < 0.1:
            names.append(chance.choice(STRANGE_NAMES))
        if chance.random() < 0.05:
            names += [names[0]] * chance.choice((1, 3, 40))
        if chance.random() < 0.02:
            names += [*NAMES, *(f"x{index}" for index in range(chance.choice((800, 860, 1200))))]
        query = "&".join(f"{name}={random_value(kind_of(name), chance)}" for name in names)
        yield Link(tuple(PAGES)[number % len(PAGES)], query)


def random_value(kind: Kind | None, chance: random.Random) -> str:
    """A value for a parameter of that kind, percent-encoded: as often one that it can have as one that it cannot."""
    if chance.random() < 0.5:
        return chance.choice(HOSTILE)
    return quote(_likely(kind, chance), safe="")


def _likely(kind: Kind | None, chance: random.Random) -> str:
    """In the range, at its ends, or just beyond."""
    match kind:
        case Whole(low, high):
            return str(chance.choice((low, high, low - 1, high + 1, chance.randint(low, high), chance.randint(1, 9))))
        case Real(low, high):
            return repr(chance.choice((low, high, low / 2, high * 2, chance.uniform(low, high))))
        case OneOf():
            return chance.choice((*kind.words, kind.words[0].upper()))
        case YesNo():
            return chance.choice(("true", "false", "True"))
        case Text(most):
            return chance.choice(("embedded", "cat", "toy", "x" * most, "x" * (most + 1), "chelsea", "nothing"))
        case Pattern():
            return chance.choice(("1", "12.40", "scratch-small", "0" * 24, "run-1", "column.shared", "projector"))
        case RecipeField(field):
            known = [recipe_values.written(getattr(recipe, field, None)) for recipe in RECIPES.values()]
            return chance.choice((*known, "1", "0", "0.5", "2 1", "none"))
    return "x"
