"""What on a page is about which tensor, so that equation, code line, table row, proof and picture light up together.

A tensor's key is the way to it, as the proofs write it: ``"block.attention.query"``, ``"model.class_token"``. What an
equation makes and reads is what its proof says, and the learned tensors that it names; nothing of that is written
again here. A panel whose arrays say where their numbers come from shows those tensors; what the others show has no
other place, and stands here. A symbol of the paper has a key of its own, ``"symbol.D"``, beside those of its tensors.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from html import escape

from explainer.notation.equations import Equation, Formula
from explainer.notation.templates import written_symbols
from explainer.panels import Flow, Origin, Panel, View
from explainer.proofs import FACTS, PROOFS, Claim
from explainer.stages import STAGES, TensorRef

# The proofs of the formulas that have no number; a formula may be used in several places.
_PROVED_BY: dict[str, tuple[Claim, ...]] = {
    "patchify": (FACTS["patches"],),
    "patch_projection": (FACTS["patch_projection"],),
    "layer_norm": (FACTS["attention_norm"], FACTS["mlp_norm"], PROOFS[4]),
    "scores": (FACTS["scores"],),
    "softmax": (FACTS["softmax"],),
    "mlp": (FACTS["mlp_hidden"], FACTS["gelu"], FACTS["mlp_output"]),
    "gelu": (FACTS["gelu"],),
    "gelu_tanh": (FACTS["gelu"],),
    "head": (FACTS["head"],),
    "head_pre_logits": (FACTS["head"],),
    "softmax_logits": (FACTS["probabilities"],),
}

# Symbols that no table has: of an operation, what it makes; of a part of a tensor, the tensor.
_STANDS_FOR = {
    "LN": ("block.attention_input", "block.mlp_input"),
    "SA": ("block.attention.head_outputs",),
    "MSA": ("block.attention.output",),
    "MLP": ("block.mlp.output",),
    "GELU": ("block.mlp.activated",),
    "z_l^0": ("block.output",),
    "z_L^0": ("trace.hidden_states[-1]",),
}

# A tensor as the origin of a picture names it -> its key, where that is another.
_ORIGINS = {
    "trace.hidden_states": "block.output",
    "trace.attention_weights": "block.attention.weights",
    "patch_projection.weight": "model.projection_matrix",
    "trace.head_inputs": "trace.representation",
    "block.attention_normalised": "block.attention_input",
    "block.mlp_normalised": "block.mlp_input",
    "block.attention_distance": "block.attention.weights",
    "trace.exponentials": "trace.logits",
    "trace.positions": "model.position_embedding",
    "lens.representation": "trace.representation",
    "lens.head_inputs": "trace.representation",
    "lens.logits": "trace.logits",
    "lens.probabilities": "trace.probabilities",
    "rollout.layer": "block.attention.weights",
    "rollout.flow": "block.attention.weights",
}

# What an equation computes on its way, for those who do not see the equations of that.
_INSIDE: dict[int, tuple[str, ...]] = {1: ("trace.patch_embeddings",), 2: ("block.attention.weights",)}

# What holds a tensor of every layer has these among them: the first, this layer's, the last.
_PARTS = {
    "derived.patches": ("trace.patches",),
    "trace.hidden_states": ("trace.hidden_states[0]", "block.input", "block.output", "trace.hidden_states[-1]"),
    "trace.hidden_states[layer]": ("block.output",),
    "trace.attention_weights": ("block.attention.weights",),
    "trace.attention_weights[layer-1]": ("block.attention.weights",),
}

# View -> what each of its panels shows; the last holds for all that follow.
PICTURES: dict[str, tuple[tuple[str, ...], ...]] = {
    "prediction": (("trace.probabilities",),),
    "grid": (("trace.image",), ("trace.patches",)),
    "filters": (("model.projection_matrix",),),
    "filter_components": (("model.projection_matrix",),),
    "projection": (("trace.patch_embeddings",),),
    "sum": (("trace.hidden_states[0]",),),
    "sequence": (
        ("model.class_token", "trace.patch_embeddings"),
        ("model.position_embedding",),
        ("trace.hidden_states[0]",),
    ),
    "similarity": (("model.position_embedding",),),
    "looks": (("block.attention.weights",),),
    "attention_norm": (("block.attention_input",),),
    "qkv": (("block.attention.query",), ("block.attention.key",), ("block.attention.value",)),
    "scores": (("block.attention.scores",), ("block.attention.scores",), ("block.attention.weights",)),
    "head_output": (("block.attention.weights",), ("block.attention.head_outputs",)),
    "joined": (("block.attention.head_outputs",), ("block.attention.output",)),
    "attention_residual": (("block.after_attention",),),
    "mlp_norm": (("block.mlp_input",),),
    "activations": (("block.mlp.hidden",), ("block.mlp.activated",), ("block.mlp.output",)),
    "gelu": (("block.mlp.activated",),),
    "neurons": (("block.mlp.activated",),),
    "mlp_residual": (("block.output",),),
    "layers_by_heads": (("block.attention.weights",),),
    "update_sizes": (("block.output",),),
    "class_token_path": (("block.output",),),
    "logit_lens": (("block.output",),),
    "rollout": ((), ("block.attention.weights",)),
    "distance": (("block.attention.weights",),),
    "representation": (("trace.representation",),),
    "logit_terms": (("trace.logits",),),
    "softmax": (("trace.logits",), ("trace.probabilities",)),
    "top_classes": (("trace.probabilities",),),
}

# Part of the diagram of the model -> what it stands for.
NODES: dict[str, tuple[str, ...]] = {
    "image": ("trace.image",),
    "patches": ("trace.patches",),
    "projection": ("trace.patch_embeddings",),
    "class_token": ("model.class_token",),
    "position": ("model.position_embedding",),
    "z": ("trace.hidden_states[0]",),
    "input": ("block.input",),
    "attention_norm": ("block.attention_input",),
    "attention": ("block.attention.weights",),
    "after_attention": ("block.after_attention",),
    "mlp_norm": ("block.mlp_input",),
    "mlp": ("block.mlp.activated",),
    "output": ("block.output",),
    "last": ("trace.hidden_states[-1]",),
    "representation": ("trace.representation",),
    "prediction": ("trace.logits", "trace.probabilities"),
}


@dataclass(frozen=True)
class Link:
    """The tensors that something on a page shows or makes, and those that it reads to make them."""

    makes: tuple[str, ...]
    reads: tuple[str, ...] = ()

    @property
    def attributes(self) -> str:
        """What the browser reads (``explainer/components/core/links.js``), as attributes of HTML."""
        reads = f' data-reads="{escape(" ".join(self.reads))}"' if self.reads else ""
        return f'data-link="{escape(" ".join(self.makes))}"{reads}'


def of_tensor(reference: TensorRef) -> Link:
    """The link of a row of the table of tensors."""
    return Link((*_parts(reference.key), symbol_key(reference.symbol)))


@cache
def of_symbol(name: str) -> Link:
    """The link of a symbol of ``SYMBOLS``, wherever it stands: the tensors that it is the letter of, and itself."""
    found = [reference.key for reference in _references() if reference.symbol == name]
    # One letter for all layers stands for this layer's, where a table has that, too.
    tensors = [each for each in found if each not in _PARTS] or found
    return Link((*_joined(map(_parts, tensors)), *_STANDS_FOR.get(name, ()), symbol_key(name)))


def symbol_key(name: str) -> str:
    """The key that a symbol has of its own."""
    return f"symbol.{name}"


def of_symbols(*templates: str) -> str:
    """What the symbols of these formulas stand for, in the order in which they are written, as an attribute of HTML."""
    lines = (
        " ".join(f"{name}={','.join(of_symbol(name).makes)}" for name in written_symbols(each)) for each in templates
    )
    return f'data-symbols="{escape(" | ".join(lines))}"'


def of_origin(origin: Origin) -> tuple[str, ...]:
    """The keys of the tensor that an array holds numbers of."""
    if origin.of:
        return _joined(map(of_origin, origin.of))
    name, layer = origin.tensor, origin.layer
    if not name:
        return ()
    if name == "trace.hidden_states" and layer == 0:
        return ("trace.hidden_states[0]",)
    if name in _ORIGINS:
        return (_ORIGINS[name],)
    if name.startswith("blocks."):
        return (f"layer.{name.split('.', 2)[2]}",)
    return (name if name.startswith(("trace.", "block.", "layer.")) else f"model.{name}",)


def shown_by(panel: Panel) -> tuple[str, ...]:
    """The keys of what a panel shows: what it says itself, or where its numbers come from."""
    return panel.tensors or _joined(map(of_origin, panel.origins))


def of_proof(claim: int | str) -> Link:
    """The link of the proof of an equation, by its number, or of a fact, by its name."""
    return _of_claim(PROOFS[claim] if isinstance(claim, int) else FACTS[claim])


def _of_claim(claim: Claim) -> Link:
    makes = _joined(map(_parts, claim.makes))
    return Link(makes, tuple(path for path in _joined(map(_parts, claim.reads)) if path not in makes))


@cache
def of_equation(item: Equation | Formula) -> Link:
    """The link of an equation or formula, and of the line of code that computes it: its proofs', and what it names."""
    claims = (PROOFS[item.number],) if isinstance(item, Equation) else _PROVED_BY.get(item.name, ())
    links = [_of_claim(claim) for claim in claims]
    makes = _joined(link.makes for link in links)
    named = (_parts(reference.key) for reference in _references() if reference.symbol in item.symbols)
    inside = _INSIDE.get(item.number, ()) if isinstance(item, Equation) else ()
    reads = _joined([*(link.reads for link in links), *named, inside])
    return Link(makes, tuple(path for path in reads if path not in makes))


def linked(view: View, name: str) -> View:
    """The view with what each panel shows, unless a panel says so itself; ``name`` is what the page calls the view."""
    if name == "pipeline":
        return replace(view, rows=tuple(tuple(map(_linked_diagram, row)) for row in view.rows))
    shown = PICTURES.get(name, ())
    if not shown:
        return view
    places = iter([*shown, *[shown[-1]] * len(view.panels)])
    rows = [[(panel, next(places)) for panel in row] for row in view.rows]
    return replace(
        view,
        rows=tuple(tuple(replace(panel, tensors=panel.tensors or own) for panel, own in row) for row in rows),
    )


def _linked_diagram(panel: Panel) -> Panel:
    if not isinstance(panel, Flow):
        return panel
    return replace(panel, nodes=tuple(replace(node, tensors=NODES.get(node.name, ())) for node in panel.nodes))


def _references() -> Iterable[TensorRef]:
    return (reference for stage in STAGES.values() for reference in stage.tensors)


def _parts(path: str) -> tuple[str, ...]:
    return _PARTS.get(path, (path,))


def _joined(groups: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(path for group in groups for path in group))
