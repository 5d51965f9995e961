"""Every number explained: from which numbers it was made and how, and one line of Python that returns it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from explainer.numbers.address import KINDS, Address
from explainer.numbers.derived import Cells, Derived, Number, addresses_of, sides_of
from explainer.numbers.explanation import NumberExplanation
from explainer.numbers.expressions import checked_number
from explainer.numbers.forward_rules import FORWARD_RULES
from explainer.numbers.functions import FUNCTIONS, Operand
from explainer.numbers.lines import Reproduction, line_of
from explainer.numbers.read_off_rules import READ_OFF_RULES
from explainer.numbers.rules import Numbers
from explainer.numbers.words import place_of, side_name, side_words, symbol_of, text_of, with_layer
from explainer.numbers.workings import Row, Working
from vit_core import BlockTrace, ForwardTrace, Preprocess, VisionTransformer, ViTConfig

RULES = FORWARD_RULES | READ_OFF_RULES


@dataclass(frozen=True, eq=False)
class Pass:
    """One forward pass whose numbers can be asked for."""

    model: VisionTransformer
    trace: ForwardTrace
    block_of: Callable[[int], BlockTrace] | None = None  # where somebody keeps the insides of layers
    preprocess: Preprocess | None = None  # of the checkpoint, for the pixel behind a number of the picture
    labels: Sequence[str] = ()
    reproduction: Reproduction = field(default_factory=Reproduction)

    def numbers(self, side: str) -> Numbers:
        """Its numbers, with their addresses on a side."""
        block_of = self.block_of or (lambda layer: self.model.trace_block(self.trace, layer))
        return Numbers(self.model, self.trace, block_of, self.preprocess, side)

    @property
    def changes(self) -> str:
        """The interventions of the pass, as text; empty without."""
        return str(self.trace.interventions or "")


def explain_number(number: Number, pass_of: Callable[[str], Pass]) -> NumberExplanation:
    """How a number came about, of a tensor or worked out from such.

    Args:
        number: which.
        pass_of: the forward pass of a side; it may raise ValueError with a sentence.

    Raises:
        ValueError: if there is no such number; one sentence.
    """
    return _Asked(checked_number(number, lambda side: pass_of(side).model), pass_of).explanation()


@dataclass(eq=False)
class _Asked:
    number: Number
    pass_of: Callable[[str], Pass]

    @cached_property
    def passes(self) -> dict[str, Pass]:
        """All sides, each opened once."""
        return {side: self.pass_of(side) for side in sides_of(self.number)}

    def config_of(self, side: str) -> ViTConfig:
        return self.passes[side].model.config

    def reproduction_of(self, side: str) -> tuple[Reproduction, ViTConfig]:
        of = self.passes[side]
        return replace(of.reproduction, interventions=of.changes), of.model.config

    def explanation(self) -> NumberExplanation:
        number, of = self.number, next(iter(self.passes.values()))
        working: Working | None = None
        if isinstance(number, Derived):
            working = self._work(number)
            value, symbol = working.recomputed, self._symbol(number)
            words = f"{FUNCTIONS[number.function].title}: {self._places(number)}"
        else:
            numbers, config = of.numbers(number.side), of.model.config
            value, symbol = numbers.at(number), symbol_of(number, config)
            words = _named(number.side) + place_of(number, config, of.labels)
            if number.tensor in KINDS:
                working = RULES[number.tensor](numbers, number.layer or 0, number.index)
        line = line_of(number, self.reproduction_of)
        return NumberExplanation(
            number, value, words, symbol, working, *line, of.changes, of.model.config, self.config_of
        )

    def _work(self, number: Derived) -> Working:
        return FUNCTIONS[number.function].work(*map(self._operand, number.of))

    def _operand(self, each: Number | Cells) -> Operand:
        row: Row | None = None
        value = 0.0
        if isinstance(each, Derived):
            value = self._work(each).recomputed
        elif isinstance(each, Address):
            value = self.passes[each.side].numbers(each.side).at(each)
        else:
            row = self.passes[each.side].numbers(each.side).cells(each)
        sides = sides_of(self.number)
        text = text_of(each, self.config_of, sides[0] if len(sides) == 1 else "")
        return Operand(each, row, value, self._symbol(each), text, self._step_words(each))

    def _symbol(self, each: Number | Cells) -> str:
        if isinstance(each, Derived):
            return FUNCTIONS[each.function].symbol(*map(self._symbol, each.of))
        symbol = with_layer(symbol_of(each, self.config_of(each.side)), self.config_of(each.side), each.layer)
        if len(self.passes) == 1:
            return symbol
        return rf"\underset{{\text{{{_latex_text(side_name(each.side) or 'as it is')}}}}}{{{symbol}}}"

    def _places(self, number: Number | Cells) -> str:
        """Where all that it is worked out from stands; what stands at the same place on two sides is reported once."""
        sides: dict[str, dict[str, None]] = {}
        for each in addresses_of(number):
            of = self.passes[each.side]
            sides.setdefault(place_of(each, of.model.config, of.labels), {})[each.side] = None
        several = len(self.passes) > 1
        return "; ".join(
            (f"{' and '.join(map(side_words, at))}: " if several else _named(*at)) + place
            for place, at in sides.items()
        )

    def _step_words(self, each: Number | Cells) -> str:
        """What tells one number of a calculation from the other: its side, or else what it is and where it stands."""
        if len(self.passes) > 1:
            return " and ".join(dict.fromkeys(side_words(one.side) for one in addresses_of(each)))
        title = f"{FUNCTIONS[each.function].title.lower()}: " if isinstance(each, Derived) else ""
        return title + self._places(each)


def _named(side: str) -> str:
    return f"{side_name(side)}: " if side else ""


def _latex_text(text: str) -> str:
    """A name that somebody has given, inside LaTeX's text."""
    return "".join(letter if letter.isalnum() or letter in " ,.-" else " " for letter in text)
