"""The paper's Table 1 held against what its models have: sizes as printed, parameters counted, and how they agree."""

from dataclasses import dataclass

from vit_core import ViTConfig, count_parameters
from vit_core.config import PRESETS

PAPER_MILLIONS = {"B": 86, "L": 307, "H": 632}  # "Params" of Table 1, as printed


@dataclass(frozen=True)
class Variant:
    """One model with its counted parameters, with the 1000-class head and without a head."""

    name: str
    config: ViTConfig
    with_head: int
    without_head: int

    @property
    def agreement(self) -> str:
        """Which count, rounded to millions, is the number that Table 1 prints for this size; empty if neither is."""
        printed = PAPER_MILLIONS.get(self.name.split("/")[0])
        counts = {"with the 1000-class head": self.with_head, "without a head": self.without_head}
        return " and ".join(words for words, count in counts.items() if round(count / 1e6) == printed)


def variants() -> tuple[Variant, ...]:
    """Every named model, counted."""
    return tuple(variant(name, ViTConfig.named(name)) for name in PRESETS)


def variant(name: str, config: ViTConfig) -> Variant:
    """One model, counted."""
    counts = count_parameters(config)
    return Variant(name, config, counts["total"], counts["total"] - counts["head"] - counts["pre_logits"])
