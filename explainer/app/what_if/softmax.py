"""The controls of the softmax: its temperature, and whether it divides by the root of D_h."""

import streamlit as st

from explainer.app.session import Session
from explainer.app.what_if.applying import apply, sync
from vit_core.interventions import Interventions
from vit_core.interventions.changes import Change
from vit_core.interventions.layers import Temperature

TEMPERATURES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


ALL_LAYERS = "all layers"


def softmax(session: Session, interventions: Interventions) -> None:
    """The temperature of one layer or of all, and the division by the root of D_h."""
    names = [ALL_LAYERS, *(f"layer {layer}" for layer in range(1, session.config.num_layers + 1))]
    where: str = st.selectbox("In", names, key="what_if_where", width=200) or ALL_LAYERS
    layer = None if where == ALL_LAYERS else int(where.removeprefix("layer "))
    change = _temperature(interventions, layer)
    value = 1.0 if change is None or change.value == "unscaled" else float(change.value)
    sync("what_if_temperature", value)
    st.select_slider(
        "Softmax temperature",
        sorted({*TEMPERATURES, value}),
        key="what_if_temperature",
        on_change=_take_temperature,
        args=(layer,),
        format_func=lambda temperature: f"{temperature:g}",
        disabled=change is not None and change.value == "unscaled",
        help="Scores are divided by it. Below 1 attention becomes sharper, above 1 flatter; 1 changes nothing.",
    )
    sync("what_if_unscaled", change is not None and change.value == "unscaled")
    st.toggle(
        rf"Without the division by $\sqrt{{D_h}} = \sqrt{{{session.config.head_size}}}$",
        key="what_if_unscaled",
        on_change=_take_unscaled,
        args=(layer,),
    )


def _temperature(interventions: Interventions, layer: int | None) -> Temperature | None:
    return next((change for change in interventions if isinstance(change, Temperature) and change.layer == layer), None)


def _take_temperature(layer: int | None) -> None:
    value = float(st.session_state["what_if_temperature"])
    _set_temperature(layer, None if value == 1 else Temperature(value, layer))


def _take_unscaled(layer: int | None) -> None:
    _set_temperature(layer, Temperature("unscaled", layer) if st.session_state["what_if_unscaled"] else None)


def _set_temperature(layer: int | None, change: Change | None) -> None:
    def make(changes: Interventions) -> Interventions:
        before = _temperature(changes, layer)
        if change is None:
            return changes if before is None else changes.without(before)
        return changes.with_(change)

    apply(make)
