"""A number's symbol with its index, as LaTeX and as plain text, and its place in words."""

import re
from collections.abc import Callable, Sequence

from explainer.gallery import GALLERY
from explainer.notation.symbols import SYMBOLS
from explainer.notation.templates import SYMBOL
from explainer.notation.wording import subscript, superscript, token_name
from explainer.numbers.address import KINDS, Address, parameter_kind, parameter_template
from explainer.numbers.derived import Cells, Derived, Number, place_text
from explainer.numbers.forward_rules import COLOURS, EMBEDDED
from explainer.numbers.functions import FUNCTIONS
from explainer.numbers.rules import at
from vit_core import ViTConfig

_OWN_SYMBOLS = {
    "trace.patch_embeddings": EMBEDDED,
    "block.attention.output": "<MSA>",
    "block.mlp.output": "<MLP>",
    "block.attention_normalised": r"<z_{l-1}:\hat{\mathbf{z}}_{\ell-1}>",
    "block.mlp_normalised": r"<z'_l:\hat{\mathbf{z}}'_{\ell}>",
    "block.attention_distance": r"<A:d_{\ell}>",
    "trace.exponentials": r"\exp(<logits>-\max)",
    "lens.representation": r"<y:\mathbf{y}_{\text{after }{\ell}}>",
    "lens.head_inputs": r"<y_tanh:\tilde{\mathbf{y}}_{\text{after }{\ell}}>",
    "lens.logits": r"<logits:\text{logits}_{\text{after }{\ell}}>",
    "lens.probabilities": r"<p:p_{\text{after }{\ell}}>",
    "rollout.layer": r"<A:\bar{\mathbf{A}}_{\ell}>",
    "rollout.flow": r"<A:\mathbf{R}_{\ell}>",
}
PICTURE = "picture:"  # before the name of a picture: the side of its pass, on a page of many pictures


def side_name(side: str) -> str:
    """A side as a reader calls it: "left", "toy, epoch 3", "Mountain goats"."""
    if side.startswith(PICTURE):
        name = side.removeprefix(PICTURE)
        return GALLERY[name].title if name in GALLERY else f"your image {name.rpartition('-')[2][:6]}"
    if run := re.fullmatch(r"run:(.+):(\d+)", side):
        return f"{run[1]}, epoch {run[2]}"
    return side


def side_words(side: str) -> str:
    """A side inside a sentence: "on the left", "with the changes"."""
    known = {"": "as it is", "left": "on the left", "right": "on the right", "changed": "with the changes"}
    return known.get(side, side_name(side))


def text_of(number: Number | Cells, config_of: Callable[[str], ViTConfig], side: str = "") -> str:
    """A number's symbol with its index as text: "q⁽¹⁾[12, 5]" is head 1; of another side than ``side`` with it."""
    if isinstance(number, Derived):
        return FUNCTIONS[number.function].words.format(*(text_of(argument, config_of, side) for argument in number.of))
    whose = f"{side_name(number.side)}: " if number.side and number.side != side else ""
    index = tuple(map(place_text, number.index))
    if number.tensor not in KINDS:
        config = config_of(number.side)
        paper = _as_paper(number, config) if isinstance(number, Address) else None
        shown = tuple(map(str, paper)) if paper else _transposed(number.tensor, index)
        return f"{whose}{parameter_kind(number.tensor)[2]}[{', '.join(shown)}]"
    kind, layer = KINDS[number.tensor], number.layer or 0
    name = kind.text.replace("{l-1}", subscript(layer - 1)).replace("{l}", subscript(layer))
    if kind.axes[0] == "heads":
        head, *index_in_head = index
        name += f"⁽{superscript(int(head) + 1)}⁾" if head.isdigit() else ""
        return f"{whose}{name}" + (f"[{', '.join(index_in_head)}]" if index_in_head else "")
    return f"{whose}{name}[{', '.join(index)}]"


def symbol_of(number: Address | Cells, config: ViTConfig) -> str:
    """The symbol of a number with its index, as a template with the number's own layer."""
    name, index = number.tensor, tuple(map(place_text, number.index))
    if name not in KINDS:
        shown = _as_paper(number, config) if isinstance(number, Address) else _transposed(name, index)
        return parameter_template(name) + at(*shown)
    head = int(index[0]) + 1 if index[0].isdigit() else 0
    if name == "block.attention.head_outputs":
        return rf"<SA:\operatorname{{SA}}>_{{{head or 'h'}}}{at(*index[1:])}"
    if name == "block.mlp.activated":
        return f"<GELU>(<a>{at(*index)})"
    own = _OWN_SYMBOLS.get(name, f"<{KINDS[name].symbol}>")
    if KINDS[name].axes[0] == "heads":
        return f"{own}^{{({head or 'h'})}}" + (at(*index[1:]) if index[1:] else "")
    return own + at(*index)


def with_layer(template: str, config: ViTConfig, layer: int | None) -> str:
    """The template with its letters of layers written out, so that it may stand beside one of another layer."""

    def write(match: re.Match[str]) -> str:
        latex = match[3] or SYMBOLS[match[1]].latex
        if layer is not None:
            latex = latex.replace(r"{\ell-1}", f"{{{layer - 1}}}").replace(r"{\ell}", f"{{{layer}}}")
        latex = latex.replace(r"\ell-1", str((layer or 1) - 1)).replace(r"\ell", str(layer or 0))
        return f"<{match[1]}:{latex.replace('{L}', f'{{{config.num_layers}}}')}>"

    return SYMBOL.sub(write, template)


def place_of(number: Address | Cells, config: ViTConfig, labels: Sequence[str]) -> str:
    """Layer, head, token and component in words; of a learned number where it stands in the state dict."""
    if number.tensor not in KINDS:
        index = ", ".join(map(place_text, number.index))
        is_matrix = len(number.index) == 2 and number.tensor.endswith("weight")
        stored = "; stored with its outputs first" if is_matrix else ""
        return f"learned; in the state dict {number.tensor}[{index}]{stored}"
    words = [] if number.layer is None else [f"layer {number.layer}" if number.layer else "before layer 1"]
    axes = KINDS[number.tensor].axes
    for at_axis, (axis, place) in enumerate(zip(axes, number.index, strict=True)):
        if isinstance(place, tuple):
            words.append(f"{axis} {place[0]} to {place[1]}")
        elif place is not None:
            role = "" if axes.count("tokens") < 2 else "query of " if at_axis == axes.index("tokens") else "key of "
            words.append(role * (axis == "tokens") + _place_on(axis, place, config, labels))
        elif axis == "heads":
            words.append("all heads")
    return ", ".join(words)


def _place_on(axis: str, i: int, config: ViTConfig, labels: Sequence[str]) -> str:
    match axis:
        case "tokens":
            return f"token {i} ({token_name(i, config.grid_size)})"
        case "patches":
            return f"patch of token {i + 1} ({token_name(i + 1, config.grid_size)})"
        case "heads":
            return f"head {i + 1}"
        case "channels":
            return COLOURS[i] if config.num_channels == 3 else f"channel {i}"
        case "height" | "width":
            return f"pixel {'row' if axis == 'height' else 'column'} {i}"
        case "classes":
            return f"class {i}" + (f" ({labels[i]})" if i < len(labels) else "")
        case "mlp":
            return f"unit {i}"
    return f"number {i}"


def _transposed(tensor: str, index: tuple[str, ...]) -> tuple[str, ...]:
    """Cells of a learned matrix as the paper writes it: inputs first, E as one row per number of a patch."""
    if tensor == "patch_projection.weight":
        return (":", index[0])
    return index[::-1] if len(index) == 2 and tensor.endswith(".weight") else index


def _as_paper(address: Address, config: ViTConfig) -> tuple[int, ...]:
    """The index of a parameter as the paper writes its matrix."""
    if address.tensor == "patch_projection.weight":
        component, channel, row, column = address.index
        return (row * config.patch_size + column) * config.num_channels + channel, component
    is_dense = len(address.index) == 2 and address.tensor.endswith(".weight")
    return address.index[::-1] if is_dense else address.index
