"""Serve the explainer: ``streamlit run app.py``."""

import gc

gc.disable()  # until pages.start has warmed up: a third of a second of collections that find nothing while torch comes

import streamlit as st
from starlette.middleware import Middleware

from pages.response_headers import ResponseHeaders
from pages.shell import Shell
from pages.start import lifespan
from pages.tensor_route import routes
from pages.upload_boxes import UploadLimits

middleware = [Middleware(ResponseHeaders), Middleware(UploadLimits), Middleware(Shell)]
app = st.App("pages/frame.py", routes=routes, lifespan=lifespan, middleware=middleware)
