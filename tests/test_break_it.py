"""The lab: every bug does what it is said to do, one repair mends it and the others do not, for all sizes to choose."""

import re
from itertools import cycle, product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from explainer.break_it.bugs import BUGS, Bug
from explainer.break_it.listing import changed_lines, function_around, listing, one_line
from explainer.break_it.progress import Progress, read_shape, shape_text
from explainer.break_it.runs import _compiled, _give_weights, answer, diagnosis, example, options, run, source_of
from explainer.break_it.sizes import BATCHES, HIDDEN, PATCHES, Sizes
from explainer.break_it.windows import ending, surroundings
from explainer.shapes import MISTAKES
from explainer.texts import text

SILENT = {"batch-first", "head"}  # nothing is raised
CLASSES = 10

# Every picture with every patch, every D, and every batch, if not each with each.
_grids = [(size, patch) for size, patches in PATCHES.items() for patch in patches]
_widths = [(hidden, heads) for hidden, options in HIDDEN.items() for heads in options]
COVERING = [
    Sizes(*grid, *width, batch) for grid, width, batch in zip(_grids, cycle(_widths[::2]), cycle(BATCHES), strict=False)
]
CHOSEN = (Sizes(), Sizes(24, 4, 40, 5, 3))
FEW = Sizes(32, 16, 48, 4, 3)  # four patches: a single token fits any positions
ALL = [Sizes(*grid, *width, batch) for grid, width, batch in product(_grids, _widths, BATCHES)]


def wrong_edits(bug: Bug, sizes: Sizes) -> list[int]:
    return [index for index, edits in enumerate(bug.repairs) if not run(sizes, edits).is_sound(sizes)]


def test_the_causes_are_the_twelve_of_the_diagnosis() -> None:
    assert {bug.cause for bug in BUGS.values()} - {None} == set(MISTAKES)
    assert len(BUGS) == 15 and "Fifteen mistakes" in text("break_it").sections["choose"]
    assert len(SILENT) == 2 and "Two of them raise no error" in text("break_it").sections["choose"]


@pytest.mark.parametrize("sizes", COVERING, ids=str)
def test_every_bug_breaks_and_one_repair_mends_it(sizes: Sizes) -> None:
    wanted = (sizes.batch, CLASSES)
    sound = run(sizes, ())
    assert sound.shape == wanted and sound.ledger.failure is None
    for bug in BUGS.values():
        outcome = run(sizes, bug.edits)
        if bug.name in SILENT:
            assert outcome.ledger.failure is None and not outcome.is_sound(sizes), bug.name
        else:
            assert outcome.ledger.failure is not None and outcome.logits is None, bug.name
        wrong = wrong_edits(bug, sizes)
        assert len(wrong) == len(bug.repairs) - 1, (bug.name, wrong)
        right = next(edits for index, edits in enumerate(bug.repairs) if index not in wrong)
        assert run(sizes, right).shape == wanted


@pytest.mark.parametrize("sizes", COVERING, ids=str)
def test_what_is_predicted_is_among_the_guesses(sizes: Sizes) -> None:
    for bug in BUGS.values():
        guesses = [read_shape(sizes.fill(guess)) for guess in bug.guesses]
        true = answer(sizes, bug)
        assert true is None or true in guesses, (bug.name, true)
        assert options(sizes, bug) == sorted(set(guesses), key=lambda shape: (len(shape), shape))
    assert {bug.name for bug in BUGS.values() if answer(sizes, bug) is None} == {"class-token", "heads", "join"}


def test_the_first_repair_is_not_always_the_right_one() -> None:
    right = [0 not in wrong_edits(bug, Sizes()) for bug in BUGS.values()]
    assert 0 < sum(right) < len(right) / 2


def test_sizes_that_can_be_chosen_let_no_bug_hide() -> None:
    """By arithmetic, for every combination."""
    for sizes in ALL:
        letters = sizes.letters
        assert letters["N"] != letters["D"] and letters["T"] not in (197, letters["D"])
        assert sizes.image_size % letters["odd_patch"] and sizes.hidden_size % letters["odd_heads"]
        assert letters["odd_area"] != letters["odd_grid"] ** 2
        assert letters["odd_width"] % letters["odd_heads"] == 0 and letters["odd_width"] != letters["D"]


@pytest.mark.parametrize("wrong", [(32, 7, 48, 4, 2), (32, 8, 48, 5, 2), (32, 8, 50, 5, 2), (32, 8, 48, 4, 1)])
def test_other_sizes_are_refused(wrong: tuple[int, int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="not among the sizes"):
        Sizes(*wrong)


@pytest.mark.parametrize("bug", BUGS)
def test_what_is_shown_is_what_runs(bug: str) -> None:
    """The text on the page, executed as it stands, does what the lab says that it does."""
    for sizes in CHOSEN:
        for edits in BUGS[bug].repairs:
            outcome = run(sizes, edits)
            names: dict[str, object] = {"__name__": "shown"}
            exec(compile(source_of(sizes, edits), "shown.py", "exec"), names)
            try:
                with torch.no_grad():
                    model = names["Classifier"]()  # type: ignore[operator]
                    _give_weights(model)
                    logits = model(example(sizes))
            except Exception as error:
                assert outcome.ledger.failure is not None
                assert type(error).__name__ == outcome.ledger.failure.error
                assert outcome.ledger.failure.message == str(error)
            else:
                assert outcome.logits is not None and torch.equal(logits, outcome.logits)


def test_no_common_generator_is_touched() -> None:
    """Readers share a process with others who compute."""
    run.cache_clear()
    torch.manual_seed(3)
    wanted = torch.rand(1)
    torch.manual_seed(3)
    example(Sizes())
    source_of(Sizes())
    assert torch.equal(torch.rand(1), wanted)
    first = run(Sizes(), ()).logits
    run.cache_clear()
    torch.manual_seed(4)
    second = run(Sizes(), ()).logits
    assert first is not None and second is not None and torch.equal(first, second)


@pytest.mark.parametrize("sizes", (*CHOSEN, FEW), ids=str)
def test_no_diagnosis_is_wrong(sizes: Sizes) -> None:
    """Fourteen of the fifteen are found; of the typo the shapes do not tell which of two numbers was meant."""
    found = {bug.name: diagnosis(sizes, bug.edits) for bug in BUGS.values()}
    wrong = {name: each.cause for name, each in found.items() if each and each.cause != BUGS[name].cause}
    assert not wrong
    assert found["join"] is not None and "wrong axis" in found["join"].title  # not that a token is missing
    told = {name for name, each in found.items() if each}
    assert told == set(BUGS) - {"typo"}
    for name, line in {
        "class-token": "z = torch.cat([class_token.expand(patches.shape[0], -1, -1), patches], dim=1)",
        "join": "z = torch.cat([class_token, patches], dim=1)",
        "forgotten": "z = torch.cat((self.class_token.expand(z.shape[0], -1, -1), z), dim=1)",
    }.items():
        each = found[name]
        assert each is not None and each.fix == line  # in the names that the function has


@pytest.mark.parametrize("bug", BUGS)
def test_the_failing_line_is_one_of_the_shown_file(bug: str) -> None:
    sizes = Sizes()
    failure = run(sizes, BUGS[bug].edits).ledger.failure
    if bug in SILENT:
        assert failure is None
        return
    assert failure is not None and failure.line is not None
    shown = source_of(sizes, BUGS[bug].edits).splitlines()
    assert shown[failure.line.number - 1].strip() == failure.line.text


def test_a_change_that_is_not_in_the_file_is_refused() -> None:
    with pytest.raises(ValueError, match="stands 0 times"):
        source_of(Sizes(), (("nowhere", "else"),))
    with pytest.raises(ValueError, match="times in the model's file"):
        source_of(Sizes(), (("hidden_size", "else"),))


# Words


@pytest.mark.parametrize("bug", BUGS)
def test_hints_and_guesses_have_numbers(bug: str) -> None:
    for template in (*BUGS[bug].hints, *BUGS[bug].guesses):
        filled = Sizes().fill(template)
        assert "{" not in filled and "}" not in filled and len(filled) > 4


def test_products_are_filled_in() -> None:
    assert Sizes().fill("{B*T}, {2*D} of {S}") == "34, 96 of 32"


@pytest.mark.parametrize("bug", BUGS)
@pytest.mark.parametrize("sizes", CHOSEN, ids=str)
def test_a_listing_has_every_changed_line(bug: str, sizes: Sizes) -> None:
    before, after = source_of(sizes), source_of(sizes, BUGS[bug].edits)
    old, new = before.splitlines(), after.splitlines()
    lines = [line for place in changed_lines(before, after) for line in place]
    removed = [old[line.index] for line in lines if line.sign == "-"]
    added = [new[line.index] for line in lines if line.sign == "+"]
    rest = list(new)
    for line in added:
        rest.remove(line)
    left = list(old)
    for line in removed:
        left.remove(line)
    assert left == rest and removed and added and len(added) <= 2
    html = listing(before, after, "light")
    shown = re.sub("<[^>]*>", "", html).replace("&#x27;", "'").replace("&gt;", ">").replace("&quot;", '"')
    assert all(line.strip() in shown for line in removed + added)
    assert html.count("removed: ") == len(removed) and html.count("added: ") == len(added)
    assert one_line(before, after) == "  ".join(f"`{line.strip()}`" for line in added)


@pytest.mark.parametrize("bug", BUGS)
def test_the_place_of_a_prediction_is_marked_in_its_function(bug: str) -> None:
    code, line = function_around(source_of(Sizes(), BUGS[bug].edits), BUGS[bug].place)
    lines = code.source.splitlines()
    assert lines[0].startswith("def ") and lines[line].strip().startswith(BUGS[bug].place.line)
    assert source_of(Sizes(), BUGS[bug].edits).splitlines()[code.first + line - 1].strip() == lines[line].strip()


def test_ledgers_show_where_it_went_wrong() -> None:
    broken = ending(run(Sizes(), BUGS["transpose"].edits).ledger)
    assert "Here it breaks: cat" in broken and "Expected size 48 but got size 16" in broken
    assert '<span class="vit-ledger-it">' in broken
    wrong_axis = surroundings(
        run(Sizes(), BUGS["batch-first"].edits).ledger, run(Sizes(), ()).ledger, BUGS["batch-first"].place
    )
    assert "<del>17</del>→<ins>2</ins> × <del>17</del>→<ins>2</ins>" in wrong_axis
    assert "2 × 10" in ending(run(Sizes(), ()).ledger)


# What is typed, and what a link carries


@pytest.mark.parametrize(
    ("typed", "shape"),
    [
        ("2, 197, 192", (2, 197, 192)),
        ("[2, 197, 192]", (2, 197, 192)),
        ("(2,3)", (2, 3)),
        (" 2 × 3 x 4 ", (2, 3, 4)),
        ("7", (7,)),
        ("(2,)", (2,)),
    ],
)
def test_shapes_as_people_type_them(typed: str, shape: tuple[int, ...]) -> None:
    assert read_shape(typed) == shape


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "two",
        "2, ",
        "[2, 3",
        "2, 3)",
        "[2, 3)",
        "-1, 2",
        "2.0, 3",
        "2 3",
        "1e3",
        "__import__('os')",
        "２, 3",
        "1234567",
        "1,2,3,4,5,6,7,8,9",
        "2,,3",
        "2, 3]]",
    ],
)
def test_everything_else_is_refused(typed: str) -> None:
    if typed == "2, ":  # PyTorch's own way to write a tuple has a comma at its end
        assert read_shape(typed) == (2,)
        return
    with pytest.raises(ValueError, match="is no shape"):
        read_shape(typed)


@given(st.lists(st.integers(0, 999_999), min_size=1, max_size=8))
def test_what_is_shown_can_be_typed(sizes: list[int]) -> None:
    assert read_shape(shape_text(tuple(sizes))) == tuple(sizes)


@given(st.dictionaries(st.sampled_from(list(BUGS)), st.booleans()), st.frozensets(st.sampled_from(list(BUGS))))
def test_progress_comes_back_from_a_link(predicted: dict[str, bool], repaired: frozenset[str]) -> None:
    progress = Progress(predicted, repaired)
    again = Progress.parse(str(progress))
    assert dict(again.predicted) == predicted and again.repaired == repaired and again.right == progress.right


@pytest.mark.parametrize("link", ["6" * 15, "0" * 14, "0" * 16, "abc", "٠" * 15, "<script>"])
def test_other_progress_is_refused(link: str) -> None:
    with pytest.raises(ValueError, match="does not fit the 15 bugs"):
        Progress.parse(link)


def test_only_the_first_prediction_counts() -> None:
    progress = Progress().with_prediction("heads", False).with_prediction("heads", True)
    assert progress.right == 0 and progress.predicted == {"heads": False}
    assert Progress.parse(str(progress.with_repair("heads"))).repaired == {"heads"}


def test_code_is_compiled_once_for_each_change_whatever_the_sizes() -> None:
    """A reader who tries all sizes must not fill the server's memory."""
    changes = {edits for bug in BUGS.values() for edits in (bug.edits, *bug.repairs)} | {()}
    for sizes in COVERING[:3]:
        run(sizes, BUGS["heads"].edits)
        run(sizes, BUGS["patch-size"].repairs[1])
    assert _compiled.cache_info().currsize <= len(changes)
