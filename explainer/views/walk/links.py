"""What in the walk lights up together: the symbols of the moment's equation, its line of code, its tensors."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from explainer import links
from explainer.notation.equations import EQUATIONS, FORMULAS
from explainer.notation.excerpts import excerpt_of
from explainer.notation.symbols import QUANTITY_OF_NAME
from explainer.panels import CodeLine, Walk, WalkStep, WalkTensor
from vit_core import patchify
from vit_core.model import MLP, ClassificationHead, EncoderBlock, MultiheadSelfAttention, VisionTransformer
from vit_core.trace import ForwardTrace

# Moments without slices -> what they are about, and what that is made of.
_PICTURES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "picture": (("trace.image",), ()),
    "patches": (("trace.patches",), ("trace.image",)),
    "rows": (("trace.patches",), ("trace.image",)),
}

# Moments that read learned tensors which they do not light.
_LEARNED = {"qkv": ("U_qkv",), "logits": ("W_head", "b_head")}

# In these equations the letter z stands for what came out of the LayerNorm before.
_Z = dict.fromkeys(("5", "7", "8"), "block.attention_input") | {"mlp": "block.mlp_input"}

# Moment -> the function that computes it, and words that only its line has.
_CODE: dict[str, tuple[Callable[..., Any], str]] = {
    "patches": (patchify, "(rows columns)"),
    "rows": (patchify, "(rows columns)"),
    "projection": (VisionTransformer.embed_patches, "self.patch_projection("),
    "class_token": (VisionTransformer.embed, "self.class_token.expand("),
    "positions": (VisionTransformer.embed, "# Eq. 1"),
    "norm": (EncoderBlock.forward, "# Eq. 2"),
    "qkv": (MultiheadSelfAttention.trace, "# Eq. 5"),
    "scores": (MultiheadSelfAttention.trace, "scores = "),
    "weights": (MultiheadSelfAttention.trace, "# Eq. 6"),
    "mix": (MultiheadSelfAttention.trace, "# Eq. 7"),
    "join": (MultiheadSelfAttention.trace, "# Eq. 8"),
    "attention_sum": (EncoderBlock.forward, "# Eq. 2"),
    "mlp_norm": (EncoderBlock.forward, "# Eq. 3"),
    "expand": (MLP.trace, "self.expand("),
    "gelu": (MLP.trace, "self.gelu("),
    "contract": (MLP.trace, "self.contract("),
    "mlp_sum": (EncoderBlock.forward, "# Eq. 3"),
    "representation": (VisionTransformer.represent, "# Eq. 4"),
    "logits": (ClassificationHead.forward, "self.linear("),
    "softmax": (ForwardTrace.probabilities.fget, "softmax(-1)"),  # type: ignore[attr-defined]
}


def with_links(walk: Walk) -> Walk:
    """The walk with the keys of its tensors, of its moments, of the symbols of its equations, and its lines of code."""
    slices = tuple(replace(each, tensors=_tensors(each)) for each in walk.slices)
    tensors = {each.name: each.tensors for each in slices}
    steps = tuple(_step(each, tensors) for each in walk.steps)
    names = dict.fromkeys(step.name for step in steps if step.name in _CODE)
    symbols = {key: {name: _symbol(name, key) for name in _written(key).symbols} for key in walk.equations}
    return replace(walk, slices=slices, steps=steps, symbols=symbols, code={name: code_line(name) for name in names})


@cache
def code_line(moment: str) -> CodeLine:
    """The line of the program that computes a moment.

    Raises:
        ValueError: if its function does not have exactly one such line.
    """
    function, words = _CODE[moment]
    code = excerpt_of(function)
    found = [index for index, text in enumerate(code.source.splitlines()) if words in text]
    if len(found) != 1:
        raise ValueError(f"expected one line with {words!r} in {function.__qualname__}, found {len(found)}")
    text = code.source.splitlines()[found[0]].partition("  #")[0].strip()
    pieces = tuple((piece, QUANTITY_OF_NAME.get(piece) or "") for piece in _words(text))
    return CodeLine(code.path, code.first + found[0], pieces)


def _words(text: str) -> list[str]:
    pieces: list[str] = []
    for letter in text:
        is_word = letter.isalnum() or letter == "_"
        if pieces and is_word == (pieces[-1][-1].isalnum() or pieces[-1][-1] == "_"):
            pieces[-1] += letter
        else:
            pieces.append(letter)
    return pieces


def _tensors(slice_: WalkTensor) -> tuple[str, ...]:
    """The key of what is drawn; the last state that the head reads is the one that no layer reads."""
    if slice_.name.endswith(".state") or slice_.origin is None:
        return ("trace.hidden_states[-1]",)
    return links.of_origin(slice_.origin)


def _step(step: WalkStep, tensors: dict[str, tuple[str, ...]]) -> WalkStep:
    made, read = _PICTURES.get(step.name, ((), ()))
    made = (*made, *(key for name in step.makes for key in tensors[name]))
    named = (*step.lit, *_LEARNED.get(step.name, ()))
    learned = (key for name in named for key in links.of_symbol(name).makes if key.startswith(("model.", "layer.")))
    read = (*read, *(key for name in step.reads for key in tensors[name]), *learned)
    return replace(step, tensors=made, sources=tuple(key for key in dict.fromkeys(read) if key not in made))


def _symbol(name: str, equation: str) -> tuple[str, ...]:
    own = links.of_symbol(name).makes
    return (_Z[equation], *own) if name == "z" and equation in _Z else own


def _written(key: str) -> Any:
    return EQUATIONS[int(key)] if key.isdigit() else FORMULAS[key]
