"""Any weights file: its family, its faults, opened here, and the same under other names."""

import streamlit as st

from explainer.app.blocks import show_head, show_neighbours, show_section
from explainer.app.doctor.choice import choose_file
from explainer.app.doctor.names import show_names
from explainer.app.doctor.open import show_open
from explainer.app.doctor.report import choose_heads, choose_part, examined
from explainer.app.session import current
from explainer.doctor import html as doctor_html
from explainer.lessons import TOOLS

lesson, session = TOOLS["doctor"], current()
show_head(lesson)
show_section(lesson, "file")
path = choose_file()
if path is not None:
    examination = examined(path)
    show_section(lesson, "report")
    st.html(doctor_html.verdict_html(examination))
    choose_part(path, examination)
    if examination.sizes:
        show_section(lesson, "sizes")
        st.html(doctor_html.sizes_html(examination))
    if examination.heads:
        show_section(lesson, "heads")
        choose_heads(path, examination)
    if examination.expectations:
        show_section(lesson, "unsaid")
        st.html(doctor_html.expectations_html(examination))
    if examination.tensors:
        show_section(lesson, "findings")
        st.html(doctor_html.findings_html(examination))
        with st.expander(f"All {len(examination.tensors):,} tensors"):
            st.html(doctor_html.tensors_html(examination))
    show_section(lesson, "open")
    show_open(path, examination)
show_section(lesson, "names")
show_names(session)
show_neighbours(lesson)
