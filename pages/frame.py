"""Around every page: the navigation, and in the sidebar the picture, the model, the layer, the head, the token."""

import sys
from pathlib import Path

import streamlit as st

# Streamlit puts this folder first on the path; the app's modules are imported by their full name, from the root.
if (root := str(Path(__file__).parent.parent)) not in sys.path:
    sys.path.insert(0, root)

from explainer.stages import STAGES
from pages import session, sidebar, state
from pages.start import start

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
}

assets = Path(root) / "assets"
st.set_page_config(page_title="ViT explainer", page_icon=str(assets / "images" / "icon.svg"), layout="wide")
st.html(assets / "style.css")
start()

page = st.navigation(
    [
        st.Page(f"{stage.name}.py", title=stage.title, icon=ICONS[stage.name], default=stage.name == "overview")
        for stage in STAGES.values()
    ],
    position="top",
)
if target := st.session_state.pop("page", None):
    st.switch_page(f"{target}.py")

choice, problems, from_link = state.read()
if from_link:
    # Also when its weights are not here yet: then the sidebar offers to download them.
    st.session_state["checkpoint_choice"] = choice.checkpoint
opened, more = session.open_or_explain(choice)
state.write(opened.state)
with st.sidebar:
    sidebar.show(opened)
for problem in problems + more + st.session_state.pop("messages", []):
    st.warning(problem, icon=":material/info:")
page.run()
