r"""The paper's notation, written once: templates that name their symbols, and the LaTeX made of them.

A template is LaTeX in which ``<z_l>`` stands for the symbol of that name, ``<x_p:\mathbf{x}_p^{1}>`` for the same
symbol written another way, ``<z_l!>`` for the symbol with its shape below it, and ``<#N>`` for the number that this
model has for N. Plain LaTeX, coloured LaTeX and LaTeX with numbers come from the one template.
"""

import re
from collections.abc import Callable
from functools import cache

from explainer.notation.declared import dimensions
from explainer.notation.symbols import SYMBOLS, Symbol
from explainer.palette import QUANTITIES, TEXT, Scheme
from vit_core import ViTConfig

_NUMBER = re.compile(r"<#([^<>]+)>")
SYMBOL = re.compile(r"<([^<>:!#]+)(!?)(?::([^<>]*))?>")


@cache
def symbols_in(template: str) -> tuple[str, ...]:
    """The names of the symbols in a template, each once, in order."""
    return tuple(dict.fromkeys(written_symbols(template)))


@cache
def written_symbols(template: str) -> tuple[str, ...]:
    """The names of the symbols in a template as they are written, in that order: each has a colour in the LaTeX."""
    return tuple(match[1] for match in SYMBOL.finditer(_NUMBER.sub("", template)))


def plain(template: str) -> str:
    """LaTeX without colours, as the paper prints it."""
    return SYMBOL.sub(lambda match: match[3] or SYMBOLS[match[1]].latex, template)


def coloured(template: str, scheme: Scheme) -> str:
    """LaTeX in which every quantity wears its colour, and every other symbol the ink of the page."""
    return SYMBOL.sub(lambda match: _colour(SYMBOLS[match[1]], match[3] or SYMBOLS[match[1]].latex, scheme), template)


def numbered(template: str, config: ViTConfig, scheme: Scheme | None, layer: int | None = None) -> str:
    """LaTeX with this model's numbers and shapes; ``layer`` replaces its letter; no scheme, no colour."""

    def write(match: re.Match[str]) -> str:
        symbol = SYMBOLS[match[1]]
        latex = _with_layer(match[3] or symbol.latex, config, layer)
        latex = latex if scheme is None else _colour(symbol, latex, scheme)
        return rf"\underbrace{{{latex}}}_{{{dimensions(symbol.axes, config)}}}" if match[2] else latex

    template = template.replace("<#l>", r"\ell" if layer is None else str(layer))
    template = _NUMBER.sub(lambda match: number(_VALUES[match[1]](config)), template)
    return SYMBOL.sub(write, template)


def number(value: float) -> str:
    """A number as LaTeX: thousands apart, four significant digits for what is not whole, powers of ten written out."""
    if isinstance(value, int):
        return f"{value:,}".replace(",", "{,}")
    digits, _, power = f"{value:.4g}".partition("e")
    return digits if not power else ("" if digits == "1" else rf"{digits} \cdot ") + f"10^{{{int(power)}}}"


def _colour(symbol: Symbol, latex: str, scheme: Scheme) -> str:
    colour = TEXT[scheme] if symbol.quantity is None else QUANTITIES[symbol.quantity].colour(scheme)
    return rf"\textcolor{{{colour}}}{{{latex}}}"


def _with_layer(latex: str, config: ViTConfig, layer: int | None) -> str:
    latex = latex.replace("{L}", f"{{{config.num_layers}}}")
    if layer is None:
        return latex
    return latex.replace(r"{\ell-1}", f"{{{layer - 1}}}").replace(r"{\ell}", f"{{{layer}}}")


def value(symbol: str, config: ViTConfig) -> float | None:
    """The number that this model has for a symbol: 65 for N + 1. None for what is no size."""
    return _VALUES[symbol](config) if symbol in _VALUES else None


_VALUES: dict[str, Callable[[ViTConfig], float]] = {
    "H": lambda config: config.image_size,
    "W": lambda config: config.image_size,
    "C": lambda config: config.num_channels,
    "P": lambda config: config.patch_size,
    "N": lambda config: config.num_patches,
    "N+1": lambda config: config.num_tokens,
    "P^2C": lambda config: config.patch_dim,
    "D": lambda config: config.hidden_size,
    "k": lambda config: config.num_heads,
    "D_h": lambda config: config.head_size,
    "sqrt(D_h)": lambda config: config.head_size**0.5,
    "D_MLP": lambda config: config.mlp_size,
    "L": lambda config: config.num_layers,
    "K": lambda config: config.num_classes,
    "D_rep": lambda config: config.representation_size or config.hidden_size,
    "eps": lambda config: config.norm_eps,
}
