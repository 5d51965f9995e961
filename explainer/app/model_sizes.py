"""Sizes of the reader's own as a table, and what they cost."""

from dataclasses import replace
from typing import Any

import streamlit as st

from explainer.app.blocks import show_view
from explainer.app.foreign import plain
from explainer.app.links.controls import whole
from explainer.app.listing import show_table
from explainer.app.session import Session
from explainer.table1 import table_of, variant
from explainer.views import models
from vit_core import ViTConfig


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
    show_table("own", [table_of([variant("yours", config)])])
    sizes = [config.patch_size * grid for grid in (4, 8, 12, 14, 16, 20, 24, 28, 32, 40, 48)]
    show_view("own_cost", lambda: models.cost_shares({"yours": config}), repr(config))
    show_view("multiply_adds_over_size", lambda: models.multiply_adds_over_size(config, sizes), repr(config))
