"""The forward passes whose numbers a page shows: its own, and on some pages others, by the name of their side."""

from explainer.app import checkpoints, session
from explainer.app.compare import choice as compare_choice
from explainer.app.compare.sides import open_pair
from explainer.app.steps import own_choice
from explainer.lessons import HANDS_ON, LESSONS
from explainer.numbers import Pass
from explainer.numbers.lines import YOUR_WEIGHTS, Reproduction
from explainer.numbers.words import PICTURE
from explainer.views.changes.what_if import CHANGED
from vit_core import CHECKPOINTS

SIDES = ("left", "right")


def check_side(side: str, page: str) -> None:
    """Refuse a side that a page does not have.

    Raises:
        ValueError: with a sentence that says where it is.
    """
    if not side:
        return
    is_of_a_picture = side.startswith(PICTURE)
    home = "what_if" if side == CHANGED else "compare" if side in SIDES else "predict" if is_of_a_picture else "epochs"
    if home == "epochs" and not checkpoints.is_of_a_run(side):
        raise ValueError(f"there is no side {side[:40]!r}; a number without one is of the page's own forward pass")
    if page != home:
        title = (HANDS_ON | LESSONS)[home].title
        raise ValueError(f"it is of another forward pass, {side[:60]!r}, which the page “{title}” shows")


def pass_of(side: str, page: str) -> Pass:
    """The forward pass of a side of ``page``, as the page's last run left its choices.

    Raises:
        ValueError: if the page has no such side, or it cannot be had; one sentence.
    """
    check_side(side, page)
    own = session.current()
    if side == CHANGED:
        return _pass(own.state.checkpoint, own.state.picture, own_choice.current("what_if")["changes"])
    if side in SIDES:
        pair, _ = open_pair(own, compare_choice.parse(own_choice.current("compare"))[0])
        seen = pair.seen[SIDES.index(side)]
        return _pass(seen.state.checkpoint, seen.state.picture, seen.change)
    if side.startswith(PICTURE):
        picture = side.removeprefix(PICTURE)
        try:
            return _pass(own.state.checkpoint, picture)
        except (LookupError, OSError) as error:
            raise ValueError(str(error.args[0])) from error
    if side:
        _open(side)
        return _pass(side, own.state.picture)
    return _pass(own.state.checkpoint, own.state.picture)


def _open(name: str) -> None:
    """The checkpoint of a run's epoch, in memory."""
    try:
        session.open_checkpoint(name)
    except (LookupError, OSError, RuntimeError, MemoryError) as error:
        raise ValueError(str(error.args[0] if error.args else error)) from error


def reproduction_of(name: str, picture: str) -> Reproduction:
    """How a reader makes the pass of a checkpoint again; its weights are asked for where Python does not have them."""
    is_named = name in CHECKPOINTS
    weights = "" if is_named else checkpoints.title_of(name)
    return Reproduction(name if is_named else YOUR_WEIGHTS, picture, weights=weights)


def _pass(name: str, picture: str, changes: str = "") -> Pass:
    model, record = session.load_model(name)
    return Pass(
        model,
        session.trace(name, picture, changes),
        lambda layer: session.block(name, picture, layer, changes),
        record.preprocess,
        record.labels,
        reproduction_of(name, picture),
    )
