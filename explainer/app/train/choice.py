"""The runs that the reader looks at, and the command that repeats one."""

import streamlit as st

from explainer.app.foreign import plain
from explainer.app.server.loopback import for_reader
from explainer.app.train.controls import SHOWN, run_title, show_deleted
from vit_core.training.runs.commands import written
from vit_core.training.runs.listing import open_run
from vit_core.training.runs.run import Run


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
    """The command that trains the same again."""
    try:
        st.code(for_reader(written(open_run(name).command())), language="bash", wrap_lines=True)
    except (LookupError, ValueError) as error:
        st.caption(plain(f"{error}."))
