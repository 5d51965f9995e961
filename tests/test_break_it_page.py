"""The page Break it in Streamlit's harness: one bug from the choice to the repair, and what a link carries."""

import pytest
from streamlit.testing.v1 import AppTest

from explainer.break_it.bugs import BUGS
from explainer.break_it.progress import NEVER
from explainer.break_it.runs import run
from explainer.break_it.sizes import Sizes
from explainer.texts import text

FRAME = "../pages/frame.py"


pytestmark = pytest.mark.usefixtures("own_folders")


def app(**query: str) -> AppTest:
    at = AppTest.from_file(FRAME, default_timeout=120)
    for name, value in query.items():
        at.query_params[name] = value
    at.run()
    at.switch_page("break_it.py").run()
    assert not at.exception, [element.message for element in at.exception]
    return at


def html(at: AppTest) -> str:
    return "\n".join(element.proto.body for element in at.get("html"))


def parameter(at: AppTest, name: str) -> str:
    found = at.query_params.get(name, "")
    return found[0] if isinstance(found, list) else found


def predict(at: AppTest, bug: str, shape: str) -> None:
    at.selectbox(key=f"lab_guess_{bug}").set_value(shape).run()
    at.button(key="lab_run").click().run()
    assert not at.exception


def mend(at: AppTest, bug: str, index: int) -> None:
    at.radio(key=f"lab_repair_{bug}").set_value(index).run()
    at.button(key="lab_try").click().run()
    assert not at.exception


def right_repair(bug: str, sizes: Sizes) -> int:
    return next(index for index, edits in enumerate(BUGS[bug].repairs) if run(sizes, edits).is_sound(sizes))


def test_one_bug_from_the_choice_to_the_repair() -> None:
    at = app(bug="transpose")
    assert at.title[0].value == "Break it"
    shown = {element.value for element in at.header}
    titles = text("break_it").titles
    assert {titles[slug] for slug in ("choose", "change", "predict")} <= shown
    assert titles["run"] not in shown and titles["repair"] not in shown  # nothing is told before it is predicted
    assert "vit-removed" in html(at) and "vit-added" in html(at)
    assert at.button(key="lab_run").disabled

    predict(at, "transpose", "[2, 16, 48]")
    assert "✗ The right answer is: [2, 48, 16]" in html(at)
    assert "RuntimeError" in html(at) and "Expected size 48 but got size 16" in html(at)
    assert parameter(at, "solved") == "001000000000000"
    assert set(titles.values()) <= {element.value for element in at.header}

    for hint in BUGS["transpose"].hints:
        at.button(key="lab_hint").click().run()
        assert any(Sizes().fill(hint) in element.value for element in at.markdown)
    assert at.button(key="lab_hint").disabled

    mend(at, "transpose", 0)
    assert "✗ Logits [2, 10], but other numbers" in html(at)
    assert parameter(at, "solved") == "001000000000000"
    mend(at, "transpose", 2)
    assert "✗ It still breaks" in html(at)
    mend(at, "transpose", right_repair("transpose", Sizes()))
    assert "✓ Fixed: logits [2, 10]" in html(at)
    assert parameter(at, "solved") == "004000000000000"
    assert "<b>1</b> of 15 fixed, <b>0</b> of 1 predictions right" in html(at)

    at.button(key="lab_on").click().run()
    assert parameter(at, "bug") == "batch" and 'class="vit-proof ' not in html(at)


@pytest.mark.parametrize("bug", BUGS)
def test_every_bug_can_be_run_and_mended(bug: str) -> None:
    at = app(bug=bug, lab_sizes="24-4-40-5-3")
    predict(at, bug, NEVER)
    assert ("✓ Right: it is never made" in html(at)) == (bug in ("class-token", "heads", "join"))
    mend(at, bug, right_repair(bug, Sizes(24, 4, 40, 5, 3)))
    assert "✓ Fixed: logits [3, 10]" in html(at)


def test_a_silent_bug_shows_the_wrong_axis() -> None:
    at = app(bug="batch-first")
    predict(at, "batch-first", "[17, 4, 2, 2]")
    assert "✓ Right: [17, 4, 2, 2]" in html(at)
    assert "No error: the logits have the shape <b>[2, 10]</b>" in html(at)
    assert "<del>17</del>→<ins>2</ins>" in html(at)


def test_who_does_not_know_may_say_so() -> None:
    at = app()
    predict(at, "patch-size", "I do not know")
    assert "✗ The right answer is: [2, 48, 4, 4]" in html(at)
    assert "<b>0</b> of 1 predictions right" in html(at)


def test_sizes_fit_each_other_and_are_in_the_link() -> None:
    at = app(bug="heads")
    at.selectbox(key="lab_image_size").set_value(24).run()
    at.selectbox(key="lab_hidden_size").set_value(40).run()
    at.selectbox(key="lab_batch").set_value(6).run()
    assert not at.exception
    assert parameter(at, "lab_sizes") == "24-8-40-4-6"
    at.selectbox(key="lab_hidden_size").set_value(72).run()
    at.selectbox(key="lab_num_heads").set_value(6).run()
    at.selectbox(key="lab_hidden_size").set_value(40).run()
    assert parameter(at, "lab_sizes") == "24-8-40-5-6"  # 6 does not divide 40
    assert "NUM_HEADS = 5" in html(at).replace("</span>", "")


def test_other_sizes_ask_again() -> None:
    at = app(bug="flatten")
    predict(at, "flatten", "[2, 4, 48, 4]")
    assert "✓ Right" in html(at)
    at.selectbox(key="lab_batch").set_value(3).run()
    assert "✓ Right" not in html(at)
    predict(at, "flatten", "[3, 16, 48]")
    assert "✗ The right answer is: [3, 4, 48, 4]" in html(at)
    assert "<b>1</b> of 1 predictions right" in html(at)  # the first one counts


def test_a_link_brings_progress_and_it_can_be_forgotten() -> None:
    at = app(bug="opacity", solved="500000000030000")
    assert "<b>2</b> of 15 fixed, <b>1</b> of 1 predictions right" in html(at)
    at.button(key="lab_reset").click().run()
    assert "<b>0</b> of 15 fixed, <b>0</b> of 0 predictions right" in html(at)
    assert parameter(at, "solved") == "" and parameter(at, "bug") == "opacity"


def test_a_link_that_makes_no_sense_is_said() -> None:
    at = app(bug="nothing", lab_sizes="32-7-48-4-2", solved="9")
    said = [element.value for element in at.warning]
    assert len(said) == 3 and all(part in " ".join(said) for part in ("'nothing'", "'32-7-48-4-2'", "'9'"))
    assert parameter(at, "bug") == "" and parameter(at, "solved") == ""


def test_next_and_previous_go_through_all() -> None:
    at = app()
    assert at.button(key="lab_previous").disabled
    for name in list(BUGS)[1:]:
        at.button(key="lab_next").click().run()
        assert parameter(at, "bug") == name
    assert at.button(key="lab_next").disabled
