"""The diagnosis names the mistake that was made, and says nothing of models that are right or wrong elsewhere."""

import re
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import nn

from explainer.shapes import MISTAKES, Diagnosis, diagnose, ledger, mistakes
from explainer.shapes.report import UNTOLD, report_html, report_text
from tests import coincidental_models as coincidences
from tests import mistaken_models as models

EVERY = [(cause, *entry) for cause, entries in models.BROKEN.items() for entry in entries] + coincidences.BROKEN
SOUND, ELSEWHERE = models.SOUND + coincidences.SOUND, models.ELSEWHERE + coincidences.ELSEWHERE


@pytest.fixture(autouse=True)
def strict() -> Iterator[None]:
    """A rule that stumbles over a model fails its test, instead of keeping silent."""
    mistakes.STRICT = True
    yield
    mistakes.STRICT = False


def test_every_mistake_is_made_in_three_spellings_and_more() -> None:
    assert set(models.BROKEN) == set(MISTAKES)
    assert min(map(len, models.BROKEN.values())) >= 3
    assert len(models.SOUND) + len(models.ELSEWHERE) >= 50


@pytest.mark.parametrize(("cause", "name", "make", "shape"), EVERY, ids=[f"{each[0]}: {each[1]}" for each in EVERY])
def test_the_mistake_is_named(cause: str, name: str, make: Callable[[], nn.Module], shape: tuple[int, ...]) -> None:
    diagnosis = diagnose(ledger(make, shape))
    assert diagnosis is not None
    assert diagnosis.cause == cause
    assert re.search(r"\d", diagnosis.found)  # the sizes of this model
    assert diagnosis.expected
    assert diagnosis.fix
    assert "\n" not in diagnosis.fix


@pytest.mark.parametrize(
    ("name", "make", "shape"),
    SOUND + ELSEWHERE,
    ids=[each[0] for each in SOUND + ELSEWHERE],
)
def test_nothing_is_said_of_other_models(name: str, make: Callable[[], nn.Module], shape: tuple[int, ...]) -> None:
    made = ledger(make, shape)
    assert (made.failure is None) == (name in {entry[0] for entry in SOUND})
    assert diagnose(made) is None


def course(shape: tuple[int, ...], **sizes: int) -> Diagnosis:
    diagnosis = diagnose(ledger(lambda: models.Course(**sizes), shape, device="meta"))
    assert diagnosis is not None
    return diagnosis


def test_the_numbers_are_those_of_the_model() -> None:
    left = course((1, 3, 225, 225), image=224, patch=16)
    assert "225 = 14 x 16 + 1" in left.found
    assert "1 pixel is left over" in left.found
    assert "224 x 224" in left.expected

    other = course((2, 3, 384, 384), image=224, patch=16)
    assert "197 = 14 x 14 + 1" in other.found
    assert "224 x 224" in other.found
    assert "577 = 24 x 24 + 1" in other.found

    heads = course((2, 3, 32, 32), dim=48, heads=7)
    assert "48 = 7 x 6 + 6" in heads.found
    assert "6 (of 8)" in heads.expected
    assert "8 (of 6)" in heads.expected


def test_the_fix_is_the_users_line_repaired() -> None:
    by_name = {name: (make, shape) for _, name, make, shape in EVERY}

    def fix(name: str) -> str:
        diagnosis = diagnose(ledger(*by_name[name]))
        assert diagnosis is not None
        assert diagnosis.line is not None
        assert diagnosis.line.path == models.__file__
        return diagnosis.fix

    assert "self.conv(x).flatten(2).transpose(1, 2)" in fix("conv_alone")
    assert "torch.cat((self.cls.expand(x.shape[0], -1, -1), x), dim=1)" in fix("token_of_one")
    assert "self.head(x[:, 0])" in fix("head_on_the_sequence")
    assert "self.head(x[:, 0])" in fix("head_on_everything_flat")
    assert "(q @ k.transpose(-2, -1)) * 0.3" in fix("keys_not_transposed")


def test_a_wrong_output_is_explained_from_what_was_expected() -> None:
    make = dict((entry[0], entry[1]) for entry in models.BROKEN["head-reads-all-tokens"])["head_without_a_mean"]
    made = ledger(make, models.PICTURES)
    diagnosis = diagnose(made, expected_output=(2, 7))
    assert diagnosis is not None
    assert diagnosis.cause == "head-reads-all-tokens"
    assert diagnose(made, expected_output=(2, 64, 7)) is None
    assert diagnose(made, expected_output=(2, 9)) is None  # no repair gives nine classes


def test_the_model_is_left_as_it_was() -> None:
    model = models.Course()
    before = {name: (id(tensor), tensor._version) for name, tensor in model.state_dict(keep_vars=True).items()}
    diagnose(ledger(model, (2, 3, 64, 64)))
    assert before == {name: (id(tensor), tensor._version) for name, tensor in model.state_dict(keep_vars=True).items()}
    assert model(torch.zeros(models.PICTURES)).shape == (2, 3)


def test_a_report_shows_what_ran_where_it_broke_and_why() -> None:
    make, shape = next((make, shape) for _, name, make, shape in EVERY if name == "course_of_64")
    made = ledger(make, shape)
    said = report_text(made, diagnose(made))
    assert "[2, 48, 8, 8]" in said  # what ran
    assert re.search(r"^> +\d+ +return x \+ self\.pos$", said, re.M)  # the line, between its neighbours
    assert re.search(r"^ +\d+ +def place", said, re.M)
    assert made.failure is not None
    assert made.failure.message in said
    assert MISTAKES["positions-of-another-resolution"] in said
    html = report_html(made, diagnose(made))
    assert 'data-cause="positions-of-another-resolution"' in html

    make, shape = next((make, shape) for name, make, shape in models.ELSEWHERE if name == "mlp typo")
    made = ledger(make, shape)
    assert UNTOLD in report_text(made, None)
    assert UNTOLD in report_html(made, None)
