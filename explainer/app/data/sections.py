"""The parts of the data page: counts, a sheet, the transform of one image, a batch; each with its code."""

from collections.abc import Mapping

import streamlit as st
from torch import Tensor

from explainer.app.blocks import show_section
from explainer.app.canvas import show as show_canvas
from explainer.app.data.datasets import dataset_key, inspection
from explainer.app.foreign import plain
from explainer.app.kept import kept_view
from explainer.app.links.controls import whole
from explainer.app.links.parameters import fit, most
from explainer.app.listing import show_source, show_table
from explainer.app.server.store import Store
from explainer.course import data_steps
from explainer.course.metric_detective import batch_sizes
from explainer.lessons import Lesson
from explainer.panels import View
from explainer.views.course import data
from vit_core.pictures import open_picture
from vit_core.preprocess import normalise
from vit_core.training.config import RECIPES, TrainingConfig
from vit_core.training.data.datasets import Dataset
from vit_core.training.data.inspection import Inspection
from vit_core.training.data.pictures import class_folders, load_pictures
from vit_core.training.data.transforms import evaluation_transform, training_transform

SHEET = 18  # pictures
DRAWS = 8
MOST_IN_BATCH = most("batch_size")  # decoded for a look; training takes any size

_batches: Store[tuple[View, list[str]]] = Store(64 * 2**20)


def show_counts(lesson: Lesson, dataset: Dataset) -> None:
    """Images per class and split, as bars and as a table."""
    found = inspection(dataset)
    show_section(lesson, "counts")
    by_split = {split: list(row.values()) for split, row in found.counts.items()}
    view = kept_view(("data.counts", *dataset_key(dataset)), lambda: data.counts(by_split, found.class_names))
    show_canvas(view, key="data_counts")
    lines = ["| class | train | test | together |", "|---|---:|---:|---:|"]
    for name, train, test in zip(found.class_names, *by_split.values(), strict=True):
        lines.append(f"| {plain(name)} | {train:,} | {test:,} | {train + test:,} |")
    train, test = map(sum, by_split.values())
    lines.append(f"| **all** | {train:,} | {test:,} | {train + test:,} |")
    with st.expander("As a table", expanded=len(found.class_names) <= 11):
        st.markdown("\n".join(lines))
    show_source(class_folders, vars(Inspection)["counts"].func)


def show_sheet(lesson: Lesson, dataset: Dataset) -> None:
    """Some images at random; a click chooses the one that the next section changes."""
    files = inspection(dataset).files
    show_section(lesson, "sheet")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        seed = whole("Sheet", key="sheet", width=150)
        st.button("Another sheet", icon=":material/casino:", on_click=_next, args=("sheet",))
    numbers = data_steps.random_sheet(files, SHEET, seed)
    shown = chosen_picture(dataset)

    def make() -> View:
        pictures = (open_picture(files[index].path) for index in numbers)
        labels = [files[index].class_name for index in numbers]
        return data.sheet(pictures, labels, [index + 1 for index in numbers], shown + 1)

    show_canvas(kept_view(("data.sheet", *dataset_key(dataset), seed, shown), make), key="data_sheet", on_pick=_pick)
    show_source(data_steps.random_sheet)


def show_transform(lesson: Lesson, dataset: Dataset) -> None:
    """One image: as it is, as the training transform draws it, as evaluation sees it, and as numbers."""
    file = inspection(dataset).files[chosen_picture(dataset)]
    show_section(lesson, "transform")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Recipe", list(RECIPES), key="data_recipe", bind="query-params", width=280)
        count = len(inspection(dataset).files)
        whole("Image", key="shown", between=(1, count), width=150, help="Or click one on the sheet above.")
        seed = whole("Draws", key="draws", width=150)
        st.button("Draw again", icon=":material/casino:", on_click=_next, args=("draws",))
    recipe = RECIPES[name]
    preprocess = data_steps.preprocess_of(recipe)
    training, evaluation = training_transform(recipe, preprocess), evaluation_transform(preprocess)
    key = (*dataset_key(dataset), str(file.path), name)

    def make() -> View:
        picture = open_picture(file.path)
        drawn = [data_steps.draw(training, picture, DRAWS * seed + draw) for draw in range(DRAWS)]
        return data.transformed(picture, drawn, evaluation(picture), file.class_name)

    show_canvas(kept_view(("data.transformed", *key, seed), make), key="data_transformed")
    left, right = st.columns(2)
    left.caption(f"The training transform of “{plain(name)}”")
    left.code(str(training), language=None, wrap_lines=True)
    right.caption("The evaluation transform")
    right.code(str(evaluation), language=None, wrap_lines=True)
    show_source(training_transform, data_steps.draw)
    show_section(lesson, "numbers")

    def make_channels() -> View:
        image = evaluation(open_picture(file.path))
        return data.channels(normalise(image[None], preprocess)[0], file.class_name)

    show_canvas(kept_view(("data.channels", *key), make_channels), key="data_channels")
    show_source(normalise)


def show_batch(lesson: Lesson, dataset: Dataset) -> None:
    """The first batch of an epoch as tensors, and how many batches there are."""
    found = inspection(dataset)
    name = st.session_state["data_recipe"]
    recipe = RECIPES[name]
    show_section(lesson, "batch")
    size = whole(
        "Batch size",
        32,
        key="batch_size",
        width=150,
        help=f"The recipe “{plain(name)}” uses {recipe.batch_size:,}. Up to {MOST_IN_BATCH} are decoded for display.",
    )
    try:
        key = (*dataset_key(dataset), name, size)
        view, facts = _batches.get_or_make(key, lambda: _make_batch(found, recipe, size))
    except ValueError as error:
        st.warning(plain(f"There is no batch: {error}."))
        return
    show_canvas(view, key="data_batch")
    lines = ["| step | shape | type | min | mean | max |", "|---|---|---|---:|---:|---:|"]
    show_table("of_batch", [*lines, *facts])
    show_source(data_steps.first_batch)
    show_section(lesson, "batches")
    count = found.total("train")
    sizes = batch_sizes(count, size)
    of_recipe = ""
    if recipe.batch_size != size:
        number = len(batch_sizes(count, recipe.batch_size))
        of_recipe = f" In batches of {recipe.batch_size:,}, as in the recipe “{plain(name)}”: {number:,}."
    st.markdown(
        f"{count:,} training images in batches of {size}: **{len(sizes):,} batches**, and the last holds "
        f"**{sizes[-1]:,}**.{of_recipe}"
    )
    show_canvas(kept_view(("data.batches", count, size), lambda: data.batches(sizes)), key="data_batches")
    show_source(batch_sizes)


def chosen_picture(dataset: Dataset) -> int:
    """The index of the image that the reader looks at."""
    fit("shown", 1, len(inspection(dataset).files), "image")
    asked = st.session_state.get("shown") or st.query_params.get("shown") or 1
    return int(asked) - 1


def _next(key: str) -> None:
    st.session_state[key] = st.session_state[key] % most(key) + 1


def _pick(chosen: Mapping[str, int | str]) -> None:
    st.session_state["shown"] = int(chosen["shown"])


def _make_batch(found: Inspection, recipe: TrainingConfig, size: int) -> tuple[tuple[View, list[str]], int]:
    preprocess = data_steps.preprocess_of(recipe)
    pictures = load_pictures(found.files, recipe, preprocess).train
    pixels, labels = data_steps.first_batch(pictures, size, recipe.seed)
    rows = {"pixels": pixels, "pixels, normalised": normalise(pixels, preprocess), "labels": labels}
    view = data.batch(pixels, labels, pictures.class_names)
    return (view, [_facts(name, tensor) for name, tensor in rows.items()]), view.nbytes + 4096


def _facts(name: str, tensor: Tensor) -> str:
    numbers = tensor.double()
    values = (numbers.min(), numbers.mean(), numbers.max())
    shape = " × ".join(map(str, tensor.shape))
    kind = str(tensor.dtype).removeprefix("torch.")
    return f"| `{name}` | {shape} | {kind} | " + " | ".join(f"{float(value):.3g}" for value in values) + " |"
