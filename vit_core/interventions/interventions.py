"""Interventions: a frozen description of changes to one forward pass, and that pass.

``model.trace(image, interventions)`` computes Eq. 1-8 with the changes between them. The model is not touched: no
hook, no parameter, nothing left on a module, so that one model serves many threads, each with changes of its own.

The places of the pass come in its order: the picture, E_pos, and in every layer the scores, the heads' outputs, and
each update and the residual that it is added to. Changes at one place act in the order in which they are listed. That
order matters for the picture alone (a patch that is masked, then swapped, is not one that is swapped, then masked):
everything else acts on what no other change touches, or multiplies.

As text, what a link carries: changes of one kind after its key, kinds between semicolons. For example
``mask=12-15,20;heads=3.1:zero,3.2:mean;skip=attention.4``:

=============  ==========================================================================================
key            what follows
=============  ==========================================================================================
mask, blur     patches, 1..N: ``12-15,20``
swap           pairs of patches: ``3:17``
shuffle        the seed: ``7``
positions      ``zero``, ``sinusoidal``, ``shuffled.SEED``, ``resized.GRID.METHOD``
temperature    ``2`` or ``unscaled`` for all layers, ``4:2`` or ``4:unscaled`` for layer 4
heads          layer, head and what takes its place: ``3.1:zero``, ``3.2:mean``
skip           ``attention.4``, ``mlp.4``: the update that is left out
residual       ``attention.4``, ``mlp.4``: whose residual is removed
=============  ==========================================================================================
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce
from itertools import groupby

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from vit_core.config import ViTConfig
from vit_core.interventions.changes import Change, Part, shortened
from vit_core.interventions.layers import RemoveResidual, ReplaceHead, Skip, Temperature
from vit_core.interventions.patches import BlurPatches, MaskPatches, ShufflePatches, SwapPatches
from vit_core.interventions.positions import ChangePositions
from vit_core.model import EncoderBlock, MultiheadSelfAttention, VisionTransformer
from vit_core.trace import AttentionTrace, BlockTrace, ForwardTrace, check_layer

KINDS: dict[str, type[Change]] = {
    kind.key: kind
    for kind in (
        MaskPatches,
        BlurPatches,
        SwapPatches,
        ShufflePatches,
        ChangePositions,
        Temperature,
        ReplaceHead,
        Skip,
        RemoveResidual,
    )
}
MAX_TEXT = 8000  # characters; every head of L/16 named one by one takes 4000


@dataclass(frozen=True)
class Interventions:
    """Changes to one forward pass, in their order. Empty, it changes nothing and is false.

    Raises:
        ValueError: if two changes contradict each other, or their text would be too long for a link.
    """

    changes: tuple[Change, ...] = ()

    def __post_init__(self) -> None:
        targets: dict[object, Change] = {}
        for change in self.changes:
            if before := targets.get(change.target):
                raise ValueError(
                    f"{change.key} sets one thing twice: {before.title!r} and {change.title!r}; keep one of them"
                )
            targets[change.target] = change
        if len(str(self)) > MAX_TEXT:
            raise ValueError(f"these changes take more than {MAX_TEXT} characters to write: remove some")

    @classmethod
    def parse(cls, text: str) -> "Interventions":
        """The changes that ``str`` has written; the module's description has the grammar.

        Raises:
            ValueError: if the text says no changes, says what does not exist, contradicts itself, or is too long.
        """
        if len(text) > MAX_TEXT:
            raise ValueError(f"expected at most {MAX_TEXT} characters of changes, got {len(text)}")
        changes: list[Change] = []
        for clause in text.split(";") if text else []:
            key, equals, items = clause.partition("=")
            if not equals or key not in KINDS:
                raise ValueError(
                    f"expected a change such as skip=attention.4, with one of {', '.join(KINDS)}, "
                    f"got {shortened(clause)}"
                )
            changes += KINDS[key].read(items)
        return cls(tuple(changes))

    def __str__(self) -> str:
        """The text that ``parse`` reads back."""
        kinds = groupby(self.changes, key=lambda change: change.key)
        return ";".join(f"{key}={','.join(change.item for change in changes)}" for key, changes in kinds)

    def __bool__(self) -> bool:
        return bool(self.changes)

    def __iter__(self) -> Iterator[Change]:
        return iter(self.changes)

    def __len__(self) -> int:
        return len(self.changes)

    def with_(self, change: Change) -> "Interventions":
        """These and ``change`` at the end; it replaces an earlier change of the same target."""
        return Interventions((*(other for other in self.changes if other.target != change.target), change))

    def without(self, change: Change) -> "Interventions":
        """These but ``change``; the same if it is not among them."""
        return Interventions(tuple(other for other in self.changes if other != change))

    def check(self, config: ViTConfig) -> None:
        """Refuse changes of what this model does not have.

        Raises:
            ValueError: naming the change, and what does not exist.
        """
        if problems := self.fitted(config)[1]:
            raise ValueError(problems[0])

    def fitted(self, config: ViTConfig) -> "tuple[Interventions, list[str]]":
        """The changes that this model can have, and a sentence for each of the others."""
        fitting, problems = [], []
        for change in self.changes:
            try:
                change.check(config)
                fitting.append(change)
            except ValueError as error:
                problems.append(f"{change.title} does not fit this model: {error}.")
        return Interventions(tuple(fitting)), problems

    @torch.no_grad()
    def trace(self, model: VisionTransformer, image: Float[Tensor, "channels height width"]) -> ForwardTrace:
        """The forward pass with the changes in it. The trace's picture is the one that the model saw.

        Raises:
            ValueError: if the model does not have what is changed.
        """
        self.check(model.config)
        image = reduce(lambda x, change: change.change_image(x, model.config), self, image)
        patch_embeddings = model.embed_patches(image)
        e_pos = reduce(lambda e, change: change.change_position_embedding(e), self, model.position_embedding.detach())
        z = torch.cat([model.class_token, patch_embeddings]) + e_pos  # as Eq. 1
        hidden_states, attention_weights = [z], []
        for layer in range(1, model.config.num_layers + 1):
            block = self._block(model.block(layer), z, layer)
            z = block.output
            hidden_states.append(z)
            attention_weights.append(block.attention.weights)
        y = model.represent(z)  # as Eq. 4
        return ForwardTrace(
            image, patch_embeddings, tuple(hidden_states), tuple(attention_weights), y, model.head(y), self
        )

    @torch.no_grad()
    def trace_block(self, model: VisionTransformer, trace: ForwardTrace, layer: int) -> BlockTrace:
        """The insides of ``layer`` with the changes in it, from ``trace.hidden_states[layer - 1]``: the same bits.

        Raises:
            ValueError: if ``layer`` is not in 1..L.
        """
        check_layer(layer, model.config.num_layers)
        return self._block(model.block(layer), trace.hidden_states[layer - 1], layer)

    def _block(self, block: EncoderBlock, z: Tensor, layer: int) -> BlockTrace:
        """z_l from z_{l-1}, with the changes to its two sums."""
        attention = self._attention(block.attention, attention_input := block.attention_norm(z), layer)
        after_attention = attention.output + self._residual(z, "attention", layer)  # as Eq. 2
        mlp = block.mlp.trace(mlp_input := block.mlp_norm(after_attention))
        mlp = replace(mlp, output=self._update(mlp.output, "mlp", layer))
        output = mlp.output + self._residual(after_attention, "mlp", layer)  # as Eq. 3
        return BlockTrace(z, attention_input, attention, after_attention, mlp_input, mlp, output)

    def _attention(self, attention: MultiheadSelfAttention, z: Tensor, layer: int) -> AttentionTrace:
        """MSA(z), with the changes to the scores, the heads, and what becomes of them."""
        heads, size = attention.num_heads, attention.head_size
        q, k, v = rearrange(attention.qkv(z), "... t (three h d) -> three ... h t d", three=3, h=heads)  # as Eq. 5
        scores = q / math.sqrt(size) @ k.transpose(-2, -1)
        scores = reduce(lambda s, change: change.change_scores(s, layer, size), self, scores)
        weights = scores.softmax(-1)  # as Eq. 6
        head_outputs = reduce(lambda s, change: change.change_head_outputs(s, layer), self, weights @ v)  # as Eq. 7
        output = attention.projection(rearrange(head_outputs, "... h t d -> ... t (h d)"))  # as Eq. 8
        return AttentionTrace(q, k, v, scores, weights, head_outputs, self._update(output, "attention", layer))

    def _update(self, update: Tensor, part: Part, layer: int) -> Tensor:
        return reduce(lambda u, change: change.change_update(u, part, layer), self, update)

    def _residual(self, z: Tensor, part: Part, layer: int) -> Tensor:
        return reduce(lambda r, change: change.change_residual(r, part, layer), self, z)
