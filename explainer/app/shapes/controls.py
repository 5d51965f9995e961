"""The controls of the Shapes page: the model to begin with, every size of it, and the model to compare with."""

from typing import Any

import streamlit as st

from explainer.app.foreign import plain
from explainer.app.shapes import choice
from explainer.shapes.catalogue import BATCH, CATALOGUE, FIELDS, Setting
from vit_core import ViTConfig

# The values that a slider stops at; what the model has is always among them.
STOPS: dict[str, tuple[int, ...]] = {
    "image_size": (32, 48, 64, 96, 112, 128, 160, 192, 224, 256, 288, 320, 384, 448, 512, 518, 640, 768, 1024),
    "patch_size": (2, 4, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 48, 56, 64),
    "hidden_size": (64, 128, 192, 256, 384, 512, 768, 1024, 1280, 1408, 1664, 2048, 3072, 4096, 6144, 8192),
    "num_heads": (1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64),
    "num_layers": (1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64),
    "mlp_size": (128, 256, 512, 768, 1024, 1536, 2048, 3072, 4096, 5120, 6144, 8192, 12288, 16384, 24576, 32768),
    BATCH: (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096),
    "num_classes": (2, 3, 10, 37, 100, 102, 200, 365, 1000, 10000, 21843),
}
SLIDERS, NUMBERS = "Sliders", "Exact numbers"
_TITLES = {choice.BEFORE: "the setting before", choice.NOTHING: "nothing"}


def show_start(checkpoint: str) -> None:
    """The model to begin with, the way back, and the start again."""
    setting, past = choice.current(), choice.steps.now
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _sync("shapes_start", setting.start)
        st.selectbox(
            "Begin with",
            [choice.CHECKPOINT, *CATALOGUE],
            key="shapes_start",
            width=300,
            on_change=_take_start,
            format_func=lambda name: CATALOGUE[name].title if name in CATALOGUE else f"sidebar: {checkpoint}",
        )
        for label, icon, action, is_possible in (
            ("Undo", ":material/undo:", choice.steps.undo, bool(past.past)),
            ("Redo", ":material/redo:", choice.steps.redo, bool(past.future)),
            ("Reset", ":material/restart_alt:", _reset, bool(setting.changes)),
        ):
            st.button(label, icon=icon, key=f"shapes_{label.lower()}", on_click=action, disabled=not is_possible)
    if setting.start in CATALOGUE:
        st.caption(plain(f"Sizes of {setting.start}: {CATALOGUE[setting.start].source}."))


def show_sizes(start: ViTConfig) -> None:
    """A slider or a number for every size."""
    setting = choice.current()
    kind = st.segmented_control(
        "Set the sizes with",
        [SLIDERS, NUMBERS],
        default=SLIDERS,
        required=True,
        key="shapes_kind",
        label_visibility="collapsed",
    )
    with st.container(key="shapes_sizes"):
        for names in (list(STOPS)[:4], list(STOPS)[4:]):
            for column, name in zip(st.columns(4, gap="medium"), names, strict=True):
                with column:
                    (_number if kind == NUMBERS else _slider)(name, setting, start)


def show_baseline(text: str) -> None:
    """The choice of a model to compare the ledger with; ``text`` is the setting shown."""
    now = choice.against()
    options = [choice.BEFORE, choice.NOTHING, *([] if now in _TITLES or now in CATALOGUE else [now]), *CATALOGUE]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _sync("shapes_against", now)
        st.selectbox(
            "Show what has moved since",
            options,
            key="shapes_against",
            on_change=_take_against,
            width=300,
            format_func=_title,
        )
        hint = "From now on, differences are relative to the current sizes."
        if st.button(
            "Remember this", icon=":material/push_pin:", key="shapes_remember", disabled=now == text, help=hint
        ):
            choice.compare_with(text)
            st.rerun()


def _title(name: str) -> str:
    return _TITLES.get(name) or (CATALOGUE[name].title if name in CATALOGUE else Setting.parse(name).words)


def _slider(name: str, setting: Setting, start: ViTConfig) -> None:
    key, value = f"shapes_slider_{name}", setting.value(start, name)
    _sync(key, value)
    st.select_slider(
        _label(name, setting),
        sorted({*STOPS[name], value}),
        key=key,
        on_change=_take,
        args=(name, key, start),
        format_func=lambda number: f"{number:,}" if number >= 10_000 else f"{number:d}",
    )


def _number(name: str, setting: Setting, start: ViTConfig) -> None:
    """The range is next to the name: the field itself refuses anything outside it."""
    key, value = f"shapes_number_{name}", setting.value(start, name)
    low, high = min(FIELDS[name].low, value), max(FIELDS[name].high, value)
    _sync(key, value)
    st.number_input(
        f"{_label(name, setting)} :small[{FIELDS[name].low:,}–{high:,}]",
        low,
        high,
        step=1,
        key=key,
        on_change=_take,
        args=(name, key, start),
    )


def _label(name: str, setting: Setting) -> str:
    label = FIELDS[name].label
    return f":orange[**{label}**]" if name in setting.changes else label


def _take(name: str, key: str, start: ViTConfig) -> None:
    if (value := st.session_state[key]) is None:  # an emptied field
        return
    choice.choose(choice.current().with_(start, **{name: int(value)}))


def _take_start() -> None:
    choice.choose(Setting(st.session_state["shapes_start"]))


def _take_against() -> None:
    choice.compare_with(st.session_state["shapes_against"])


def _reset() -> None:
    choice.choose(Setting(choice.current().start))


def _sync(key: str, value: Any) -> None:
    """Make a control follow the setting, however that came about: moved, undone, or from a link."""
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value
