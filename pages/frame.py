"""Around every page: the navigation, and in the sidebar the picture, the model, the layer, the head, the token."""

import sys
from pathlib import Path

import streamlit as st

# Streamlit puts this folder first on the path; the app's modules are imported by their full name, from the root.
if (root := str(Path(__file__).parent.parent)) not in sys.path:
    sys.path.insert(0, root)

from explainer.app import link_parameters, number_sheet, session, sidebar, state
from explainer.app.blocks import show_way_back
from explainer.app.checkpoints import is_of_a_run
from explainer.app.foreign import plain
from explainer.app.server import shell, upload_boxes
from explainer.app.server.response_headers import TO_THE_TOP
from explainer.app.server.start import start
from explainer.lessons import HANDS_ON, LESSONS, TOOLS, Lesson
from explainer.stages import STAGES, Stage

ICONS = {
    "overview": ":material/route:",
    "patches": ":material/grid_on:",
    "embedding": ":material/add_location:",
    "attention": ":material/visibility:",
    "mlp": ":material/hub:",
    "encoder": ":material/layers:",
    "head": ":material/label:",
    "models": ":material/table_chart:",
    "glossary": ":material/menu_book:",
    "data": ":material/photo_library:",
    "train": ":material/model_training:",
    "metric": ":material/troubleshoot:",
    "transfer": ":material/swap_horiz:",
    "predict": ":material/online_prediction:",
    "epochs": ":material/history:",
    "exercises": ":material/exercise:",
    "walk": ":material/play_circle:",
    "what_if": ":material/experiment:",
    "compare": ":material/compare:",
    "shapes": ":material/straighten:",
    "break_it": ":material/bug_report:",
    "doctor": ":material/stethoscope:",
}

PAGES: dict[str, Stage | Lesson] = {**STAGES, **HANDS_ON, **LESSONS, **TOOLS}

assets = Path(root) / "assets"
st.set_page_config(page_title="ViT explainer", page_icon=str(assets / "images" / "icon.svg"), layout="wide")
if not shell.is_mounted():
    st.html(shell.STYLE)
start()
upload_boxes.begin_run()
no_sense = link_parameters.check()

# The first page lies at "/" alone, so that its name is free for a page that leads there.
first = st.Page("overview.py", title=STAGES["overview"].title, icon=ICONS["overview"], default=True, url_path="first")
others = [
    st.Page(f"{each.name}.py", title=each.title, icon=ICONS[each.name])
    for each in PAGES.values()
    if each.name != "overview"
]
named = st.Page(lambda: None, title=STAGES["overview"].title, url_path="overview")
page = st.navigation(
    [first, *others, named],
    position="hidden",  # the menu below carries the reader's choice in its links, also into a new tab
)
if page == named:
    st.switch_page(first, query_params=st.query_params.to_dict())
if target := st.session_state.pop("page", None):
    st.session_state["from_the_top"] = True
    st.switch_page(f"{target}.py", query_params=state.parameters())

choice, problems, from_link = state.read()
opened, more = session.open_or_explain(choice)
is_waiting = from_link and opened.state.checkpoint != choice.checkpoint
if from_link:
    # Also when its weights are not here yet: then the sidebar offers to download them.
    st.session_state["checkpoint_choice"] = choice.checkpoint
state.write(opened.state, asked=choice if is_waiting else None)
with st.sidebar:
    sidebar.show(opened, uses_layer=PAGES[page.url_path or "overview"].uses_layer)
for key, group in (("menu", STAGES), ("menu_hands_on", HANDS_ON | TOOLS), ("menu_lessons", LESSONS)):
    with st.container(horizontal=True, key=key, gap="xsmall"):
        for name in group:
            st.page_link(f"{name}.py", icon=ICONS[name], query_params=state.parameters())
name = page.url_path or "overview"
if no_number := number_sheet.problem(opened, name):
    problems.append(no_number)
if sentences := no_sense + problems + more + st.session_state.pop("messages", []):
    st.warning(plain(sentences[0]) if len(sentences) == 1 else "\n".join(f"- {plain(each)}" for each in sentences))
if st.session_state.pop("from_the_top", False):
    # The page that a picture led to begins at its title, not where the reader had scrolled to.
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
