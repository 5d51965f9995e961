"""Serve the explainer: ``streamlit run app.py``."""

import gc

# Until the server has warmed up: a third of a second of collections that find nothing while torch comes.
gc.disable()

import streamlit as st
from starlette.middleware import Middleware

from explainer.app.server.response_headers import ResponseHeaders
from explainer.app.server.shell import Shell
from explainer.app.server.start import lifespan
from explainer.app.server.tensor_route import routes
from explainer.app.server.upload_boxes import UploadLimits

middleware = [Middleware(ResponseHeaders), Middleware(UploadLimits), Middleware(Shell)]
app = st.App("pages/frame.py", routes=routes, lifespan=lifespan, middleware=middleware)
