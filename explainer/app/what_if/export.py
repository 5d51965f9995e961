"""Exports: a link, a line of Python, the numbers as files."""

from urllib.parse import urlencode

import streamlit as st

from explainer.app import state
from explainer.app.checkpoints import is_of_a_file, is_of_a_run
from explainer.app.foreign import plain
from explainer.app.server.downloads import offer_file
from explainer.app.server.loopback import for_reader
from explainer.app.session import Session
from explainer.app.what_if import history
from explainer.experiments.report import Report, as_csv
from explainer.numbers import YOUR_WEIGHTS
from vit_core import ForwardTrace
from vit_core.interventions import Interventions


def show(session: Session, after: ForwardTrace, interventions: Interventions) -> None:
    """A box with all of it, computed when it is asked for."""
    report = report_of(session, after, interventions)
    with st.popover("Link, code and files", icon=":material/ios_share:"):
        st.caption("This link opens the same image, checkpoint and changes:")
        st.code(link(), language=None, wrap_lines=True)
        blanks = f" Insert {' and '.join(report.blanks)} first." if report.blanks else ""
        st.caption(f"This line computes the new prediction in Python, in the program's folder.{plain(blanks)}")
        st.code(for_reader(report.python), language="python", wrap_lines=True)
        with st.container(horizontal=True):
            for label, name, media_type, make in (
                ("All as JSON", "what-if.json", "application/json", report.as_json),
                ("Classes as CSV", "what-if-classes.csv", "text/csv", lambda: as_csv(report.classes)),
                ("Layers as CSV", "what-if-layers.csv", "text/csv", lambda: as_csv(report.layers)),
            ):
                offer_file(label, make, name, media_type, key=f"what_if_{name}")


def report_of(session: Session, after: ForwardTrace, interventions: Interventions) -> Report:
    """The report to export."""
    name = session.state.checkpoint
    weights = YOUR_WEIGHTS if is_of_a_run(name) or is_of_a_file(name) else name
    return Report(weights, session.state.picture, session.checkpoint.labels, session.trace, after, interventions)


def link() -> str:
    """The address of this page with everything that is chosen."""
    parameters = state.parameters()
    if text := history.steps.now.present:
        parameters[history.NAME] = text
    address = (st.context.url or "").partition("?")[0]
    return f"{address}?{urlencode(parameters, safe='=:;,.')}" if parameters else address
