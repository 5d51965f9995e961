"""Train a model: choose pictures and a recipe, start, watch, stop, go on."""

import streamlit as st

from explainer.app.blocks import show_head, show_neighbours, show_section
from explainer.app.data.datasets import choose_dataset
from explainer.app.foreign import plain
from explainer.app.server.loopback import for_reader
from explainer.app.train.controls import SHOWN, run_title, show_deleted, show_start
from explainer.app.train.recipe_form import show_recipe
from explainer.app.train.watch import show_compared, show_no_run, show_run
from explainer.lessons import LESSONS
from explainer.views.training import MEASURES
from vit_core.training.runs.commands import written
from vit_core.training.runs.control import Run, all_runs, open_run

lesson = LESSONS["train"]


def chosen_runs(runs: dict[str, Run]) -> list[str]:
    """The runs that the reader looks at, of those that are here; the newest if none is chosen."""
    names = list(runs)
    known = {*names, *map(run_title, runs.values())}
    if gone := [name for name in st.query_params.get_all(SHOWN) if name not in known]:
        st.warning(plain(f"The link names the run {gone[0][:60]!r}, which is not here: it was deleted, or never was."))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        # Also without any run: the first one that is started is written into the link by a widget that is there.
        hint = "none yet" if not names else run_title(runs[names[0]])
        hint += ", the newest" if names and not runs[names[0]].is_example else ""
        chosen = st.multiselect(
            "Runs",
            names,
            key=SHOWN,
            bind="query-params",
            placeholder=hint,
            width=560,
            format_func=lambda name: run_title(runs[name]),
        )
        show_deleted()
    return chosen or names[:1]


def show_command(name: str) -> None:
    """What to type to train the same again."""
    try:
        st.code(for_reader(written(open_run(name).command())), language="bash", wrap_lines=True)
    except (LookupError, ValueError) as error:
        st.caption(plain(f"{error}."))


show_head(lesson)
show_section(lesson, "start")
data = choose_dataset("train_data")
show_start(data, show_recipe("transfer-small"))
st.header("Runs", anchor="runs")
shown = chosen_runs({run.name: run for run in all_runs()})
if shown:
    watched = shown[0]
    if len(shown) > 1:
        watched = st.segmented_control(
            "Details of", shown, default=shown[0], required=True, key="run", bind="query-params", format_func=plain
        )
    show_run(watched)
else:
    show_no_run()
show_section(lesson, "compare")
if len(shown) > 1:
    measure = st.segmented_control(
        "Measure", list(MEASURES), default=next(iter(MEASURES)), required=True, key="measure", bind="query-params"
    )
    show_compared(shown, measure)
else:
    st.caption("Choose several runs above.")
show_section(lesson, "command")
if shown:
    show_command(watched)
show_neighbours(lesson)
