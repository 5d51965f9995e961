"""Downloads: files for the reader, and weights for the server, with a bar while the bytes arrive."""

from functools import partial
from typing import Any

import streamlit as st

from explainer.app import state
from explainer.app.foreign import plain
from explainer.app.session import check_memory
from vit_core import Checkpoint, load


def offer_file(
    label: str,
    data: Any,
    name: str,
    kind: str,
    *,
    key: str,
    icon: str | None = ":material/download:",
    help: str | None = None,
    disabled: bool = False,
) -> None:
    """A button that saves a file; ``data`` may be a function that makes it when the reader asks. The page stays."""
    st.download_button(label, data, name, kind, key, help, "ignore", icon=icon, disabled=disabled)


def offer_weights(record: Checkpoint, **options: Any) -> bool:
    """Offer weights that fit this server and are not here; whether the reader has asked for them and they have come."""
    try:
        check_memory(record)
    except ValueError as error:
        st.caption(plain(f"Too large for this server: {error}"))
        return False
    label = f"Download {record.size_mb:,.0f} MB"
    if record.is_here or not st.button(label, icon=":material/download:", type="primary", **options):
        return False
    bar = st.progress(0.0, text=f"Downloading {plain(record.name)}")
    try:
        load(record.name, on_progress=partial(show_bytes, bar, 0))
    except (OSError, ValueError) as error:
        state.report(f"No weights for {record.name}: {error}")
        st.rerun()
    return True


def show_bytes(bar: Any, digits: int, done: int, total: int | None) -> None:
    """Move a bar to the bytes that have arrived, in megabytes with so many digits after the point."""
    share, of = (min(done / total, 1.0), f" of {total / 1e6:,.{digits}f}") if total else (0.0, "")
    bar.progress(share, text=f"{done / 1e6:,.{digits}f}{of} MB")
