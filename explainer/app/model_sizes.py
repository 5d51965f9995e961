"""Table 1 and sizes of one's own as a table, and what they cost."""

from dataclasses import replace
from typing import Any

import streamlit as st

from explainer.app.blocks import show_view, show_words
from explainer.app.foreign import plain
from explainer.app.links.controls import whole
from explainer.app.session import Session
from explainer.table1 import PAPER_MILLIONS, Variant, variant
from explainer.views import models
from vit_core import ViTConfig


def show_table(rows: list[Variant]) -> None:
    """Sizes as in Table 1, parameters as counted, and, for its models, which of them the paper's number is."""
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
    with st.container(key=f"table_{rows[0].name.replace('/', '_')}"):
        show_words("\n".join(lines))


def own_sizes(start: ViTConfig) -> ViTConfig | None:
    """Sizes that the reader types, or None with a sentence if they do not fit together."""
    fields = (
        ("image_size", "Image (pixels)"),
        ("patch_size", "Patch P (pixels)"),
        ("num_layers", "Layers L"),
        ("hidden_size", "Hidden size D"),
        ("mlp_size", "MLP size"),
        ("num_heads", "Heads k"),
        ("num_classes", "Classes K"),
    )
    sizes: dict[str, Any] = {}
    with st.container(horizontal=True):
        for field, label in fields:
            key, value = f"own_{field}", getattr(start, field)
            sizes[field] = whole(label, value, key=key, width=136)
    try:
        return replace(start, **sizes)
    except ValueError as error:
        st.warning(plain(f"These sizes do not fit together: {error}."), icon=":material/straighten:")
        return None


def show_own(session: Session, config: ViTConfig) -> None:
    """The cost of the reader's sizes."""
    show_table([variant("yours", config)])
    sizes = [config.patch_size * grid for grid in (4, 8, 12, 14, 16, 20, 24, 28, 32, 40, 48)]
    show_view("own_cost", lambda: models.cost_shares({"yours": config}), repr(config))
    show_view("multiply_adds_over_size", lambda: models.multiply_adds_over_size(config, sizes), repr(config))
