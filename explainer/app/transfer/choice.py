"""The choices of a transfer: the weights, the part that learns, the image size; and what comes of them."""

from functools import partial

import streamlit as st

from explainer.app.canvas import show as show_canvas
from explainer.app.checkpoints import find
from explainer.app.data.datasets import inspection
from explainer.app.foreign import plain
from explainer.app.kept import kept, kept_view
from explainer.app.links.controls import choice, real, segments, whole
from explainer.app.links.parameters import fit
from explainer.app.listing import show_table
from explainer.app.server.downloads import offer_weights
from explainer.app.session import load_model
from explainer.app.transfer.comparison import FREEZES, Plan, plan_of
from explainer.course.model_parts import model_parts
from explainer.notation.wording import sentence
from explainer.views.course import transfer
from vit_core import CHECKPOINTS, Checkpoint, count_parameters, resize_position_embedding
from vit_core.training import TrainingConfig
from vit_core.training.data.datasets import Dataset
from vit_core.weights.sources import SOURCES

FIRST = ("embedded", "torchvision/B/16", "torchvision/B/16-swag-e2e")  # this project's, the course's, its exercise 4


def choose_weights() -> str:
    """The weights to start from; those that are not here can be fetched."""
    names = [*FIRST, *(name for name in CHECKPOINTS if name not in FIRST)]
    return choice("Trained weights", names, "weights", key="transfer_weights", width=460)


def choose_freeze() -> str:
    """The part of the model that learns."""
    return segments("What learns", list(FREEZES), next(iter(FREEZES)), key="transfer_learns")


def choose_size(record: Checkpoint) -> int:
    """The side of the images in pixels: the weights' own, or another that the patches divide."""
    patch, own = record.config.patch_size, record.config.image_size
    key = f"transfer_size_{own}_{patch}"  # of its own for each grid: a size of another grid would not fit
    fit(key, 2 * patch, 2 * own, "an image size of")
    label = f"Image size (pixels, in steps of the patches' {patch})"
    return whole(label, own, patch, key=key, between=(2 * patch, 2 * own), width=320)


def show_choices(weights: str, classes: int) -> None:
    """The numbers of learning parameters for the usual weights, and whether these are here."""
    names = dict.fromkeys((*FIRST, weights))
    lines = [
        f"| weights | parameters, {classes} classes | only the head learns | the whole model learns | file | here |",
        "|---|---:|---:|---:|---:|---|",
    ]
    for name in names:
        total, head = kept(("learning", name, classes), partial(_count, name, classes))
        record = find(name)
        shown = f"**{plain(name)}**" if name == weights else plain(name)
        lines.append(
            f"| {shown} | {total:,} | {head:,} | {total:,} | {record.size_mb:,.0f} MB "
            f"| {'yes' if record.is_here else 'to download'} |"
        )
    show_table("transfer_weights", lines)
    record = find(weights)
    config = record.config
    counted = count_parameters(config)
    removed = counted["pre_logits"] + counted["head"]
    st.markdown(
        f"The head of {plain(weights)} for {config.num_classes:,} classes, {removed:,} parameters, is taken away; a "
        f"linear layer from {config.hidden_size} numbers to {classes} takes its place."
    )
    st.caption(plain(f"{sentence(SOURCES[record.source].title)}. Licence: {record.licence or 'see its card'}."))
    if not record.is_here and offer_weights(record, key="transfer_download"):
        st.rerun()


def show_position(record: Checkpoint, size: int) -> None:
    """The position embedding before and after resizing, where the size differs and the weights are here."""
    grid, new = record.config.grid_size, size // record.config.patch_size
    if grid == new:
        st.caption(f"The grid stays {grid} × {grid}: the position embedding is used as it is.")
        return
    st.markdown(
        f"The grid becomes {new} × {new} instead of {grid} × {grid}: the position embedding is interpolated, and the "
        f"model reads {new * new + 1:,} tokens instead of {grid * grid + 1:,}."
    )
    if record.is_here:
        model, _ = load_model(record.name)
        method = SOURCES[record.source].resize
        view = kept_view(
            ("position_resized", record.name, new),
            lambda: transfer.position_resized(
                model.position_embedding, resize_position_embedding(model.position_embedding, new, method)
            ),
        )
        show_canvas(view, key="transfer_position")


def show_training(weights: str, freeze: str, size: int) -> Plan | None:
    """Epochs, learning rate and seed; the recipes with them."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        epochs = whole("Epochs", 10, key="transfer_epochs", width=150)
        own = plan_of(weights, freeze, epochs, size)[transfer.TRANSFER].recipe.learning_rate
        which = "whole" if freeze == "none" else "head"
        rate = real(
            "Learning rate of the transfer", own, own / 10, key=f"transfer_rate_{which}", format="%.6g", width=230
        )
        seed = whole("Seed", 0, key="transfer_seed", width=150)
    try:
        return plan_of(weights, freeze, epochs, size, None if rate == own else rate, seed)
    except ValueError as error:
        st.warning(plain(f"{error}."))
        return None


def show_plan(plan: Plan, classes: int) -> None:
    """The parts of the model that learn."""
    recipe = plan[transfer.TRANSFER].recipe
    parts = model_parts(recipe, classes)
    view = kept_view(("learning_parts", str(recipe), classes), lambda: transfer.learning_parts(parts, classes))
    show_canvas(view, key="transfer_parts")


def class_count(data: Dataset | None) -> int:
    """The classes of the data; three, as in the course, as long as none is chosen."""
    names = inspection(data).class_names if data else ()
    return len(names) if len(names) > 1 else 3


def _count(name: str, classes: int) -> tuple[int, int]:
    """All parameters with the new head, and those of the head alone, counted on the meta device."""
    parts = model_parts(TrainingConfig(weights=name, freeze="all-but-head"), classes)
    return sum(part.parameters for part in parts), sum(part.learning for part in parts)
