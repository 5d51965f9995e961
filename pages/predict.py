"""Own pictures, one or many, and the test pictures a model gets most wrong."""

import streamlit as st

from explainer.lessons import LESSONS
from explainer.views.predict import preprocessing_words
from explainer.views.wording import sentence
from pages import checkpoints, picture_chooser, prediction_cards, prediction_jobs, prediction_ways, state
from pages.blocks import show_head, show_neighbours, show_section
from pages.foreign import plain
from pages.link_parameters import fit_choice
from pages.picture_sources import Source
from pages.prediction_cards import Answers
from pages.session import Session, current

AS_TRAINED = prediction_ways.AS_TRAINED


def choose_model(session: Session) -> None:
    """The checkpoint of the whole app, among those that need no download."""
    chosen = session.state.checkpoint
    names = [name for name in checkpoints.listed(chosen) if name == chosen or checkpoints.is_here(name)]
    st.session_state["predict_model"] = chosen
    st.selectbox("Model", names, key="predict_model", on_change=_take_model, width=420)


def _take_model() -> None:
    state.choose_checkpoint(st.session_state["predict_model"])


def choose_shown(place: int) -> None:
    """Compare the ways of reading that picture."""
    st.session_state["predict_shown"] = place + 1


def show_results(session: Session, source: Source) -> None:
    """Everything about the pictures, as soon as they are predicted."""
    ways = prediction_ways.ways(session.checkpoint.preprocess)
    fit_choice("predict_way", ways, "way of reading")
    way = st.selectbox("Images are read", list(ways), key="predict_way", bind="query-params", width=420) or AS_TRAINED
    st.caption(plain(sentence(preprocessing_words(ways[way])) + "."))
    predictions = prediction_jobs.show(session, source, way, ways[way])
    if predictions is None:
        return
    answers = Answers(session, source, predictions, way, ways[way])
    show_section(lesson, "answers")
    prediction_cards.show_answers(answers, choose_shown)
    if sum(name is not None for name in predictions.class_names) > 1:
        show_section(lesson, "confusion")
        prediction_cards.show_confusion(answers)
    if len(predictions):
        show_section(lesson, "preprocessing")
        prediction_ways.show(answers)


session = current()
lesson = LESSONS["predict"]
show_head(lesson)
show_section(lesson, "pictures")
with st.container(horizontal=True, vertical_alignment="bottom"):
    choose_model(session)
    kind = picture_chooser.choose_kind()
try:
    source = picture_chooser.choose(kind, session)
    if source is not None:
        show_results(session, source)
except (LookupError, ValueError, OSError) as error:
    st.warning(plain(error), icon=":material/info:")
show_neighbours(lesson)
