"""A page of Streamlit's elements, each with one text from outside at every place that is read as Markdown.

``nasty.json`` in the folder of the server holds the texts; ``?text=3`` shows the fourth in all elements.
"""

import json
from pathlib import Path

import numpy as np
import streamlit as st

from explainer.app.foreign import plain

texts = json.loads(Path("nasty.json").read_text(encoding="utf-8"))
if "text" not in st.query_params:
    for number, each in enumerate(texts):
        with st.container(key=f"each_{number}"):
            st.markdown(plain(each))
    st.stop()

text = plain(texts[int(st.query_params["text"])])


def show(name: str, draw: object, *arguments: object, **more: object) -> None:
    with st.container(key=f"box_{name}"):
        draw(*arguments, **more)  # type: ignore[operator]


for draw in (st.markdown, st.warning, st.info, st.error, st.success, st.caption, st.status, st.spinner):
    show(draw.__name__, draw, text)
for draw in (st.number_input, st.text_input, st.file_uploader, st.expander, st.popover, st.button, st.toggle):
    show(draw.__name__, draw, text)
for draw in (st.title, st.header, st.subheader):
    show(draw.__name__, draw, text, anchor=False)
for draw in (st.radio, st.pills, st.segmented_control, st.select_slider):
    show(draw.__name__, draw, text, ["a", "b"], format_func=lambda _: text)
show("captions", st.radio, "Captions", ["a", "b"], captions=[text, text])
show("selectbox", st.selectbox, text, ["a", "b"])
show("multiselect", st.multiselect, text, ["a", "b"])
show("slider", st.slider, text, 0, 10)
show("tabs", st.tabs, [text, "b"])
show("metric", st.metric, text, text, text)
show("progress", st.progress, 0.5, text=text)
show("table", st.table, {"a": [text], text: [1]})
show("download", st.download_button, text, b"", "empty.txt")
show("image", st.image, np.zeros((4, 4, 3), np.uint8), caption=text)
show("bold", st.markdown, f"**{text}** and text")
show("within", st.markdown, f"before{text}after")
show("list", st.warning, f"- {text}\n- {text}")
show("rows", st.markdown, f"| a | b |\n|---|---|\n| {text} | {text} |")
