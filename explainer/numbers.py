"""Every number explained: from which numbers it was made and how, and one line of Python that returns it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from explainer import notation
from explainer.equations import EQUATIONS, FORMULAS
from explainer.gallery import GALLERY
from explainer.number_address import TENSORS, Address, checked, parameter_kind
from explainer.number_rules import Numbers, Step, Term, Working, at
from explainer.number_tensors import RULES, symbol_of
from explainer.palette import Scheme
from explainer.views.wording import subscript, superscript, token_name
from vit_core import BlockTrace, ForwardTrace, Preprocess, VisionTransformer, ViTConfig

YOUR_PICTURE = "path/to/your/picture.jpg"
YOUR_WEIGHTS = "path/to/the/weights.safetensors"


@dataclass(frozen=True)
class Reproduction:
    """What the line of Python has to open: a named checkpoint, a picture of the gallery; otherwise a path to put in."""

    checkpoint: str = "embedded"  # what ``load`` takes
    picture: str = next(iter(GALLERY))  # a name of the gallery; everything else is asked for as a path
    interventions: str = ""  # as text

    @property
    def blanks(self) -> tuple[str, ...]:
        """What the reader has to put in."""
        asked = (self.checkpoint == YOUR_WEIGHTS, "the weights"), (self.picture not in GALLERY, "your picture")
        return tuple(what for is_blank, what in asked if is_blank)

    def line(self, address: Address, config: ViTConfig) -> tuple[str, str]:
        """The import line, and the expression that is the number."""
        names, place = ["load"], ", ".join(map(str, address.index))
        loads = f'load("{self.checkpoint}")'
        if address.tensor not in TENSORS:
            return "from vit_core import load", f'{loads}[0].state_dict()["{address.tensor}"][{place}].item()'
        is_of_gallery = self.picture in GALLERY
        names.append("open_picture")
        path = f'GALLERY["{self.picture}"].path' if is_of_gallery else f'Path("{YOUR_PICTURE}")'
        root, _, field = address.tensor.partition(".")
        image, model = f"loaded[1].preprocess(open_picture({path}))", "loaded[0]"
        first = f"(loaded := {loads})[0]"
        changes = ""
        if self.interventions:
            names.append("Interventions")
            changes = f', Interventions.parse("{self.interventions}")'
        if root == "block":
            code = f"{first}.trace_block({model}.trace({image}{changes}), {address.layer}).{field}[{place}]"
        elif field == "patches":
            names.append("patchify")
            code = f"patchify({first}.trace({image}{changes}).image, {config.patch_size})[{place}]"
        elif field == "head_inputs":
            code = f"{first}.head.inputs({model}.trace({image}{changes}).representation)[{place}]"
        else:
            layer = "" if address.layer is None else f"[{address.layer}]"
            code = f"{first}.trace({image}{changes}).{field}{layer}[{place}]"
        imports = f"from vit_core import {', '.join(sorted(names, key=str.lower))}"
        more = "from explainer.gallery import GALLERY" if is_of_gallery else "from pathlib import Path"
        return f"{imports}; {more}", f"{code}.item()"


@dataclass(frozen=True)
class NumberExplanation:
    """One number: what it is, how it was made, and from which numbers."""

    address: Address
    value: float  # as the trace has it
    words: str  # where it stands: "layer 3, head 1, ..."
    symbol_template: str
    working: Working | None  # None: it is learned
    python_import: str
    python: str  # an expression; pasted below the import it is this number
    blanks: tuple[str, ...]  # what has to be put into it first
    changes: str  # the interventions of the forward pass, as text; empty without
    config: ViTConfig

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
        return notation.numbered(template, self.config, scheme, self.address.layer)

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
        return self.working.terms if self.working else ()

    @property
    def rest(self) -> float:
        """All other terms together."""
        return self.working.rest if self.working else 0.0

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
    def sources(self) -> tuple[Address, ...]:
        """Where the numbers are that it was made from, each once."""
        steps = [step.address for step in self.steps if step.address]
        return tuple(dict.fromkeys([*steps, *(part.address for term in self.terms for part in term.factors)]))


def explain(
    model: VisionTransformer,
    trace: ForwardTrace,
    layer: int | None,
    tensor_name: str,
    index: Sequence[int],
    *,
    block_of: Callable[[int], BlockTrace] | None = None,
    preprocess: Preprocess | None = None,
    labels: Sequence[str] = (),
    reproduction: Reproduction | None = None,
) -> NumberExplanation:
    """How one number of a forward pass came about.

    Args:
        model: the model of the trace.
        trace: one picture's forward pass.
        layer: 1..L; 0..L for hidden states; None where the tensor belongs to no layer.
        tensor_name: as in ``number_address.TENSORS``, or a parameter's name in the state dict.
        index: as in the code, from 0.
        block_of: the insides of a layer, where somebody keeps them; otherwise they are computed.
        preprocess: of the checkpoint, for the pixel behind a number of the picture.
        labels: the names of the classes.
        reproduction: what the line of Python opens.

    Raises:
        ValueError: if there is no such number; one sentence.
    """
    address = checked(Address(tensor_name, layer, tuple(index)), model)
    numbers = Numbers(model, trace, block_of or (lambda at: model.trace_block(trace, at)), preprocess)
    changes = str(trace.interventions or "")
    given = reproduction or Reproduction()
    given = Reproduction(given.checkpoint, given.picture, changes)
    is_learned = address.tensor not in TENSORS
    imports, line = given.line(address, model.config)
    return NumberExplanation(
        address,
        numbers.at(address),
        _place_of_parameter(address) if is_learned else _place(address, model.config, labels),
        _parameter_symbol(address, model.config) if is_learned else symbol_of(address),
        None if is_learned else RULES[address.tensor](numbers, address.layer or 0, address.index),
        imports,
        line,
        given.blanks if not is_learned else given.blanks[: given.checkpoint == YOUR_WEIGHTS],
        changes,
        model.config,
    )


def text_of(address: Address, config: ViTConfig) -> str:
    """The number's symbol with its index as plain text: "q⁽¹⁾[12, 5]" is head 1."""
    index = address.index
    if address.tensor not in TENSORS:
        return f"{parameter_kind(address.tensor)[2]}[{_joined(_as_paper(address, config))}]"
    kind = TENSORS[address.tensor]
    layer = address.layer or 0
    name = kind.text.replace("{l-1}", subscript(layer - 1)).replace("{l}", subscript(layer))
    if kind.axes[0] == "heads":
        return f"{name}⁽{superscript(index[0] + 1)}⁾[{_joined(index[1:])}]"
    return f"{name}[{_joined(index)}]"


def _joined(index: Sequence[int]) -> str:
    return ", ".join(map(str, index))


def _as_paper(address: Address, config: ViTConfig) -> tuple[int, ...]:
    """The index of a parameter as the paper writes its matrix: inputs first, E as one row per number of a patch."""
    if address.tensor == "patch_projection.weight":
        component, channel, row, column = address.index
        return (row * config.patch_size + column) * config.num_channels + channel, component
    is_dense = len(address.index) == 2 and address.tensor.endswith(".weight")
    return address.index[::-1] if is_dense else address.index


def _parameter_symbol(address: Address, config: ViTConfig) -> str:
    name, latex, _ = parameter_kind(address.tensor)
    written = f"<{name}:{latex}>" if latex else f"<{name}>"
    return written + at(*_as_paper(address, config))


def _place_of_parameter(address: Address) -> str:
    """Where a learned number stands in the state dict."""
    stored = "; stored with its outputs first" if len(address.index) == 2 and address.tensor.endswith("weight") else ""
    return f"learned; in the state dict {address.tensor}[{_joined(address.index)}]{stored}"


_COLOURS = ("red", "green", "blue")


def _place(address: Address, config: ViTConfig, labels: Sequence[str]) -> str:
    """Layer, head, token and component in words."""
    words = [] if address.layer is None else [f"layer {address.layer}" if address.layer else "before layer 1"]
    axes = TENSORS[address.tensor].axes
    for place, (axis, i) in enumerate(zip(axes, address.index, strict=True)):
        match axis:
            case "tokens" if axes.count("tokens") == 2:
                role = "query" if place == 1 else "key"
                words.append(f"{role} of token {i} ({token_name(i, config.grid_size)})")
            case "tokens":
                words.append(f"token {i} ({token_name(i, config.grid_size)})")
            case "patches":
                words.append(f"patch of token {i + 1} ({token_name(i + 1, config.grid_size)})")
            case "heads":
                words.append(f"head {i + 1}")
            case "channels":
                words.append(_COLOURS[i] if config.num_channels == 3 else f"channel {i}")
            case "height" | "width":
                words.append(f"pixel {'row' if axis == 'height' else 'column'} {i}")
            case "classes":
                words.append(f"class {i}" + (f" ({labels[i]})" if i < len(labels) else ""))
            case "mlp":
                words.append(f"unit {i}")
            case _:
                words.append(f"number {i}")
    return ", ".join(words)
