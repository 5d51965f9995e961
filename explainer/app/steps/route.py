"""The route of packets: ``GET vit/step/<page>/<step>/<view or mathematics>?picture&checkpoint&layer&head&token``.

What it answers is the same for everybody who asks the same, so it is computed once, compressed once and kept by
browsers and proxies. A reader's own image is reached only by its name, which is the digest of its content.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

PATH = "vit/step"
PAGE_PATH = "vit/page"
CHANGES_PATH = "vit/changes"
REPORT_PATH = "vit/report"
LONGEST = 200  # letters of a value
KEEP = "private, max-age=3600"
ASK_AGAIN = "private, no-cache"  # another file may take the place of a run's weights


ERRORS = (LookupError, ValueError, OSError, RuntimeError, MemoryError)  # of what cannot be shown; one sentence each


class WrongRequestError(ValueError):
    """What was asked for makes no sense; a whole sentence."""


def serve(request: Request) -> Response:
    """One packet; 304 if the browser has it, 400 and a sentence for what makes no sense, 409 for weights not here."""
    from explainer.app.steps.packets import packet  # imports torch, for which the server's start does not wait

    path = request.path_params
    try:
        if path["kind"] not in ("view", "result", "mathematics", "controls"):
            raise WrongRequestError("A step has a view, its mathematics, a result and controls, and nothing else.")
        session = open_moment(path["page"], request.query_params)
        found = packet(path["page"], path["step"], path["kind"], session)
    except ERRORS as error:
        return refuse(error)
    return answer(request, found.data, found.name, found.media_type, session.state.checkpoint, found.compressed)


def answer(
    request: Request, data: bytes, name: str, media_type: str, checkpoint: str, compressed: bytes | None = None
) -> Response:
    """What was made of a checkpoint, with its name by its content; 304 if the browser has it."""
    headers = {
        "Cache-Control": ASK_AGAIN if checkpoint.startswith("run:") else KEEP,
        "ETag": f'"{name}"',
        "Vary": "Accept-Encoding",
    }
    if f'"{name}"' in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(compressed, media_type=media_type, headers=headers | {"Content-Encoding": "gzip"})
    return Response(data, media_type=media_type, headers=headers)


def serve_page(request: Request) -> Response:
    """A page of steps as a file; the same errors."""
    from explainer.app.steps.saving import page_file

    page = request.path_params["page"]
    address = request.query_params.get("from", "")
    if urlsplit(address).netloc != request.headers.get("host"):
        address = ""  # the file leads back to where it came from, and nowhere else
    try:
        html = page_file(page, open_moment(page, request.query_params), address)
    except ERRORS as error:
        return refuse(error)
    name = f'attachment; filename="vit-{page}.html"'
    return Response(html, media_type="text/html", headers={"Cache-Control": "no-store", "Content-Disposition": name})


def serve_changes(request: Request) -> Response:
    """What the changes of What if become by an action, as text; the same errors."""
    from explainer.experiments.takes import take

    try:
        moment = open_moment("what_if", request.query_params)
        changes = take(moment.interventions, request.query_params.get("take", ""), moment.config)
    except ERRORS as error:
        return refuse(error)
    return PlainTextResponse(str(changes), headers={"Cache-Control": KEEP})


def serve_report(request: Request) -> Response:
    """The effect of the changes as a file; the same errors."""
    from explainer.experiments.report import as_csv

    name = request.path_params["name"]
    try:
        report = open_moment("what_if", request.query_params).report
        files = {
            "what-if.json": report.as_json,
            "what-if-classes.csv": lambda: as_csv(report.classes),
            "what-if-layers.csv": lambda: as_csv(report.layers),
        }
        if name not in files:
            raise LookupError(f"There is no file {name[:40]!r}. There are {', '.join(files)}.")
        text = files[name]()
    except ERRORS as error:
        return refuse(error)
    media_type = "application/json" if name.endswith(".json") else "text/csv"
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type=media_type, headers=headers)


def open_moment(page: str, parameters: Mapping[str, str]):  # type: ignore[no-untyped-def]  # of moments.py
    """What the steps of a page are made from, for a request.

    Raises:
        WrongRequestError, FileNotFoundError, LookupError, ValueError, OSError: as ``open_session``.
    """
    from explainer.app.steps import own_choice
    from explainer.app.steps.moments import moment_of

    first = own_choice.defaults(page)
    own = {name: parameters.get(name, value) for name, value in first.items()}
    if wrong := next((name for name, value in own.items() if not own_choice.is_choice(value)), None):
        raise WrongRequestError(f"{wrong} is longer than a choice can be.")
    moment, problems = moment_of(page, open_session(parameters), own)
    if problems:
        raise WrongRequestError(problems[0])
    return moment


def open_session(parameters: Mapping[str, str]):  # type: ignore[no-untyped-def]  # a Session, which imports torch
    """The session of a request.

    Raises:
        WrongRequestError: if a parameter makes no sense, or does not fit the model.
        FileNotFoundError: if the weights are not on this machine.
        LookupError, ValueError, OSError: if there is no such checkpoint or image.
    """
    from explainer.app import session as sessions
    from explainer.app.state import State

    values: dict[str, str | int] = {}
    for name in ("picture", "checkpoint"):
        if name in parameters:
            values[name] = parameters[name]
            if len(parameters[name]) > LONGEST:
                raise WrongRequestError(f"The {name} has {len(parameters[name])} letters, at most {LONGEST} are read.")
    for name in ("layer", "head", "token"):
        if name in parameters:
            text = parameters[name]
            if not (text.isascii() and text.isdecimal() and len(text) < 6):
                raise WrongRequestError(f"The {name} must be a whole number, got {text[:40]!r}.")
            values[name] = int(text)
    state = State(**values)  # type: ignore[arg-type]
    try:
        sessions.open_checkpoint(state.checkpoint)
        opened, problems = sessions.open_session(state)
    except LookupError as error:
        raise WrongRequestError(str(error.args[0]) if error.args else "There is no such checkpoint.") from error
    if problems:
        raise WrongRequestError(problems[0].partition(" You see ")[0])
    return opened


def refuse(error: Exception) -> Response:
    """The sentence of an error, with the status that it stands for."""
    is_unknown = isinstance(error, LookupError) and not isinstance(error, WrongRequestError)
    status = 404 if is_unknown else 409 if isinstance(error, FileNotFoundError) else 400
    text = str(error.args[0]) if error.args else str(error)
    sentence = text[:1].upper() + text[1:].removesuffix(".") + "."
    return PlainTextResponse(sentence, status, headers={"Cache-Control": "no-store"})


routes = [
    Route(f"/{{prefix:path}}{PATH}/{{page}}/{{step}}/{{kind}}", serve, methods=["GET"]),
    Route(f"/{{prefix:path}}{PAGE_PATH}/{{page}}", serve_page, methods=["GET"]),
    Route(f"/{{prefix:path}}{CHANGES_PATH}", serve_changes, methods=["GET"]),
    Route(f"/{{prefix:path}}{REPORT_PATH}/{{name}}", serve_report, methods=["GET"]),
]
