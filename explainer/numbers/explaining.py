"""Every number explained: from which numbers it was made and how, and one line of Python that returns it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from explainer.notation import templates as notation
from explainer.notation.equations import EQUATIONS, FORMULAS
from explainer.numbers.address import KINDS, READ_OFFS, Address
from explainer.numbers.derived import Cells, Derived, Number, addresses_of, sides_of
from explainer.numbers.expressions import checked_number
from explainer.numbers.forward_rules import FORWARD_RULES
from explainer.numbers.functions import FUNCTIONS, Operand
from explainer.numbers.lines import Reproduction, line_of
from explainer.numbers.read_off_rules import READ_OFF_RULES
from explainer.numbers.rules import Numbers
from explainer.numbers.words import place_of, side_name, side_words, symbol_of, text_of, with_layer
from explainer.numbers.workings import Row, Step, Term, Working
from explainer.palette import Scheme
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


@dataclass(frozen=True)
class NumberExplanation:
    """One number: what it is, how it was made, and from which numbers."""

    number: Number
    value: float  # as the trace has it; what is worked out from others, in double precision
    words: str  # where it stands: "layer 3, head 1, ..."
    symbol_template: str
    working: Working | None  # None: it is learned
    python_import: str
    python: str  # an expression; pasted below the import it is this number
    blanks: tuple[str, ...]  # what has to be put into it first
    changes: str  # the interventions of the forward pass, as text; empty without
    config: ViTConfig
    config_of: Callable[[str], ViTConfig]

    @property
    def address(self) -> Address:
        """Of a number of a tensor."""
        assert isinstance(self.number, Address)
        return self.number

    @property
    def is_derived(self) -> bool:
        """Whether it is worked out from numbers of tensors and none itself."""
        return isinstance(self.number, Derived)

    @property
    def is_read_off(self) -> bool:
        """Whether a page has computed it from numbers of the forward pass, which itself does not need it."""
        return isinstance(self.number, Address) and self.number.tensor in READ_OFFS

    @property
    def symbol(self) -> str:
        """LaTeX."""
        return self.coloured(self.symbol_template)

    @property
    def formula(self) -> str:
        """LaTeX, with the number's own indices; empty for what is learned."""
        return self.coloured(self.working.formula) if self.working else ""

    def coloured(self, template: str, scheme: Scheme | None = None) -> str:
        """A template with the number's layer; without a scheme, without colours."""
        layer = self.number.layer if isinstance(self.number, Address) else None
        return notation.numbered(template, self.config, scheme, layer)

    def text_of(self, number: Number) -> str:
        """A number that it was made from, as plain text: "q⁽¹⁾[12, 5]" is head 1."""
        sides = sides_of(self.number)
        return text_of(number, self.config_of, sides[0] if len(sides) == 1 else "")

    @property
    def equation(self) -> str:
        """The name of the rule: "Eq. 6: Attention weights", "LayerNorm"."""
        name = self.working.equation if self.working else ""
        if name.startswith("Eq. "):
            return f"{name}: {EQUATIONS[int(name[4:])].title}"
        return FORMULAS[name].title if name in FORMULAS else ""

    @property
    def terms(self) -> tuple[Term, ...]:
        """The largest terms of the sum, by size."""
        return self.working.sum.terms if self.working and self.working.sum else ()

    @property
    def steps(self) -> tuple[Step, ...]:
        """What is done before or after the sum."""
        return self.working.steps if self.working else ()

    @property
    def difference(self) -> float:
        """Between the number of the trace and the one recomputed in double precision."""
        return abs(self.value - self.working.recomputed) if self.working else 0.0

    @property
    def is_as_computed(self) -> bool:
        """Whether rounding to 32 bits explains the difference; otherwise the forward pass was changed here."""
        return self.working is None or self.difference <= self.working.tolerance

    @property
    def sources(self) -> tuple[Number, ...]:
        """Where the numbers are that it was made from, each once."""
        steps = [step.address for step in self.steps if step.address]
        factors = [part.address for term in self.terms for part in term.factors if part.address]
        return tuple(dict.fromkeys([*steps, *factors]))


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
        shown = self.passes[side]
        return replace(shown.reproduction, interventions=shown.changes), shown.model.config

    def explanation(self) -> NumberExplanation:
        number, shown = self.number, next(iter(self.passes.values()))
        working: Working | None = None
        if isinstance(number, Derived):
            working = self._work(number)
            value, symbol = working.recomputed, self._symbol(number)
            words = f"{FUNCTIONS[number.function].title}: {self._places(number)}"
        else:
            numbers, config = shown.numbers(number.side), shown.model.config
            value, symbol = numbers.at(number), symbol_of(number, config)
            words = _named(number.side) + place_of(number, config, shown.labels)
            if number.tensor in KINDS:
                working = RULES[number.tensor](numbers, number.layer or 0, number.index)
        line = line_of(number, self.reproduction_of)
        return NumberExplanation(
            number, value, words, symbol, working, *line, shown.changes, shown.model.config, self.config_of
        )

    def _work(self, number: Derived) -> Working:
        return FUNCTIONS[number.function].work(*map(self._operand, number.of))

    def _operand(self, operand: Number | Cells) -> Operand:
        row: Row | None = None
        value = 0.0
        if isinstance(operand, Derived):
            value = self._work(operand).recomputed
        elif isinstance(operand, Address):
            value = self.passes[operand.side].numbers(operand.side).at(operand)
        else:
            row = self.passes[operand.side].numbers(operand.side).cells(operand)
        sides = sides_of(self.number)
        text = text_of(operand, self.config_of, sides[0] if len(sides) == 1 else "")
        return Operand(operand, row, value, self._symbol(operand), text, self._step_words(operand))

    def _symbol(self, operand: Number | Cells) -> str:
        if isinstance(operand, Derived):
            return FUNCTIONS[operand.function].symbol(*map(self._symbol, operand.of))
        config = self.config_of(operand.side)
        symbol = with_layer(symbol_of(operand, config), config, operand.layer)
        if len(self.passes) == 1:
            return symbol
        return rf"\underset{{\text{{{_latex_text(side_name(operand.side) or 'as it is')}}}}}{{{symbol}}}"

    def _places(self, number: Number | Cells) -> str:
        """Where all that it is worked out from stands; what stands at the same place on two sides is reported once."""
        sides: dict[str, dict[str, None]] = {}
        for address in addresses_of(number):
            shown = self.passes[address.side]
            sides.setdefault(place_of(address, shown.model.config, shown.labels), {})[address.side] = None
        several = len(self.passes) > 1
        return "; ".join(
            (f"{' and '.join(map(side_words, found_on))}: " if several else _named(*found_on)) + place
            for place, found_on in sides.items()
        )

    def _step_words(self, operand: Number | Cells) -> str:
        """What tells one number of a calculation from the other: its side, or else what it is and where it stands."""
        if len(self.passes) > 1:
            return " and ".join(dict.fromkeys(side_words(address.side) for address in addresses_of(operand)))
        title = f"{FUNCTIONS[operand.function].title.lower()}: " if isinstance(operand, Derived) else ""
        return title + self._places(operand)


def _named(side: str) -> str:
    return f"{side_name(side)}: " if side else ""


def _latex_text(text: str) -> str:
    """A name that somebody has given, inside LaTeX's text."""
    return "".join(letter if letter.isalnum() or letter in " ,.-" else " " for letter in text)
