"""What torchinfo says of the same model, held against the ledger: parameters, shapes, and how each counts work."""

from dataclasses import dataclass
from math import prod

import torch

from explainer.shapes.entries.ledger import Ledger
from vit_core import VisionTransformer, ViTConfig


@dataclass(frozen=True)
class SecondOpinion:
    """Both counts of one model. Agreement is computed from them."""

    parameters: int  # of the ledger
    their_parameters: int
    shapes: int  # modules whose output both have
    differing: tuple[str, ...]  # the names of those of which they say different things
    multiply_adds: int  # of the ledger
    their_multiply_adds: int
    counted_their_way: int  # from the ledger, by torchinfo's rule
    summary: str

    @property
    def agrees(self) -> bool:
        """Whether nothing that both say differs: parameters and the shape of every module's output."""
        return self.parameters == self.their_parameters and not self.differing and self.shapes > 0


def second_opinion(config: ViTConfig, batch: int, ledger: Ledger) -> SecondOpinion:
    """Ask torchinfo, on the meta device, and compare."""
    from torchinfo import summary  # takes a while to import, and only this needs it

    with torch.device("meta"):
        model = VisionTransformer(config).eval()
    # Given the size alone, torchinfo fills it with random numbers on the CPU before it goes to meta: gigabytes.
    pictures = torch.empty(batch, config.num_channels, config.image_size, config.image_size, device="meta")
    theirs = summary(
        model,
        input_data=pictures,
        device="meta",
        verbose=0,
        depth=4,
        col_names=("input_size", "output_size", "num_params", "mult_adds"),
        row_settings=("var_names",),
    )
    names = {id(module): name for name, module in model.named_modules()}
    made: dict[str, set[tuple[int, ...]]] = {}  # a module may run twice: the dropout of an MLP does
    for operation in ledger.operations:
        made.setdefault(operation.module, set()).update(shape.sizes for shape in operation.outputs)
    shapes, differing = 0, []
    for layer in theirs.summary_list:
        name = names.get(layer.layer_id) or names.get(id(layer.module), "")
        if not layer.is_leaf_layer or name not in made:
            continue
        shapes += 1
        if tuple(layer.output_size) not in made[name]:
            differing.append(name)
    return SecondOpinion(
        parameters=ledger.parameters,
        their_parameters=theirs.total_params,
        shapes=shapes,
        differing=tuple(differing),
        multiply_adds=ledger.multiply_adds,
        their_multiply_adds=theirs.total_mult_adds,
        counted_their_way=_counted_their_way(ledger, set(_leaves(model))),
        summary=str(theirs),
    )


def _leaves(model: torch.nn.Module) -> list[str]:
    return [name for name, module in model.named_modules() if not any(module.children())]


def _counted_their_way(ledger: Ledger, leaves: set[str]) -> int:
    """Every parameter of a module once per picture, and once per place of the output only for a convolution.

    That is what torchinfo 1.8 does (``LayerInfo.calculate_macs``): the tokens that a dense layer is applied to do not
    count, and the products of attention belong to no module.
    """
    total = 0
    for operation in ledger.operations:
        if operation.parameters and operation.module in leaves:
            sizes = operation.outputs[0].sizes
            places = sizes[:1] + sizes[2:] if "conv" in operation.name else sizes[:1]
            total += operation.parameters * prod(places)
    return total
