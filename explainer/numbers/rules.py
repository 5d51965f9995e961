"""How each tensor of a forward pass is made from others, one number at a time, in double precision.

A rule takes what the number was made from out of the trace and the parameters, never what the model's code would say,
and gives the number again: the sum with its largest terms, and the steps before and after it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from operator import attrgetter

import numpy as np
import torch
from torch import Tensor, nn

from explainer.numbers.address import Address, parameter_template
from explainer.numbers.derived import Cells
from explainer.numbers.workings import Part, Row, Values, Working, normalised, summed
from explainer.proofs.equations import flattened_patches
from explainer.proofs.rounding import exact
from vit_core import (
    BlockTrace,
    ForwardTrace,
    Preprocess,
    VisionTransformer,
    attention_rollout,
    mean_attention_distance,
)

Index = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Numbers:
    """All numbers of one forward pass and of its model, by their addresses."""

    model: VisionTransformer
    trace: ForwardTrace
    block_of: Callable[[int], BlockTrace]
    preprocess: Preprocess | None = None
    side: str = ""  # of their addresses

    @cached_property
    def parameters(self) -> dict[str, Tensor]:
        """The learned numbers, by their names in the state dict."""
        return dict(self.model.named_parameters())

    @torch.no_grad()
    def tensor(self, name: str, layer: int | None = None) -> Tensor | Values:
        """The tensor of an address."""
        if name in self.parameters:
            return self.parameters[name].detach()
        layer = layer or 0
        if name == "trace.hidden_states":
            return self.trace.hidden_states[layer]
        if name == "trace.patches":
            return flattened_patches(exact(self.trace.image).values, self.model.config.patch_size)
        if name in _COMPUTED:
            return _COMPUTED[name](self.model, self.trace, layer)
        root, _, path = name.partition(".")
        if name == "block.attention_normalised":
            return _normalised(self.trace.hidden_states[layer - 1], self.model.block(layer).attention_norm)
        if name == "block.mlp_normalised":
            return _normalised(self.block_of(layer).after_attention, self.model.block(layer).mlp_norm)
        value: object = attrgetter(path)(self.trace if root == "trace" else self.block_of(layer))
        assert isinstance(value, Tensor)
        return value

    def at(self, address: Address) -> float:
        """The number at an address, as the trace or the model has it."""
        return float(self.tensor(address.tensor, address.layer)[address.index])

    def part(self, tensor: str, layer: int | None, *index: int) -> Part:
        """The number and its address."""
        address = self.address(tensor, layer, *index)
        return Part(self.at(address), address)

    def content(self, token: int, component: int) -> Part:
        """What a token is before positions are added: the class token, or an embedded patch."""
        if token == 0:
            return self.part("class_token", None, 0, component)
        return self.part("trace.patch_embeddings", None, token - 1, component)

    def address(self, tensor: str, layer: int | None, *index: int) -> Address:
        """An address on this side."""
        return Address(tensor, layer, index, self.side)

    def row(self, tensor: str, layer: int | None, *index: int | None) -> Row:
        """All numbers of ``tensor`` whose index is ``index``, which runs where it says None."""
        values = self.tensor(tensor, layer)[tuple(slice(None) if i is None else i for i in index)]
        return Row(
            exact(values).values,
            lambda j: self.address(tensor, layer, *(j if i is None else i for i in index)),
        )

    def cells(self, cells: Cells) -> Row:
        """The numbers of some cells, in the order in which they lie in their tensor."""
        values = exact(self.tensor(cells.tensor, cells.layer)).values
        ranges = cells.ranges(values.shape)
        counts = tuple(len(places) for places in ranges)

        def place(j: int) -> Address:
            at = np.unravel_index(j, counts)
            index = (places[int(i)] for places, i in zip(ranges, at, strict=True))
            return Address(cells.tensor, cells.layer, tuple(index), cells.side)

        return Row(values[np.ix_(*ranges)].reshape(-1), place)


def positions(model: VisionTransformer, trace: ForwardTrace) -> Tensor:
    """What was added to the embedded tokens: E_pos, as a change may have left it."""
    if torch.equal(model.embed(trace.patch_embeddings), trace.hidden_states[0]):
        return model.position_embedding.detach()
    return trace.hidden_states[0] - torch.cat([model.class_token.detach(), trace.patch_embeddings])


def _normalised(z: Tensor, norm: nn.LayerNorm) -> Tensor:
    """LayerNorm of every row, before γ and β."""
    return torch.nn.functional.layer_norm(z, z.shape[-1:], eps=norm.eps)


def _rollout_layer(trace: ForwardTrace, layer: int) -> Tensor:
    """One layer of attention rollout: the mean of its heads, half of it the identity; rows sum to 1."""
    mixed = 0.5 * trace.attention(layer).mean(0) + 0.5 * torch.eye(trace.hidden_states[0].shape[0])
    return mixed / mixed.sum(-1, keepdim=True)


def _rollout(trace: ForwardTrace, layers: int) -> Tensor:
    """Attention rollout over the first layers."""
    return attention_rollout(replace(trace, attention_weights=trace.attention_weights[:layers]))


def _class_tokens(trace: ForwardTrace) -> Tensor:
    """The class token of z_0 ... z_L, each as a sequence of one."""
    return torch.stack([z[:1] for z in trace.hidden_states])


# What is no field of a trace: the same operations in the same order as where it is drawn, so that the same bits come
# out.
_COMPUTED: dict[str, Callable[[VisionTransformer, ForwardTrace, int], Tensor]] = {
    "trace.head_inputs": lambda model, trace, _: model.head.inputs(trace.representation),
    "trace.exponentials": lambda model, trace, _: (trace.logits - trace.logits.max()).exp(),
    "trace.positions": lambda model, trace, _: positions(model, trace),
    "block.attention_distance": lambda model, trace, layer: mean_attention_distance(trace, model.config)[layer - 1],
    "lens.representation": lambda model, trace, layer: model.represent(_class_tokens(trace))[layer],
    "lens.head_inputs": lambda model, trace, layer: model.head.inputs(model.represent(_class_tokens(trace)))[layer],
    "lens.logits": lambda model, trace, layer: model.classify(_class_tokens(trace))[layer],
    "lens.probabilities": lambda model, trace, layer: model.classify(_class_tokens(trace)).softmax(-1)[layer],
    "rollout.layer": lambda model, trace, layer: _rollout_layer(trace, layer),
    "rollout.flow": lambda model, trace, layer: _rollout(trace, layer),
}

Rule = Callable[[Numbers, int, Index], Working]  # the layer is 0 where there is none


def at(*index: int | str) -> str:
    """An index as LaTeX."""
    return "[" + r",\,".join(map(str, index)) + "]"


def sum_to(last: int) -> str:
    """The sign of a sum over m as LaTeX."""
    return rf"\sum_{{m=0}}^{{{last}}}"


def dense(numbers: Numbers, equation: str, result: str, before: str, inputs: Row, name: str, column: int) -> Working:
    """A number of a dense layer: a row of inputs times a column of the weights, and the bias.

    Args:
        numbers: of the forward pass.
        equation: of the working.
        result: the number's symbol with its index, as a template.
        before: the symbol of the inputs with all of their index but the last.
        inputs: what the layer reads.
        name: the layer's in the state dict.
        column: which of the layer's outputs.
    """
    weight, bias = (parameter_template(f"{name}.{kind}") for kind in ("weight", "bias"))
    return summed(
        equation,
        rf"{result} = {sum_to(len(inputs.values) - 1)} {before}m] \, {weight}[m,\,{column}] + {bias}{at(column)}",
        inputs,
        numbers.row(f"{name}.weight", None, column, None),
        numbers.part(f"{name}.bias", None, column),
    )


def layer_norm(
    numbers: Numbers, equation: str, result: str, before: str, tensor: str, layer: int, index: Index, name: str
) -> Working:
    """A number of a LayerNorm: of the row of ``tensor`` in which it lies.

    Args:
        numbers: of the forward pass.
        equation: of the working.
        result: the number's symbol, as a template; empty for the number before γ and β.
        before: the symbol of what is normalised.
        tensor: what is normalised.
        layer: of that tensor.
        index: of the number in it.
        name: the norm's in the state dict.
    """
    norm = numbers.model.get_submodule(name)
    assert isinstance(norm, nn.LayerNorm)
    component = index[-1]
    formula = rf"\frac{{{before}{at(*index)} - <mu>}}{{\sqrt{{<sigma>^2 + <eps>}}}}"
    learned: tuple[Part, ...] = ()
    if result:
        formula = rf"{result} = <gamma>{at(component)} \, {formula} + <beta>{at(component)}"
        learned = tuple(numbers.part(f"{name}.{kind}", None, component) for kind in ("weight", "bias"))
    return normalised(equation, formula, numbers.row(tensor, layer, *index[:-1], None), component, norm, learned)
