"""Serve the explainer: ``streamlit run app.py``. An installed one is served by ``vit-explainer``."""

import gc

# Until the server has warmed up: a third of a second of collections that find nothing while torch comes.
gc.disable()

import streamlit as st

from explainer.app.server.serving import FRAME, PARTS

app = st.App(FRAME, **PARTS)  # written here, because Streamlit looks for it in the text of this file
