"""The choice of a model, and everything about the images as soon as they are predicted."""

import streamlit as st

from explainer.app import checkpoints, state
from explainer.app.blocks import show_section
from explainer.app.foreign import plain
from explainer.app.links.controls import choice
from explainer.app.predict import cards as prediction_cards
from explainer.app.predict import jobs as prediction_jobs
from explainer.app.predict import ways as prediction_ways
from explainer.app.predict.cards import Answers
from explainer.app.predict.sources import Source
from explainer.app.session import Session
from explainer.lessons import LESSONS
from explainer.notation.wording import sentence
from explainer.views.course.predict import preprocessing_words


def choose_model(session: Session) -> None:
    """The checkpoint of the whole app, among those that need no download."""
    chosen = session.state.checkpoint
    names = [name for name in checkpoints.listed(chosen) if name == chosen or checkpoints.is_here(name)]
    st.session_state["predict_model"] = chosen
    st.selectbox("Model", names, key="predict_model", format_func=_model_title, on_change=_take_model, width=420)


def _model_title(name: str) -> str:
    if checkpoints.is_of_a_file(name):
        return f"{checkpoints.find(name).card.get('name', 'a file')} · your file"
    return checkpoints.title_of(name)


def _take_model() -> None:
    state.choose_checkpoint(st.session_state["predict_model"])


def show_results(session: Session, source: Source) -> None:
    """Everything about the images, as soon as they are predicted."""
    ways = prediction_ways.ways(session.checkpoint.preprocess)
    way = choice("Images are read", ways, "way of reading", key="predict_way", width=420)
    st.caption(plain(sentence(preprocessing_words(ways[way])) + "."))
    predictions = prediction_jobs.show(session, source, way, ways[way])
    if predictions is None:
        return
    answers = Answers(session, source, predictions, way, ways[way])
    show_section(LESSONS["predict"], "answers")
    prediction_cards.show_answers(answers)
    if sum(name is not None for name in predictions.class_names) > 1:
        show_section(LESSONS["predict"], "confusion")
        prediction_cards.show_confusion(answers)
    if len(predictions):
        show_section(LESSONS["predict"], "preprocessing")
        prediction_ways.show(answers)
