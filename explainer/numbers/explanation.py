"""One number explained, as the sheet shows it."""

from collections.abc import Callable
from dataclasses import dataclass

from explainer.notation import templates as notation
from explainer.notation.equations import EQUATIONS, FORMULAS
from explainer.numbers.address import READ_OFFS, Address
from explainer.numbers.derived import Derived, Number, sides_of
from explainer.numbers.words import text_of
from explainer.numbers.workings import Step, Term, Working
from explainer.palette import Scheme
from vit_core import ViTConfig


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
