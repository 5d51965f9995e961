"""The paper's Table 1 held against what its models have: sizes as printed, parameters counted, and how they agree."""

from collections.abc import Sequence
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


def table_of(rows: Sequence[Variant]) -> str:
    """Markdown: sizes as in Table 1, counted parameters, and, for its models, which count the paper prints."""
    is_the_papers = any(row.name.split("/")[0] in PAPER_MILLIONS for row in rows)
    lines = [
        "| model | layers $L$ | hidden size $D$ | MLP size | heads $k$ | head size $D_h$ | parameters | without head |"
        + (" Table 1 prints | that is |" if is_the_papers else ""),
        "|---|---:|---:|---:|---:|---:|---:|---:|" + ("---:|---|" if is_the_papers else ""),
    ]
    for row in rows:
        config = row.config
        printed = PAPER_MILLIONS.get(row.name.split("/")[0])
        lines.append(
            f"| **{row.name}** | {config.num_layers} | {config.hidden_size} | {config.mlp_size} | {config.num_heads} "
            f"| {config.head_size} | {row.with_head:,} | {row.without_head:,} |"
            + (f" {f'{printed}M' if printed else ''} | {row.agreement} |" if is_the_papers else "")
        )
    return "\n".join(lines)
