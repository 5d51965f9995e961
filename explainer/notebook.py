"""A view in a notebook: the canvas of the app as a widget for Jupyter and marimo, whose clicks come back to Python.

::

    from explainer.notebook import show

    picture = show(attention.heads(trace.attention(3), token=12, pixels=pixels, head=1))
    picture                                             # Jupyter draws it; marimo: mo.ui.anywidget(picture)
    picture.observe(lambda change: print(change.new), "pick")   # {"head": 2}
    picture.view = attention.heads(...)                 # draws another in the same place

Nothing is fetched from elsewhere: the widget brings its own script.
"""

from explainer.components import core, notebook_adapter
from explainer.packing import pack
from explainer.palette import Scheme
from explainer.panels import Frames, View

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
    packed = traitlets.Bytes(read_only=True, help="The view as bytes").tag(sync=True)
    scheme = traitlets.Enum(("light", "dark"), None, allow_none=True, help="None: as the notebook").tag(sync=True)
    pick = traitlets.Dict(help="What the last click chose, by name; empty before it").tag(sync=True)
    place = traitlets.Int(None, allow_none=True, help="The frame that is shown; None: the last").tag(sync=True)

    def __init__(self, view: View | Frames, scheme: Scheme | None = None) -> None:
        self._view = view
        super().__init__(scheme=scheme)
        self.set_trait("packed", pack(view))

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
