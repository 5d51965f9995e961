"""Every page of steps becomes a file with all that it shows."""

import pytest

from explainer.app.steps.route import open_moment
from explainer.app.steps.saving import page_file
from explainer.packing import unpack
from explainer.steps.forward_pass import STEPS
from explainer.texts import text
from tests.test_html_export import Read

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
