"""A view in a notebook: the canvas of the app as a widget for Jupyter and marimo, whose clicks come back to Python.

::

    from explainer.notebook import show

    picture = show(attention.heads(trace.attention(3), token=12, pixels=pixels, head=1))
    picture                                             # Jupyter draws it; marimo: mo.ui.anywidget(picture)
    picture.observe(lambda change: print(change.new), "pick")   # {"head": 2}
    picture.view = attention.heads(...)                 # draws another in the same place

A whole step of a stage, with its equation, code and proof next to its picture::

    from explainer.notebook import show_step
    from explainer.steps.looking import look_at

    show_step("attention", "scores", look_at("embedded", "cat.jpg", layer=3, head=2, token=20))

Nothing is fetched from elsewhere: the widget brings its own script.
"""

from explainer.components import core, notebook_adapter
from explainer.packing import pack
from explainer.palette import Scheme
from explainer.panels import Frames, View
from explainer.steps.looking import Look, part_of
from vit_core.resources import ASSETS

try:
    import anywidget
    import traitlets
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"Views in a notebook need {error.name}, which is not installed: pip install anywidget. Without it, "
        "explainer.html_export writes views to a file, and explainer.figures draws them with matplotlib."
    ) from error


class ViewWidget(anywidget.AnyWidget):
    """A view, or frames of one, that reacts to the mouse within the notebook; see ``show``."""

    _esm = core() + "\n" + notebook_adapter()
    _css = (ASSETS / "style.css").read_text(encoding="utf-8")  # of steps, as in the app
    packed = traitlets.Bytes(read_only=True, help="The view as bytes").tag(sync=True)
    html = traitlets.Unicode("", read_only=True, help="The step around the view; empty for a view alone").tag(sync=True)
    scheme = traitlets.Enum(("light", "dark"), None, allow_none=True, help="None: as the notebook").tag(sync=True)
    pick = traitlets.Dict(help="What the last click chose, by name; empty before it").tag(sync=True)
    place = traitlets.Int(None, allow_none=True, help="The frame that is shown; None: the last").tag(sync=True)

    def __init__(self, view: View | Frames, scheme: Scheme | None = None, html: str = "") -> None:
        self._view = view
        super().__init__(scheme=scheme)
        self.set_trait("packed", pack(view))
        self.set_trait("html", html)

    @property
    def view(self) -> View | Frames:
        """What is shown; setting it draws another in the same place."""
        return self._view

    @view.setter
    def view(self, view: View | Frames) -> None:
        self._view = view
        self.set_trait("packed", pack(view))


def show(view: View | Frames, scheme: Scheme | None = None) -> ViewWidget:
    """``view`` as a widget. ``widget.pick`` is what the last click chose, ``widget.place`` the frame that is shown."""
    return ViewWidget(view, scheme)


def show_step(page: str, slug: str, now: Look, scheme: Scheme | None = None) -> ViewWidget:
    """A step of a stage: its picture, and next to it equation, numbers, code, tensors and proof.

    Raises:
        LookupError: if there is no such step, or it has no picture; one sentence.
    """
    part = part_of(page, slug, now)
    if not part.views:
        raise LookupError(f"The step {slug!r} has no picture; explainer.steps.looking.part_of has its HTML.")
    return ViewWidget(part.views[0], scheme, part.html)
