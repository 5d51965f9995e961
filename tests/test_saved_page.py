"""Every page of the story becomes a file with all that it shows, and nothing is kept or built for that before."""

import gc

import pytest
from streamlit.testing.v1 import AppTest

from explainer.app import saved_page
from explainer.app.steps.route import open_moment
from explainer.app.steps.saving import page_file
from explainer.packing import unpack
from explainer.steps.forward_pass import STEPS
from explainer.texts import text
from tests.test_html_export import Read, view

pytestmark = pytest.mark.usefixtures("own_folders")


@pytest.mark.parametrize("page", STEPS)
def test_the_file_of_a_page_of_steps_holds_what_it_shows(page: str) -> None:
    html = page_file(page, open_moment(page, {"layer": "2", "head": "3"}), "http://localhost:8501/attention?layer=2")
    read = Read(html)
    views = [unpack(raw, lambda name: bytes(3 * 10**6)) for attributes, raw in read.data() if "id" not in attributes]
    steps = STEPS[page]
    assert len(views) == sum(picture is not None for step in steps for picture in (step.picture, step.result))
    assert [step.slug for step in steps if text(page).titles[step.slug] not in read.words] == []
    assert html.count('class="vit-proof vit-proof-holds"') == (2 if page == "compare" else 1) * sum(
        len(step.claims) for step in steps
    )
    assert html.count("data-link=") > len(steps)  # what is about one tensor lights up in the file, too
    assert len(html) < 3e6  # a few megabytes at most


def test_a_picture_that_the_server_has_put_away_is_missed_in_words() -> None:
    def script() -> None:
        from explainer.app import saved_page
        from explainer.export.saved_parts import Heading
        from tests.test_html_export import view

        saved_page.begin()
        saved_page.note(Heading("Here"))
        saved_page.note(view())  # nobody else keeps it

    shown = AppTest.from_function(script).run()
    gc.collect()
    notes = tuple(shown.session_state[saved_page._NOTES])
    html = saved_page._file(saved_page.SavedPage("A page", ()), notes)
    assert "Here" in html and "no longer had this figure" in html and 'class="picture"' not in html
    kept = view()
    assert 'class="picture"' in saved_page._file(saved_page.SavedPage("A page", ()), (saved_page.ref(kept),))
