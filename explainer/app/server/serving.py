"""The parts of the server, the same for ``streamlit run app.py`` and for ``vit-explainer``."""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from starlette.middleware import Middleware

from explainer.app.server.response_headers import ResponseHeaders
from explainer.app.server.shell import Shell
from explainer.app.server.start import lifespan
from explainer.app.server.tensor_route import routes
from explainer.app.server.upload_boxes import UploadLimits
from explainer.app.steps.exports import routes as export_routes
from explainer.app.steps.route import routes as step_routes
from vit_core.resources import resource_folder

FRAME = resource_folder("explainer", "pages", "pages") / "frame.py"
CONFIGURATION = resource_folder("explainer", "configuration", ".streamlit") / "config.toml"
PARTS: Mapping[str, Any] = {
    "routes": [*routes, *step_routes, *export_routes],
    "lifespan": lifespan,
    "middleware": [Middleware(ResponseHeaders), Middleware(UploadLimits), Middleware(Shell)],
}


def configuration() -> dict[str, Any]:
    """The options of the configuration file by their dotted names, without those that the environment sets."""
    options = dict(_flat(tomllib.loads(CONFIGURATION.read_text(encoding="utf-8"))))
    return {name: value for name, value in options.items() if _variable(name) not in os.environ}


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _variable(name: str) -> str:
    """The environment variable that Streamlit reads for an option: ``STREAMLIT_SERVER_MAX_UPLOAD_SIZE``."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name.replace(".", "_"))
    return f"STREAMLIT_{words.upper()}"
