"""The cost of models on this machine: the file, and the time for an image, measured when the reader asks."""

import statistics
import threading
from time import perf_counter

import streamlit as st
import torch

from explainer.app.canvas import show as show_canvas
from explainer.app.checkpoints import find
from explainer.app.kept import kept_view
from explainer.app.listing import show_table
from explainer.app.server.store import Store
from explainer.app.session import check_memory, forward_slots, load_model
from explainer.app.transfer.choice import FIRST
from explainer.course.metric_tables import figures_table
from explainer.course.model_parts import model_parts
from explainer.course.results import RUNS, CourseFigure
from explainer.views.course import transfer
from explainer.views.course.transfer import Cost
from vit_core import Checkpoint, VisionTransformer
from vit_core.training import TrainingConfig

REPEATS = 5
# Chapter 09, both models with a head for three classes; the seconds are those of the course's own CPU.
_PUBLISHED = (("EfficientNet-B2", "7,705,221", "29 MB", "0.0269"), ("ViT-B/16", "85,800,963", "327 MB", "0.0641"))
_seconds: Store[float] = Store(64 * 1024)  # of each checkpoint; 64 bytes each
_measuring = threading.Lock()  # two measurements at once would measure each other


def show(weights: str, classes: int) -> None:
    """File and time of the usual weights and the chosen ones, with a head for so many classes."""
    records = [find(name) for name in dict.fromkeys((*FIRST, weights))]
    measured = {record.name: _seconds.get(record.name) for record in records}
    if not all(measured.values()) and st.button("Measure on this machine", icon=":material/timer:", key="measure"):
        measured = {record.name: _measured(record) for record in records}
    rows = []
    for name, seconds in measured.items():
        if seconds:
            parts = model_parts(TrainingConfig(weights=name), classes)
            rows.append(Cost(name, 4 * sum(part.parameters for part in parts), seconds))
    if rows:
        view = kept_view(("costs", *(f"{row.name} {row.seconds}" for row in rows)), lambda: transfer.costs(rows))
        show_canvas(view, key="transfer_costs")
        st.caption(
            f"The median of {REPEATS} forward passes of one image on the CPU of this server, by "
            f"{torch.get_num_threads()} thread{'s' if torch.get_num_threads() > 1 else ''}, with everything else "
            "that runs on it. Weights that are not here are timed on random ones of the same sizes: the time "
            "depends on the sizes."
        )


def show_course() -> None:
    """The course's published results."""
    ends = []
    for name, title in (("transfer", "ViT, new head"), ("scratch", "ViT from scratch")):
        last, place = RUNS[name].epochs[-1], f"run of section {RUNS[name].section}"
        ends.append(CourseFigure(f"{title}, epoch {last.epoch}", "10 %", last.test_loss, last.test_accuracy, place))
    sizes = [f"| {' | '.join(row)} |" for row in _PUBLISHED]
    header = ["| model | parameters | file | seconds an image |", "|---|---:|---:|---:|"]
    show_table("transfer_course", [figures_table(*ends), "", *header, *sizes])


def _measured(record: Checkpoint) -> float | None:
    """Seconds for one image; None if this server could not hold the model."""
    try:
        check_memory(record)
    except ValueError:
        return None

    def measure() -> tuple[float, int]:
        times = []
        with _measuring:
            model = load_model(record.name)[0] if record.is_here else _like(record)
            picture = torch.randn(1, 3, record.config.image_size, record.config.image_size)
            for _ in range(REPEATS + 1):
                with forward_slots.dear, torch.no_grad():
                    began = perf_counter()
                    model(picture)
                    times.append(perf_counter() - began)
        return statistics.median(times[1:]), 64  # the first one asks for memory

    return _seconds.get_or_make(record.name, measure)


def _like(record: Checkpoint) -> VisionTransformer:
    """A model of these sizes with small random weights, without the slow initialisation."""
    with torch.device("meta"):
        model = VisionTransformer(record.config)
    model = model.to_empty(device="cpu").eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.02)
    return model
