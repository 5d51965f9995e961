"""Own images, one or many, and the test images that a model gets most wrong."""

import streamlit as st

from explainer.app.blocks import show_head, show_neighbours, show_section
from explainer.app.foreign import plain
from explainer.app.predict import chooser as picture_chooser
from explainer.app.predict.results import choose_model, show_results
from explainer.app.session import current
from explainer.lessons import LESSONS

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
