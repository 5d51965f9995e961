"""Changes to one forward pass, frozen and written as text; and what heads and patches matter, measured with them."""

from vit_core.interventions.changes import Change
from vit_core.interventions.interventions import KINDS, MAX_TEXT, Interventions
from vit_core.interventions.layers import RemoveResidual, ReplaceHead, Skip, Temperature
from vit_core.interventions.patches import BlurPatches, MaskPatches, ShufflePatches, SwapPatches
from vit_core.interventions.positions import ChangePositions

__all__ = [
    "KINDS",
    "MAX_TEXT",
    "BlurPatches",
    "Change",
    "ChangePositions",
    "Interventions",
    "MaskPatches",
    "RemoveResidual",
    "ReplaceHead",
    "ShufflePatches",
    "Skip",
    "SwapPatches",
    "Temperature",
]
