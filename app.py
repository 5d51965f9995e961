"""Serve the explainer: ``streamlit run app.py``."""

import streamlit as st

from pages.start import lifespan
from pages.tensor_route import routes

app = st.App("pages/frame.py", routes=routes, lifespan=lifespan)
