"""Images read as the checkpoint was trained, and read otherwise: one image in all ways, and all images."""

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from explainer.app import state
from explainer.app.canvas import show as show_canvas
from explainer.app.foreign import plain
from explainer.app.kept import kept_view
from explainer.app.links.controls import whole
from explainer.app.links.parameters import fit
from explainer.app.listing import show_table
from explainer.app.predict import jobs as prediction_jobs
from explainer.app.predict.cards import Answers
from explainer.app.predict.sources import side_of
from explainer.app.session import forward_slots
from explainer.notation.wording import percent
from explainer.panels import Pixels, View
from explainer.views.compose import explained
from explainer.views.course import predict
from vit_core import PictureError, Preprocess, open_picture
from vit_core.training.predictions import other_preprocessing

AS_TRAINED = "as trained"


def ways(preprocess: Preprocess) -> dict[str, Preprocess]:
    """The checkpoint's own preprocessing, and what is easily done instead."""
    return {AS_TRAINED: preprocess, **other_preprocessing(preprocess)}


def show(answers: Answers) -> None:
    """One image in all ways, and, if the reader wants it, how many images change their class in each."""
    count = len(answers.predictions)
    shown = 1
    if count > 1:
        fit("predict_shown", 1, count, "image")
        shown = whole(f"Image (1 to {count})", key="predict_shown", between=(1, count), width=160)
    name = answers.predictions.names[shown - 1]
    st.caption(plain(name))
    place = answers.predictions.places[shown - 1]
    key = ("ways", answers.session.state.checkpoint, answers.source.key, place)
    try:
        side = side_of(answers.source.samples[place])
        view = kept_view(key, lambda: _one_picture(answers, place, side))
        show_canvas(view, key="predict_ways", on_pick=state.pick)
    except (PictureError, OSError) as error:
        st.caption(plain(f"{name}: {error}."))
    if count > 1 and st.toggle(f"Read all {count} images in each way", key="predict_all_ways", bind="query-params"):
        _show_all(answers)


def _one_picture(answers: Answers, place: int, side: str) -> View:
    session, sample = answers.session, answers.source.samples[place]
    own = session.checkpoint.preprocess
    picture = open_picture(sample.source)
    images = {way: preprocess(picture) for way, preprocess in ways(own).items()}
    del picture  # it may be a large one
    seen: dict[str, Pixels] = {}
    probabilities: dict[str, Tensor] = {}
    for way, image in images.items():
        seen[way] = np.asarray(own.to_picture(image))  # as a model sees them that was trained with its own
        with forward_slots, torch.no_grad():
            probabilities[way] = session.model(image[None])[0].softmax(-1)
    return explained(predict.preprocessing(seen, probabilities, session.checkpoint.labels, side=side), 1)


def _show_all(answers: Answers) -> None:
    """A line for each way: how many are right, how many get another class than as trained."""
    session, source = answers.session, answers.source
    predictions = {}
    for way, preprocess in ways(session.checkpoint.preprocess).items():
        predictions[way] = prediction_jobs.show(session, source, way, preprocess)
    if any(result is None for result in predictions.values()):
        return
    own = predictions[AS_TRAINED]
    lines = ["| read | right | another class than as trained | probability moved, on average |", "|---|---:|---:|---:|"]
    for way, result in predictions.items():
        assert result is not None and own is not None
        right, of = result.score
        scored = f"{right:,} of {of:,} ({percent(right / of)})" if of else ""
        changed = f"{int((result.predicted != own.predicted).sum())} of {len(result)}"
        moved = percent((result.probabilities - own.probabilities).abs().sum(-1).mean() / 2)
        lines.append(f"| {plain(way)} | {scored} | {' | ' if way == AS_TRAINED else f'{changed} | {moved}'} |")
    show_table("ways", lines)
