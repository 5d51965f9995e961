"""The routes of what a reader keeps: figures for print, and tensors as they are.

``GET vit/figure/<page>/<step>.<svg or pdf>?picture&checkpoint&layer&head&token&panel``: the picture of a step, or the
one panel of it that has this number, drawn by Matplotlib.

``GET vit/figure/<digest>.<svg or pdf>?panel``: the same of a view that another page shows.

``GET vit/tensors/<page>.safetensors?...`` and ``vit/tensors/<page>/<tensor>.<npy or safetensors>?...``: the tensors of
a page's table, in the values of the forward pass itself.
"""

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from explainer.app.steps.route import ERRORS, WrongRequestError, answer, open_moment, open_session, refuse

FIGURE_PATH = "vit/figure"
TENSORS_PATH = "vit/tensors"
MEDIA_TYPES = {
    "svg": "image/svg+xml",
    "pdf": "application/pdf",
    "npy": "application/octet-stream",
    "safetensors": "application/octet-stream",
}


def serve_figure(request: Request) -> Response:
    """A figure as a file; the errors of a packet."""
    from explainer.app.steps.saving import step_figure, view_figure  # imports torch and Matplotlib

    page, asked, checkpoint = request.path_params.get("page"), request.query_params.get("panel"), ""
    try:
        name, file_format = _name_and_end(request.path_params["file"], "svg", "pdf")
        if asked is not None and not re.fullmatch(r"[0-9]{1,3}", asked):
            raise WrongRequestError(f"The panel must be a whole number, got {asked[:40]!r}.")
        panel = None if asked is None else int(asked)
        if page is None:
            data = view_figure(name, panel, file_format)
        else:
            kind: Any = request.query_params.get("kind", "view")
            if kind not in ("view", "result"):
                raise WrongRequestError(f"A figure is a step's view or its result, got {kind[:40]!r}.")
            moment = open_moment(page, request.query_params)
            checkpoint = moment.state.checkpoint
            data = step_figure(page, name, kind, moment, panel, file_format)
    except ERRORS as error:
        return refuse(error)
    return _file(request, data, f"vit-{page or 'figure'}-{name}.{file_format}", checkpoint)


def serve_tensors(request: Request) -> Response:
    """One tensor, or all of a stage, as a file; the errors of a packet."""
    from explainer.app.steps.saving import tensors_file

    page = request.path_params.get("page")
    try:
        name, file_format = _name_and_end(request.path_params["file"], "npy", "safetensors")
        session = open_session(request.query_params)
        data = tensors_file(page or name, name if page else None, file_format, session)
    except ERRORS as error:
        return refuse(error)
    name = re.sub(r"[^a-z0-9_]+", "-", f"vit-{page}-{name}" if page else f"vit-{name}").strip("-")
    return _file(request, data, f"{name}.{file_format}", session.state.checkpoint)


def _name_and_end(file: str, *ends: str) -> tuple[str, Any]:
    """The two parts of a file's name; the second is one of ``ends``."""
    name, _, end = file.rpartition(".")
    if end not in ends or not name:
        raise WrongRequestError(f"The name ends in .{' or .'.join(ends)}, got {file[:60]!r}.")
    return name, end


def _file(request: Request, data: bytes, name: str, checkpoint: str) -> Response:
    from explainer.packing import digest

    response = answer(request, data, digest(data), MEDIA_TYPES[name.rpartition(".")[2]], checkpoint)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


routes = [
    Route(f"/{{prefix:path}}{FIGURE_PATH}/{{file}}", serve_figure, methods=["GET"]),
    Route(f"/{{prefix:path}}{FIGURE_PATH}/{{page}}/{{file}}", serve_figure, methods=["GET"]),
    Route(f"/{{prefix:path}}{TENSORS_PATH}/{{file}}", serve_tensors, methods=["GET"]),
    Route(f"/{{prefix:path}}{TENSORS_PATH}/{{page}}/{{file}}", serve_tensors, methods=["GET"]),
]
