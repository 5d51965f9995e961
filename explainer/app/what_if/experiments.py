"""Five ready experiments: one click, a view, and a sentence of measured numbers."""

import time
from collections.abc import Callable
from html import escape

import streamlit as st

from explainer import experiments as compute
from explainer.app.blocks import show_section
from explainer.app.canvas import show as show_canvas
from explainer.app.foreign import plain
from explainer.app.kept import kept_large, kept_view
from explainer.app.links.controls import segments
from explainer.app.server.uploads import picture_source
from explainer.app.session import Session, forward_slots
from explainer.app.what_if import history
from explainer.app.what_if.controls import REPLACEMENTS, ZERO, pixels_of, take_head
from explainer.experiments.patches import passes_for, patches_so_far, rank_patches
from explainer.lessons import HANDS_ON
from explainer.notation.wording import sentence
from explainer.panels import Pick, View
from explainer.views.changes import experiments
from vit_core import ForwardTrace, open_picture
from vit_core.allowance import NotAllowedError
from vit_core.interventions import Interventions
from vit_core.interventions.occlusion import Measured

STOPPED = "experiment_stopped"
PATIENCE = 0.4  # seconds after which a bar shows how far the work is
lesson = HANDS_ON["what_if"]
Progress = Callable[[float], None]


def show(session: Session) -> None:
    """The choice of an experiment, and the one that is chosen."""
    show_section(lesson, "experiments")
    chosen = st.pills(
        "Experiment", list(EXPERIMENTS), key="experiment", bind="query-params", label_visibility="collapsed"
    )
    if chosen in EXPERIMENTS:
        EXPERIMENTS[chosen](session)


def _shuffle(session: Session) -> None:
    show_section(lesson, "shuffle")
    seed = int(st.number_input("Seed of the order", 0, 9999, 0, key="experiment_seed", width=160))

    def make(progress: Progress) -> View:
        result = compute.shuffle_patches(session.model, session.trace, session.checkpoint.labels, seed)
        traces: list[ForwardTrace] = []
        for changes in (Interventions.parse("positions=zero"), result.without_positions, result.with_positions):
            progress(0.5 + len(traces) / 6)
            traces.append(session.model.trace(session.trace.image, changes))
        plain, without, moved = traces
        return experiments.shuffled(
            result,
            (session.pixels, pixels_of(session, moved)),
            {
                "Without E_{pos}": (plain.representation, without.representation),
                "With E_{pos}": (session.trace.representation, moved.representation),
            },
        )

    _show(session, "shuffle", make, seed)
    _offer("shuffle", lambda: f"positions=zero;shuffle={int(st.session_state.get('experiment_seed') or 0)}")


def _heads(session: Session) -> None:
    show_section(lesson, "which-head")
    words = segments(
        "A head that is taken out is", list(REPLACEMENTS), ZERO, key="experiment_replacement", in_link=False
    )
    replacement = REPLACEMENTS[words]
    _show(
        session,
        "heads",
        lambda progress: experiments.knocked_out(
            compute.knock_out(session.model, session.trace, session.checkpoint.labels, replacement, progress=progress)
        ),
        replacement,
        on_pick=lambda pick: take_head(pick, "experiment_replacement"),
    )


def _patches(session: Session) -> None:
    show_section(lesson, "which-patches")
    same = (session.model, session.trace, session.checkpoint.labels)
    # What is measured stays when somebody stops, for whoever goes on; a hundred bytes or so for each forward pass.
    passes = passes_for(session.config.num_patches)
    size = passes * (150 + session.config.num_patches)
    measured: Measured = kept_large(("masked", session.state.checkpoint, session.state.picture), lambda: ({}, size))
    st.caption(f"{passes} forward passes: one for each patch, the others for the curves.")
    _show(
        session,
        "patches",
        lambda progress: experiments.ranked_patches(
            rank_patches(*same, measured=measured, progress=progress), session.pixels
        ),
        so_far=lambda: experiments.patches_so_far(patches_so_far(*same, measured), session.pixels),
    )


def _grids(session: Session) -> None:
    show_section(lesson, "other-grid")
    own = session.config.grid_size
    grid_size = st.slider(
        "Patches a side",
        2,
        2 * own,
        key=f"experiment_grid_{own}",
        value=own + own // 2,
        help="The image is read anew at this size: patches keep their size in pixels, so there are more or "
        "fewer of them.",
    )

    def make(progress: Progress) -> View:
        preprocess = session.checkpoint.preprocess.at(grid_size * session.config.patch_size)
        picture = preprocess(open_picture(picture_source(session.state.picture)))
        result = compute.resize_positions(
            session.model, session.trace, session.checkpoint.labels, grid_size, picture, progress=progress
        )
        return experiments.resized(result)

    _show(session, "grids", make, grid_size)


def _scaling(session: Session) -> None:
    show_section(lesson, "scaling")
    _show(
        session,
        "scaling",
        lambda progress: experiments.unscaled(
            compute.unscale(session.model, session.trace, session.checkpoint.labels, progress=progress)
        ),
    )
    _offer("scaling", lambda: "temperature=unscaled")


EXPERIMENTS: dict[str, Callable[[Session], None]] = {
    "Shuffle the patches": _shuffle,
    "Which head matters": _heads,
    "Which patches matter": _patches,
    "Positions for another grid": _grids,
    "Scores without scaling": _scaling,
}


def _show(
    session: Session,
    name: str,
    make: Callable[[Progress], View],
    *dependencies: str | int,
    on_pick: Callable[[Pick], None] | None = None,
    so_far: Callable[[], View] | None = None,
) -> None:
    """The sentence and the view, measured by the first who asks; they depend on ``dependencies`` as well.

    A waiting reader can stop it, and is shown the results ``so_far``.
    """
    key = ("experiment", name, session.state.checkpoint, session.state.picture, *dependencies)
    if st.session_state.get(STOPPED) == key:
        view = so_far() if so_far else None
        finding = sentence(view.alt) if view else "Stopped before it finished."
        st.html(f'<p class="vit-finding" role="status">{escape(finding)}</p>')
        st.button("Go on", icon=":material/play_arrow:", on_click=_stop, args=(None,), key="experiment_go_on")
        if view:
            show_canvas(view, key=f"experiment_{name}_so_far")
        return
    place, stop = st.empty(), st.empty()
    began, waits = time.monotonic(), list[bool]()

    def progress(share: float) -> None:
        forward_slots.dear.release()  # between two batches others have their turn
        try:
            if time.monotonic() - began > PATIENCE:
                place.progress(min(share, 1.0), text=f"{100 * share:.0f} % of the forward passes done")
                if not waits:  # any click ends the run; this one keeps it from beginning anew
                    stop.button("Stop", icon=":material/stop:", on_click=_stop, args=(key,), key="experiment_stop")
                    waits.append(True)
        finally:
            forward_slots.dear.acquire()

    def measure() -> View:
        with forward_slots.dear:
            return make(progress)

    try:
        view = kept_view(key, measure)
    except NotAllowedError as error:
        stop.empty()
        place.warning(plain(f"{sentence(str(error))}."), icon=":material/block:")
        return
    stop.empty()
    place.html(f'<p class="vit-finding" role="status">{escape(sentence(view.alt))}</p>')
    show_canvas(view, key=f"experiment_{name}", on_pick=on_pick)


def _stop(key: tuple[str | int, ...] | None) -> None:
    """Remember which experiment is not to be begun anew; None: none."""
    st.session_state[STOPPED] = key


def _offer(name: str, changes: Callable[[], str]) -> None:
    """The changes of the experiment, to be made on the page itself; ``changes`` is asked when the button is pressed."""
    st.button(
        "Make these changes above",
        icon=":material/experiment:",
        key=f"experiment_offer_{name}",
        on_click=lambda: history.change(Interventions.parse(changes())),
    )
