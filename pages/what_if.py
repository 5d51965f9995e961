"""Changes of one forward pass, clicked together, and their effects."""

import streamlit as st

from explainer.app import state
from explainer.app.blocks import show_head, show_neighbours
from explainer.app.foreign import plain
from explainer.app.session import current, trace
from explainer.app.what_if import applying, controls, export, history, results, running
from explainer.lessons import HANDS_ON

lesson, session = HANDS_ON["what_if"], current()
show_head(lesson)
interventions, problems = history.read(session.config)
after = trace(session.state.checkpoint, session.state.picture, str(interventions))
for sentence in problems + st.session_state.pop(applying.PROBLEMS, []):
    st.warning(plain(sentence))
results.show_bar(session, after, interventions)
group = controls.choose_group()
left, right = st.columns([1.05, 1], gap="large")
with left:
    controls.show(group, session, after, interventions)
with right:
    results.show_prediction(session, after, interventions)
    results.show_list(interventions)
    export.show(session, after, interventions)
    if interventions:
        parameters = state.parameters() | {"other_change": str(interventions)}
        label = "Compare with and without"
        st.page_link("compare.py", label=label, icon=":material/compare:", query_params=parameters)
results.show_difference(session, after, interventions)
results.show_attention(session, after, interventions)
running.show(session)
show_neighbours(lesson)
