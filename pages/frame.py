"""Around every page: the navigation, and in the sidebar the image, the model, the layer, the head, the token."""

import sys
from importlib.util import find_spec
from pathlib import Path

import streamlit as st

if find_spec("explainer") is None:  # run by itself in a checkout: Streamlit puts only this folder on the path
    sys.path.insert(0, str(Path(__file__).parent.parent))

from explainer.app import menu, session, sidebar, state
from explainer.app.blocks import show_way_back
from explainer.app.checkpoints import is_of_a_run
from explainer.app.foreign import plain
from explainer.app.links import parameters as link_parameters
from explainer.app.numbers import sheet as number_sheet
from explainer.app.server import shell, upload_boxes
from explainer.app.server.response_headers import TO_THE_TOP
from explainer.app.server.start import start
from explainer.stages import STAGES
from vit_core.resources import ASSETS

st.set_page_config(page_title="ViT explainer", page_icon=str(ASSETS / "images" / "icon.svg"), layout="wide")
if not shell.is_mounted():
    st.html(shell.STYLE)
start()
upload_boxes.begin_run()
no_sense = link_parameters.check()

page = menu.choose_page()
name = page.url_path or menu.HOME
choice, problems, from_link = state.read()
opened, replaced = session.open_or_explain(choice)
is_waiting = from_link and opened.state.checkpoint != choice.checkpoint
if from_link:
    # Also when its weights are not here yet: then the sidebar offers to download them.
    st.session_state["checkpoint_choice"] = choice.checkpoint
state.write(opened.state, asked=choice if is_waiting else None)
with st.sidebar:
    sidebar.show(opened, name)
if no_number := number_sheet.problem(opened, name):
    problems.append(no_number)
if sentences := [plain(text) for text in no_sense + problems + replaced + st.session_state.pop("messages", [])]:
    st.warning(sentences[0] if len(sentences) == 1 else "\n".join(f"- {sentence}" for sentence in sentences))
if st.session_state.pop("from_the_top", False):
    # The page that a view led to begins at its title, not where the reader had scrolled to.
    st.html(f"<script>{TO_THE_TOP}</script>", unsafe_allow_javascript=True)
if is_of_a_run(opened.state.checkpoint) and name in STAGES:
    show_way_back(opened.state.checkpoint)
place = st.container(key="number_place")
if not (is_late := number_sheet.has_sides()):
    with place:
        number_sheet.show(name)
page.run()
if is_late:  # its page had to find out first which other forward passes it shows
    with place:
        number_sheet.show(name)
