"""Changes to one forward pass, frozen and written as text; and what heads and patches matter, measured with them."""

from vit_core.interventions.interventions import (
    KINDS,
    MAX_TEXT,
    BlurPatches,
    Change,
    ChangePositions,
    Interventions,
    MaskPatches,
    RemoveResidual,
    ReplaceHead,
    ShufflePatches,
    Skip,
    SwapPatches,
    Temperature,
)

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
