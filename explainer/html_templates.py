"""HTML from templates: a file of Jinja macros, which escape every value that is not markup already."""

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined


def macros_of(path: Path, **helpers: Any) -> Any:
    """The macros of a template as functions that return markup.

    Line breaks in the file, with the indentation after them, only lay it out: they are not in the result.

    Args:
        path: the template.
        helpers: the values and functions that its macros use.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    environment.globals.update(helpers)
    return environment.from_string(re.sub(r"\n\s*", "", path.read_text(encoding="utf-8"))).module
