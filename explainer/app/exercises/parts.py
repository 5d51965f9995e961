"""The first exercises on their page: PyTorch's encoder, a thousand classes, one file, more data and better weights."""

from functools import partial

import streamlit as st

from explainer.app import state
from explainer.app.canvas import show as show_canvas
from explainer.app.kept import kept, kept_view
from explainer.app.links.controls import whole
from explainer.app.listing import show_functions, show_table
from explainer.app.server.downloads import offer_file
from explainer.app.session import Session, forward_slots
from explainer.course import exercises as compute
from explainer.course.results import FIGURES
from explainer.export.one_file import one_file, open_module
from explainer.notation.wording import number
from explainer.notation.written_numbers import in_powers
from explainer.views.course import exercises
from vit_core import CHECKPOINTS, ViTConfig, count_multiply_adds, count_parameters


def show_verdict(holds: bool, verdict: str, figures: str) -> None:
    """A line as that of a proof: whether it holds, and the figures."""
    kind, mark = ("holds", "✓") if holds else ("fails", "✗")
    st.html(
        f'<div class="vit-proof vit-proof-{kind}" role="status"><span class="vit-proof-mark">{mark} '
        f"{verdict}</span><span>{figures}</span></div>"
    )


def show_encoder(session: Session) -> None:
    """PyTorch's layer next to the chosen block, and its whole encoder next to all of them."""
    place = (session.state.checkpoint, session.state.picture)
    config, layer = session.config, session.layer

    def compare() -> compute.LayerComparison:
        with forward_slots:
            return compute.compare_layer(session.model.block(layer), config, session.trace.hidden_states[layer - 1])

    def compare_all() -> tuple[float, ...]:
        with forward_slots:
            return compute.compare_encoder(session.model, session.trace)

    found: compute.LayerComparison = kept(("exercise.layer", *place, layer), compare)
    differences: tuple[float, ...] = kept(("exercise.encoder", *place), compare_all)
    show_verdict(
        found.holds,
        f"PyTorch's layer {'equals' if found.holds else 'does not equal'} block {layer}",
        f"largest difference <b>{in_powers(found.double)}</b> in 64 bits and <b>{in_powers(found.single)}</b> in 32, "
        f"over <b>{found.count:,}</b> numbers of up to {number(found.largest)}",
    )
    block, theirs = compute.count_b16_block()
    fused = "–" if found.fused is None else in_powers(found.fused)
    show_table(
        "encoder",
        [
            "| on the tokens of your image | value |",
            "|---|---:|",
            f"| largest difference in 32 bits, operation by operation | {in_powers(found.single)} |",
            f"| in 32 bits, when PyTorch runs the layer as one call (a batch, no gradients) | {fused} |",
            f"| in 64 bits | {in_powers(found.double)} |",
            f"| in 32 bits, with PyTorch's own `layer_norm_eps` {compute.PYTORCH_EPS:g} instead of {config.norm_eps:g} "
            f"| {in_powers(found.default_eps)} |",
            f"| parameters of block {layer:d}: ours, PyTorch's | {found.ours:,}, {found.theirs:,} |",
            f"| parameters of a block of B/16: ours, PyTorch's | {block:,}, {theirs:,} |",
        ],
    )
    view = kept_view(("exercises.encoder", *place, layer), lambda: exercises.encoder_differences(differences, layer))
    show_canvas(view, key="exercise_encoder", on_pick=state.pick)
    show_functions(
        "The code: the layer, and how it gets our parameters",
        "exercise_code_layer",
        compute.pytorch_layer,
        compute.give_parameters,
        compute.compare_layer,
    )


def show_classes() -> None:
    """B/16 with any number of classes, counted."""
    classes = whole("Classes K", 1000, key="exercise_classes", width=160)
    lines = [
        "| classes | ours | torchvision's | without the head | trainable if all but the head is frozen |",
        "|---:|---:|---:|---:|---:|",
    ]
    for classes_shown in dict.fromkeys((classes, 1000, 3)):
        found: compute.Counts = kept(("exercise.count", classes_shown), partial(compute.count_b16, classes_shown))
        same = "✓" if found.ours == found.torchvision else "✗"
        shown = f"**{classes_shown:,}**" if classes_shown == classes else f"{classes_shown:,}"
        lines.append(
            f"| {shown} | {found.ours:,} | {same} {found.torchvision:,} | {found.ours - found.head:,} "
            f"| {found.trainable:,} |"
        )
    show_table("classes", lines)
    show_functions("The code that counts", "exercise_code_count", compute.count_b16)


def show_file(session: Session) -> None:
    """The model as one file: to download, and proved on the image."""
    source: str = kept(("exercise.file", repr(session.config)), lambda: one_file(session.config))

    def run() -> float:
        model = open_module(source).ViT(session.config)
        model.load_state_dict(session.model.state_dict(), assign=True)
        with forward_slots:
            return float((model.eval().trace(session.trace.image).logits - session.trace.logits).abs().max())

    apart: float = kept(("exercise.file.run", session.state.checkpoint, session.state.picture), run)
    show_verdict(
        apart == 0.0,
        "vit.py gives the logits of this page" if apart == 0.0 else "vit.py gives other logits",
        f"largest difference <b>{apart:.1g}</b> over <b>{session.config.num_classes:,}</b> logits",
    )
    label = f"Download vit.py ({len(source.splitlines())} lines)"
    offer_file(label, source, "vit.py", "text/x-python", key="exercise_file")
    with st.expander("What is in it", key="exercise_code_file", on_change="rerun") as expander:
        if expander.open:
            st.code(source, language="python", height=420)


def show_data_and_swag() -> None:
    """The ways to exercises 3 and 4, and the cost of 384 pixels."""
    base = CHECKPOINTS["torchvision/B/16"].config
    lines = [
        "| weights | pixels | tokens | parameters | numbers in one $A$ of all heads | multiply-adds |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name in ("torchvision/B/16", "torchvision/B/16-swag-e2e"):
        config = CHECKPOINTS[name].config
        lines.append(
            f"| {name} | {config.image_size} | {config.num_tokens} | {count_parameters(config)['total']:,} "
            f"| {_entries(config):,} | {count_multiply_adds(config)['total'] / 1e9:.1f} G |"
        )
    show_table("swag", lines)
    swag = CHECKPOINTS["torchvision/B/16-swag-e2e"].config
    added = count_parameters(swag)["total"] - count_parameters(base)["total"]
    work = count_multiply_adds(swag)["total"] / count_multiply_adds(base)["total"]
    st.markdown(
        f"{swag.num_tokens} tokens are {swag.grid_size} × {swag.grid_size} patches and the class token. The "
        f"parameters grow only by the position embedding, {swag.num_tokens} − {base.num_tokens} rows of "
        f"{swag.hidden_size}: {added:,}. The multiply-adds grow {work:.1f} times, the attention weights "
        f"{_entries(swag) / _entries(base):.1f} times."
    )
    published = [figure for figure in FIGURES if figure.place.startswith("solution of exercise")]
    st.caption(
        "The course's solutions print: "
        + "; ".join(f"{figure.model}, accuracy {figure.accuracy}" for figure in published)
        + ". What these numbers are as shares of images: see the Metric page."
    )
    for label, choice in (
        ("Exercise 3: 20 % of the images", {"data": "foodvision-20", "transfer_weights": "torchvision/B/16"}),
        ("Exercise 4: SWAG weights", {"data": "foodvision-20", "transfer_weights": "torchvision/B/16-swag-e2e"}),
        ("The same without a download: toy images, our own weights", {"transfer_weights": "embedded"}),
    ):
        st.page_link("transfer.py", label=label, icon=":material/swap_horiz:", query_params=state.parameters() | choice)


def _entries(config: ViTConfig) -> int:
    return config.num_heads * config.num_tokens**2
