"""The tensors of one forward pass: frozen, with the shape of each in its type.

The axis names in the annotations are the single source of every shape that is shown: ``ViTConfig.axes`` gives their
sizes, tests check them on each call, and the explainer turns them into the paper's notation. ``*batch`` stands for
any leading axes; for one traced picture there are none, so that the shapes are exactly the paper's.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, eq=False)
class AttentionTrace:
    """Multi-head self-attention (Eq. 5-8): all its heads, before they are joined and after."""

    query: Float[Tensor, "*batch heads tokens head_size"]
    key: Float[Tensor, "*batch heads tokens head_size"]
    value: Float[Tensor, "*batch heads tokens head_size"]
    scores: Float[Tensor, "*batch heads tokens tokens"]
    weights: Float[Tensor, "*batch heads tokens tokens"]
    head_outputs: Float[Tensor, "*batch heads tokens head_size"]
    output: Float[Tensor, "*batch tokens hidden"]


@dataclass(frozen=True, eq=False)
class MLPTrace:
    """The two dense layers and the GELU between them (the MLP of Eq. 3)."""

    hidden: Float[Tensor, "*batch tokens mlp"]
    activated: Float[Tensor, "*batch tokens mlp"]
    output: Float[Tensor, "*batch tokens hidden"]


@dataclass(frozen=True, eq=False)
class BlockTrace:
    """One encoder block (Eq. 2 and 3), from z_{l-1} (``input``) to z_l (``output``)."""

    input: Float[Tensor, "*batch tokens hidden"]
    attention_input: Float[Tensor, "*batch tokens hidden"]
    attention: AttentionTrace
    after_attention: Float[Tensor, "*batch tokens hidden"]
    mlp_input: Float[Tensor, "*batch tokens hidden"]
    mlp: MLPTrace
    output: Float[Tensor, "*batch tokens hidden"]

    @property
    def nbytes(self) -> int:
        """Bytes of memory held by all tensors of this trace."""
        return byte_count(self)


@runtime_checkable
class ChangedPass(Protocol):
    """Whoever computes a forward pass with changes between its equations, for example ``Interventions``."""

    def trace(self, model: Any, image: Float[Tensor, "channels height width"]) -> "ForwardTrace":
        """The changed pass of one picture."""
        ...

    def trace_block(self, model: Any, trace: "ForwardTrace", layer: int) -> BlockTrace:
        """The insides of one layer of it."""
        ...


@dataclass(frozen=True, eq=False)
class ForwardTrace:
    """The forward pass of one picture: what is kept of it. ``VisionTransformer.trace_block`` recomputes the rest."""

    image: Float[Tensor, "channels height width"]
    patch_embeddings: Float[Tensor, "patches hidden"]
    hidden_states: tuple[Float[Tensor, "tokens hidden"], ...]  # z_0 ... z_L
    attention_weights: tuple[Float[Tensor, "heads tokens tokens"], ...]  # A of layer 1 ... L
    representation: Float[Tensor, " hidden"]
    logits: Float[Tensor, " classes"]
    interventions: ChangedPass | None = None  # what was changed on the way, if anything

    @property
    def num_layers(self) -> int:
        """L."""
        return len(self.attention_weights)

    @property
    def probabilities(self) -> Float[Tensor, " classes"]:
        """softmax(logits)."""
        return self.logits.softmax(-1)

    def attention(self, layer: int) -> Float[Tensor, "heads tokens tokens"]:
        """A of ``layer``, counted from 1 as in the paper.

        Raises:
            ValueError: if ``layer`` is not in 1..L.
        """
        check_layer(layer, self.num_layers)
        return self.attention_weights[layer - 1]

    @property
    def nbytes(self) -> int:
        """Bytes of memory held by all tensors of this trace."""
        return byte_count(self)


def check_layer(layer: int, num_layers: int) -> None:
    """Refuse a layer that does not exist.

    Raises:
        ValueError: if ``layer`` is not in 1..num_layers.
    """
    if not 1 <= layer <= num_layers:
        raise ValueError(f"layer must be in 1..{num_layers}, got {layer}")


def byte_count(trace: Any) -> int:
    """Bytes of all tensors in a trace; a storage that several of them share is counted once."""
    return sum({t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in _tensors(trace)}.values())


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _tensors(item)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _tensors(getattr(value, field.name))
