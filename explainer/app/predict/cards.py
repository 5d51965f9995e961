"""Predictions for many images, on the page: the score, the cards, the mistakes, the table."""

from dataclasses import dataclass
from math import ceil

import numpy as np
import streamlit as st

from explainer.app import state
from explainer.app.canvas import show as show_canvas
from explainer.app.foreign import plain
from explainer.app.kept import kept_view
from explainer.app.links.controls import choice, whole
from explainer.app.links.parameters import fit
from explainer.app.predict.sources import Source, name_for_explainer, side_of
from explainer.app.server.downloads import offer_file
from explainer.app.session import Session
from explainer.notation.wording import percent
from explainer.panels import View
from explainer.views.compose import explained
from explainer.views.course import predict
from vit_core import PictureError, Preprocess, open_picture
from vit_core.training.predictions import Predictions, Sample, as_csv

PER_PAGE, IN_A_ROW = 9, 3
TOP = 5
ORDERS = ("as they came", "most wrong first", "least sure first")


@dataclass(frozen=True)
class Answers:
    """The predictions of a source by the session's checkpoint, with images read in one way."""

    session: Session
    source: Source
    predictions: Predictions
    way: str
    preprocess: Preprocess

    @property
    def key(self) -> tuple[str, ...]:
        """All that the views depend on."""
        return (self.session.state.checkpoint, self.source.key, self.way)


def show_answers(answers: Answers) -> None:
    """How many are right, the cards in the reader's order, and the file."""
    predictions = answers.predictions
    _show_score(predictions)
    if not len(predictions):
        return
    order, page = ORDERS[0], 1
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if len(predictions) > 1:
            options = [name for name in ORDERS if predictions.score.pictures or name != "most wrong first"]
            order = choice("Order", options, "order", key="predict_order", width=220)
        places = _ordered(predictions, order)
        pages = ceil(len(places) / PER_PAGE)
        if pages > 1:
            fit("predict_page", 1, pages, "page")
            page = whole(f"Page (1 to {pages:d})", 1, key="predict_page", between=(1, pages), width=160)
        offer_file(
            "Save as CSV",
            lambda: as_csv(predictions, answers.session.state.checkpoint, answers.way, TOP),
            "predictions.csv",
            "text/csv",
            key="predict_csv",
            help="File, true and predicted class, the probabilities of the first five, checkpoint, preprocessing.",
        )
    if not places:
        st.success("None of them is wrong.", icon=":material/check:")
        return
    shown = places[(page - 1) * PER_PAGE : page * PER_PAGE]
    for first in range(0, len(shown), IN_A_ROW):  # row by row, so that a phone shows them in this order, too
        for column, slot in zip(st.columns(IN_A_ROW), range(first, min(first + IN_A_ROW, len(shown))), strict=False):
            with column, st.container(key=f"card_{slot}", border=True):
                _show_card(answers, shown[slot], slot)


def show_confusion(answers: Answers) -> None:
    """The confusion of classes, as bars and as numbers."""
    counts = answers.predictions.confusion()
    view = kept_view(("confusion", *answers.key), lambda: predict.confusion(counts, answers.predictions.labels))
    show_canvas(view, key="predict_confusion")


def _show_score(predictions: Predictions) -> None:
    right, of = predictions.score
    unknown = sum(name is not None for name in predictions.class_names) - of
    sentences = [f"**{right:,} of {of:,} are right** ({percent(right / of)})."] if of else []
    if unknown:
        sentences.append(
            f"{unknown:,} of them show something that is not a class of this model: it cannot be right about those."
        )
    if sentences:
        st.markdown(" ".join(sentences))
    if unread := predictions.unread:
        lines = [plain(f"{file.name}: {file.reason}.") for file in unread[:20]]
        rest = f" and {len(unread) - 20} more" if len(unread) > 20 else ""
        listing = "\n".join(f"- {line}" for line in lines)
        st.warning(f"Not read, and left out{rest}:\n{listing}", icon=":material/broken_image:")


def _ordered(predictions: Predictions, order: str) -> list[int]:
    match order:
        case "most wrong first":
            return list(predictions.most_wrong)
        case "least sure first":
            return predictions.probabilities.amax(-1).argsort(stable=True).tolist()
    return list(range(len(predictions)))


def _show_card(answers: Answers, place: int, slot: int) -> None:
    predictions, sample = answers.predictions, answers.source.samples[answers.predictions.places[place]]

    def make() -> View:
        seen = answers.preprocess.crop(open_picture(sample.source))
        origin = predict.probabilities_of(predictions.top_classes(place, TOP), side) if side else None
        made = predict.card(
            np.asarray(seen),
            sample.name,
            predictions.top(place, TOP),
            predictions.class_names[place],
            predictions.is_right(place),
            origin,
        )
        return explained(made, 1) if origin else made

    try:
        # An image that is read otherwise has another forward pass, which no page computes again: no explanation then.
        side = side_of(sample) if answers.preprocess == answers.session.checkpoint.preprocess else ""
        view = kept_view(("card", *answers.key, place), make)
    except (PictureError, OSError):
        st.caption(plain(f"{sample.name}: its file is not there any more."))
        return
    show_canvas(view, key=f"predict_card_{slot}", on_pick=state.pick if side else None)
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Explain",
            key=f"explain_{slot}",
            icon=":material/route:",
            on_click=_explain,
            args=(sample,),
            help="Open this image in the explainer, with this checkpoint.",
        )
        st.button(
            "Read otherwise",
            key=f"read_{slot}",
            icon=":material/compare:",
            on_click=_read_otherwise,
            args=(place,),
            help="Show below what another preprocessing would make of this image.",
        )


def _read_otherwise(place: int) -> None:
    st.session_state["predict_shown"] = place + 1


def _explain(sample: Sample) -> None:
    """Open the overview with this image in the next run; the checkpoint stays."""
    try:
        st.session_state["picture"] = name_for_explainer(sample)
    except (ValueError, OSError) as error:
        state.report(f"{sample.name}: {error}.")
    else:
        st.session_state["page"] = "overview"
