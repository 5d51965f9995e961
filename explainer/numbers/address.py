"""Where a number is: its tensor, its layer, its index; as text, as a link carries it: "block.mlp.hidden:3:12,5".

A tensor is named as in a trace (``TENSORS``), by what is read off a trace (``READ_OFFS``) or, if it is learned, as in
the model's state dict. Indices count from 0, as in the code; layers from 1, as everywhere, and hidden states from z_0.
Where a page shows more forward passes than its own, the side goes first: "right@block.mlp.hidden:3:12,5".
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from operator import attrgetter

from torch import Tensor

from explainer.notation.declared import axes_of, size_of
from vit_core import AttentionTrace, BlockTrace, ForwardTrace, MLPTrace, VisionTransformer


@dataclass(frozen=True)
class Address:
    """One number of a forward pass or of the model's parameters."""

    tensor: str
    layer: int | None  # None where the tensor belongs to no layer, or its name says which
    index: tuple[int, ...]
    side: str = ""  # which forward pass; empty: the page's own

    def __str__(self) -> str:
        return written(self.side, self.tensor, self.layer, map(str, self.index))

    @classmethod
    def parse(cls, text: str) -> "Address":
        """The address that ``text`` writes.

        Raises:
            ValueError: if it is written otherwise.
        """
        side, tensor, layer, places = parts_of(text)
        if not all(place.isdigit() for place in places):
            raise ValueError(NO_NUMBER.format(text[:60]))
        return cls(tensor, layer, tuple(map(int, places)), side)


NO_NUMBER = "{!r} names no number; expected one as in 'block.attention.weights:3:0,12,33'"
_PLACE = r"(?:\d{1,7}(?:-\d{1,7})?|\*)"
_WRITTEN = re.compile(
    r"(?:([A-Za-z0-9][A-Za-z0-9_.:-]{0,79})@)?"  # the side
    rf"([A-Za-z_0-9.]{{1,80}}):(\d{{0,4}}):({_PLACE}(?:,{_PLACE}){{0,3}})",
    re.ASCII,
)


def written(side: str, tensor: str, layer: int | None, places: Iterable[str]) -> str:
    """An address as text; a place may stand for several: "3-7", "*"."""
    return f"{side}{'@' if side else ''}{tensor}:{'' if layer is None else layer}:{','.join(places)}"


def parts_of(text: str) -> tuple[str, str, int | None, list[str]]:
    """Side, tensor, layer and places of what ``written`` has written.

    Raises:
        ValueError: if it is written otherwise.
    """
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise ValueError(NO_NUMBER.format(text[:60]))
    side, tensor, layer, places = found.groups()
    return side or "", tensor, int(layer) if layer else None, places.split(",")


@dataclass(frozen=True)
class Kind:
    """A kind of tensor: its symbol, its axes, and whether every layer has one."""

    symbol: str  # a key of SYMBOLS
    text: str  # the symbol as plain text; {l} is its layer, {l-1} the one before
    axes: tuple[str, ...]
    first_layer: int | None = None  # 1, or 0 for the states between layers; None: there is only one of it


def _of(trace: type, field: str, symbol: str, text: str, first_layer: int | None = None) -> Kind:
    return Kind(symbol, text, axes_of(trace, field), first_layer)


TENSORS = {
    "trace.image": _of(ForwardTrace, "image", "x", "x"),
    "trace.patches": Kind("x_p", "xₚ", ("patches", "patch_dim")),
    "trace.patch_embeddings": _of(ForwardTrace, "patch_embeddings", "x_pE", "xₚE"),
    "trace.hidden_states": _of(ForwardTrace, "hidden_states", "z_l", "z{l}", 0),
    "block.attention_input": _of(BlockTrace, "attention_input", "LN(z_{l-1})", "LN(z{l-1})", 1),
    "block.attention.query": _of(AttentionTrace, "query", "q", "q", 1),
    "block.attention.key": _of(AttentionTrace, "key", "key", "k", 1),
    "block.attention.value": _of(AttentionTrace, "value", "v", "v", 1),
    "block.attention.scores": _of(AttentionTrace, "scores", "S", "S", 1),
    "block.attention.weights": _of(AttentionTrace, "weights", "A", "A", 1),
    "block.attention.head_outputs": _of(AttentionTrace, "head_outputs", "SA(z)", "SA", 1),
    "block.attention.output": _of(AttentionTrace, "output", "MSA(z)", "MSA", 1),
    "block.after_attention": _of(BlockTrace, "after_attention", "z'_l", "z′{l}", 1),
    "block.mlp_input": _of(BlockTrace, "mlp_input", "LN(z'_l)", "LN(z′{l})", 1),
    "block.mlp.hidden": _of(MLPTrace, "hidden", "a", "a", 1),
    "block.mlp.activated": _of(MLPTrace, "activated", "GELU(a)", "GELU(a)", 1),
    "block.mlp.output": _of(MLPTrace, "output", "MLP(z)", "MLP", 1),
    "trace.representation": _of(ForwardTrace, "representation", "y", "y"),
    "trace.head_inputs": Kind("y_tanh", "ỹ", ("representation",)),  # of a head with a hidden layer
    "trace.logits": _of(ForwardTrace, "logits", "logits", "logit"),
    "trace.probabilities": Kind("p", "p", ("classes",)),
}

# What the pages read off a trace: no number of the model's own way, but computed from such numbers, and traced to them.
READ_OFFS = {
    "block.attention_normalised": _of(BlockTrace, "attention_input", "z_{l-1}", "(z{l-1} − μ)/σ", 1),
    "block.mlp_normalised": _of(BlockTrace, "mlp_input", "z'_l", "(z′{l} − μ)/σ", 1),
    "block.attention_distance": Kind("A", "d", ("heads",), 1),
    "trace.exponentials": Kind("logits", "exp(logit − largest)", ("classes",)),
    "trace.positions": Kind("E_pos", "E_pos", ("tokens", "hidden")),
    "lens.representation": Kind("y", "y{l}", ("hidden",), 0),
    "lens.head_inputs": Kind("y_tanh", "ỹ{l}", ("representation",), 0),
    "lens.logits": Kind("logits", "logit{l}", ("classes",), 0),
    "lens.probabilities": Kind("p", "p{l}", ("classes",), 0),
    "rollout.layer": Kind("A", "Ā{l}", ("tokens", "tokens"), 1),
    "rollout.flow": Kind("A", "R{l}", ("tokens", "tokens"), 1),
}
KINDS = TENSORS | READ_OFFS

# Another name -> the tensor that it is, and how many layers to add.
_SAME = {
    "trace.attention_weights": ("block.attention.weights", 0),
    "block.input": ("trace.hidden_states", -1),
    "block.output": ("trace.hidden_states", 0),
}
_PREFIXES = ("", "trace.", "block.", "block.attention.", "block.mlp.")

# The end of a parameter's name -> its symbol, the symbol as LaTeX where SYMBOLS has none, and as plain text.
PARAMETERS = {
    "patch_projection.weight": ("E", "", "E"),
    "patch_projection.bias": ("b_E", "", "b_E"),
    "class_token": ("x_class", "", "x_class"),
    "position_embedding": ("E_pos", "", "E_pos"),
    "norm.weight": ("gamma", "", "γ"),
    "norm.bias": ("beta", "", "β"),
    "attention.qkv.weight": ("U_qkv", "", "U_qkv"),
    "attention.qkv.bias": ("U_qkv", r"\mathbf{b}_{qkv}", "b_qkv"),
    "attention.projection.weight": ("U_msa", "", "U_msa"),
    "attention.projection.bias": ("U_msa", r"\mathbf{b}_{msa}", "b_msa"),
    "mlp.expand.weight": ("W_1", "", "W₁"),
    "mlp.expand.bias": ("b_1", "", "b₁"),
    "mlp.contract.weight": ("W_2", "", "W₂"),
    "mlp.contract.bias": ("b_2", "", "b₂"),
    "head.pre_logits.weight": ("W_pre", "", "W_pre"),
    "head.pre_logits.bias": ("b_pre", "", "b_pre"),
    "head.linear.weight": ("W_head", "", "W"),
    "head.linear.bias": ("b_head", "", "b"),
}


@cache
def parameter_kind(name: str) -> tuple[str, str, str]:
    """Symbol, LaTeX and plain text of a parameter by its name in the state dict."""
    return next(kind for end, kind in PARAMETERS.items() if name.endswith(end))


def parameter_template(name: str) -> str:
    """The symbol of a parameter, as a template."""
    letter, latex, _ = parameter_kind(name)
    return f"<{letter}:{latex}>" if latex else f"<{letter}>"


def checked(address: Address, model: VisionTransformer) -> Address:
    """The same place by its one name; ``layer.mlp.expand.weight`` is a parameter of the address's layer.

    Raises:
        ValueError: if the model has no such tensor, layer or index; one sentence.
    """
    if address.tensor.startswith("layer.") and address.layer:
        address = replace(address, tensor=f"blocks.{address.layer - 1}.{address.tensor[6:]}", layer=None)
    if (shape := parameter_shape(model, address.tensor)) is not None:
        return replace(address, layer=None, index=_inside(address, shape))
    known = (full for prefix in _PREFIXES if (full := prefix + address.tensor) in KINDS or full in _SAME)
    if (name := next(known, None)) is None:
        raise ValueError(
            f"there is no tensor {address.tensor[:60]!r}; expected a field of a trace such as 'block.attention.weights'"
            " or a parameter's name in the state dict"
        )
    layer, last = address.layer, model.config.num_layers
    first = 1 if name in _SAME else KINDS[name].first_layer
    if first is None:
        layer = None
    elif layer is None or not first <= layer <= last:
        asked_for = "no layer" if layer is None else f"layer {layer}"
        raise ValueError(f"{name} is there for layers {first} to {last}, the link gives {asked_for}")
    else:
        name, added = _SAME.get(name, (name, 0))
        layer += added
    return replace(address, tensor=name, layer=layer, index=_inside(address, shape_of_tensor(model, name)))


def parameter_shape(model: VisionTransformer, name: str) -> tuple[int, ...] | None:
    """The shape of a parameter by its name in the state dict, None if it is none."""
    if name.split(".")[0] not in dict(model.named_children()).keys() | {"class_token", "position_embedding"}:
        return None
    try:
        value = attrgetter(name)(model)
    except AttributeError:
        return None
    return tuple(value.shape) if isinstance(value, Tensor) and name in model.state_dict() else None


def shape_of(model: VisionTransformer, name: str) -> tuple[int, ...]:
    """The shape of a parameter, or of a tensor of ``KINDS``."""
    shape = parameter_shape(model, name)
    return shape_of_tensor(model, name) if shape is None else shape


def shape_of_tensor(model: VisionTransformer, name: str) -> tuple[int, ...]:
    """The shape of a tensor of ``KINDS``."""
    config = model.config
    if name.endswith(".head_inputs"):
        return (config.representation_size or 0,)
    return tuple(size_of(axis, config) for axis in KINDS[name].axes)


def _inside(address: Address, shape: tuple[int, ...]) -> tuple[int, ...]:
    index = address.index
    if len(index) == len(shape) and all(0 <= i < size for i, size in zip(index, shape, strict=True)):
        return index
    wanted = " × ".join(map(str, shape))
    raise ValueError(f"{address.tensor} has the shape {wanted}, so there is no number [{', '.join(map(str, index))}]")
