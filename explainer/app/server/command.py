"""``vit-explainer app``: serve the app on this machine, without a checkout."""

import argparse
import gc
import os
from collections.abc import Sequence

from explainer.commands.question import Parser, answered

EXAMPLES = """\
examples:
  python -m explainer app
  python -m explainer app --port 8600
  python -m explainer app --address 0.0.0.0 --no-browser

Every option of Streamlit can be set by its environment variable, for example STREAMLIT_SERVER_BASE_URL_PATH.
exit code: 0 the server was stopped, 2 the question makes no sense
"""


def main(arguments: Sequence[str]) -> int:
    """Serve until somebody stops it."""
    return answered(_parser(), _serve, arguments)


def _parser() -> Parser:
    parser = Parser("app", "Serve the app and open it in the browser. Ctrl+C stops it.", EXAMPLES)
    parser.add_argument("--port", type=_port, help="the port; without it the first free one from 8501")
    parser.add_argument("--address", help="where to listen; without it this machine alone is answered")
    parser.add_argument("--no-browser", action="store_true", help="open no browser")
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"a port is a whole number from 1 to 65535, not {text!r}")
    return int(text)


def _serve(options: argparse.Namespace) -> int:
    gc.disable()  # until the server has warmed up, as in app.py; and a wrong option is answered before Streamlit comes
    import streamlit as st

    from explainer.app.server.serving import FRAME, PARTS, configuration

    chosen = {"server.port": options.port, "server.address": options.address}
    if "STREAMLIT_SERVER_ADDRESS" not in os.environ:
        chosen["server.address"] = options.address or "127.0.0.1"
    chosen = {name: value for name, value in chosen.items() if value is not None}
    if options.no_browser:
        chosen["server.headless"] = True
    st.App(FRAME, **PARTS).run(config=configuration() | chosen)
    return 0
