"""The diagnosis names the mistake that was made, and says nothing of models that are right or wrong elsewhere."""

import importlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from explainer.break_it.bugs import BUGS
from explainer.shapes import MISTAKES, Diagnosis, diagnose, ledger
from explainer.shapes.diagnosis import mistakes
from explainer.shapes.diagnosis.report import UNTOLD, diagnosis_html, diagnosis_text
from explainer.shapes.rendering.text_table import as_text
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


def parts_of(mistake: mistakes.Mistake, findings: str) -> dict[str, bool]:
    """What a mistake needs to be complete, and whether it is there; ``findings`` is the code of the rules."""
    return {
        "a rule in its record in explainer/shapes/diagnosis/mistakes.py": bool(mistake.rules),
        "a Finding with its cause in explainer/shapes/diagnosis": f'"{mistake.cause}"' in findings,
        "three broken models in tests/mistaken_models.py": len(models.BROKEN.get(mistake.cause, ())) >= 3,
        "an exercise in the lab": any(bug.cause == mistake.cause for bug in BUGS.values()),
    }


def missing_parts(registry: tuple[mistakes.Mistake, ...]) -> list[str]:
    folder = Path(mistakes.__file__).parent
    rules = [path for path in folder.glob("*.py") if path.name != "mistakes.py"]
    findings = "".join(path.read_text(encoding="utf-8") for path in rules)
    return [
        f"{mistake.cause} lacks {part}"
        for mistake in registry
        for part, is_there in parts_of(mistake, findings).items()
        if not is_there
    ]


def test_every_mistake_has_all_its_parts() -> None:
    """CONTRIBUTING.md, "Add a mistake"."""
    missing = missing_parts(mistakes._REGISTRY)
    assert not missing, "\n".join(missing)
    assert set(models.BROKEN) == set(MISTAKES)
    assert len(models.SOUND) + len(models.ELSEWHERE) >= 50


def test_a_part_that_is_missing_is_named() -> None:
    missing = missing_parts((mistakes.Mistake("thrown-away", "Something was thrown away", ()),))
    assert [line.partition(" lacks ")[0] for line in missing] == ["thrown-away"] * 4


def test_a_rule_that_explains_more_is_asked_first() -> None:
    names = [{rule.__name__ for rule in rules} for rules in mistakes.rules_in_order()]
    assert names[0] == {"missing_batch", "channels_last", "rgba"} and {"head", "axes"} in names
    ranks = [[rank for rank, rule in mistake.rules] for mistake in mistakes._REGISTRY]
    assert len(names) == len({rank for each in ranks for rank in each})


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


# Attention over the batch, or over the heads: the code, and the line of it that the repair is about.
ATTENTION_ELSEWHERE = {
    "over the batch, batch_first forgotten": """\
        self.attend = nn.MultiheadAttention(24, 3)
    def mix(self, x):
        return self.attend(x, x, x)[0]
""",
    "over the batch, exchanged though batch_first is set": """\
        self.attend = nn.MultiheadAttention(24, 3, batch_first=True)
    def mix(self, x):
        x = x.transpose(0, 1)
        return self.attend(x, x, x)[0].transpose(0, 1)
""",
    "over the batch, in layers of torch": """\
        self.attend = nn.TransformerEncoderLayer(24, 3, dim_feedforward=32)
    def mix(self, x):
        return self.attend(x)
""",
    "over the batch, written out": """\
        self.qkv = nn.Linear(24, 72)
    def mix(self, x):
        q, k, v = self.qkv(x.transpose(0, 1)).chunk(3, dim=-1)
        a = (q @ k.transpose(-2, -1) / 24**0.5).softmax(-1)
        return (a @ v).transpose(0, 1)
""",
    "over the batch, fused": """\
        self.qkv = nn.Linear(24, 72)
    def mix(self, x):
        q, k, v = self.qkv(x.transpose(0, 1)).chunk(3, dim=-1)
        return nn.functional.scaled_dot_product_attention(q, k, v).transpose(0, 1)
""",
    "over the heads, written out": """\
        self.qkv = nn.Linear(24, 72)
    def mix(self, x):
        q, k, v = self.qkv(x).unflatten(-1, (3, 4, 6)).unbind(2)
        a = (q @ k.transpose(-2, -1) / 6**0.5).softmax(-1)
        return (a @ v).flatten(2)
""",
}
AROUND = """\
from torch import nn
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 24, 8, 8)
        self.head = nn.Linear(24, 5)
{}    def forward(self, pictures):
        x = self.patches(pictures).flatten(2).transpose(1, 2)
        return self.head((x + self.mix(x)).mean(1))
"""


def repaired(source: str, fix: str) -> str:
    """The code as somebody repairs it who does what is written, no more."""
    if fix.startswith("nn."):
        kind, _, arguments = fix.partition("(")
        given = re.search(re.escape(kind) + r"\((\d+, \d+)(.*)\)\n", source)
        assert given is not None and arguments.startswith(given[1])
        kept = given[2].replace(", batch_first=True", "")
        return source.replace(given[0], f"{kind}({given[1]}{kept}, {arguments.rpartition(', ')[2]}\n")
    line, _, rest = fix.partition("  # before they are multiplied; and ")
    assert line.startswith("q, k, v = ") and rest.endswith(" of the weighted sum")
    back = rest.removesuffix(" of the weighted sum")
    put_in = re.sub(r"^(        )(?=a = |return nn\.functional)", rf"\1{line}\n\1", source, flags=re.MULTILINE)
    return re.sub(r"\(a @ v\)|(?<=return )nn\.functional\.\w+\(q, k, v\)", lambda found: found[0] + back, put_in)


@pytest.mark.parametrize("name", ATTENTION_ELSEWHERE)
def test_a_repair_of_attention_repairs_when_it_is_followed_to_the_letter(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pictures then do not see each other, and tokens do: by numbers."""
    pictures = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))

    def built(source: str, file: str) -> nn.Module:
        (tmp_path / f"{file}.py").write_text(source, encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        torch.manual_seed(0)
        return importlib.import_module(file).Model().eval()

    def sees_other_pictures(model: nn.Module) -> bool:
        with torch.no_grad():  # 1e-5: the sums of a batch are taken in another order
            return not torch.allclose(model(pictures)[:1], model(pictures[:1]), atol=1e-5)

    source = AROUND.format(ATTENTION_ELSEWHERE[name])
    word = re.sub(r"\W", "_", name)
    broken = built(source, f"broken_{word}")
    assert sees_other_pictures(broken) == ("batch" in name)
    found = diagnose(ledger(broken, pictures))
    assert (
        found is not None
        and found.is_tried
        and found.cause == ("batch-first" if "batch" in name else "missing-permute")
    )
    mended = built(repaired(source, found.fix), f"mended_{word}")
    assert mended(pictures).shape == (3, 5)
    assert not sees_other_pictures(mended)
    assert diagnose(ledger(mended, pictures)) is None
    with torch.no_grad():  # another patch at the far corner moves what attention makes of the first
        tokens = mended.patches(pictures).flatten(2).transpose(1, 2)
        other = tokens.clone()
        other[:, -1] += 1
        assert (mended.mix(tokens) - mended.mix(other))[:, 0].abs().max() > 1e-4


def test_a_repair_that_does_not_work_is_not_said() -> None:
    """Here what follows needs attention to come as it does: no order of axes alone makes the model right."""

    class Stubborn(models.Course):
        def encode(self, x: Tensor) -> Tensor:
            y = self.msa(x, x, x)[0]
            if self.msa.batch_first:
                raise ValueError("the first axis must be the tokens")
            return x + y

    found = diagnose(ledger(Stubborn(batch_first=False), models.PICTURES))
    assert found is not None and found.cause == "batch-first" and found.fix == ""
    said = diagnosis_text(ledger(Stubborn(batch_first=False), models.PICTURES), found)
    assert "Repair:   none: no repair" in said and "batch_first=" not in said


def test_what_was_not_run_is_not_called_a_repair() -> None:
    heads = course((2, 3, 32, 32), dim=48, heads=7)
    assert not heads.is_tried
    made = ledger(lambda: models.Course(dim=48, heads=7), (2, 3, 32, 32), device="meta")
    assert "To try:   num_heads = " in diagnosis_text(made, heads) and "Repair" not in diagnosis_text(made, heads)
    assert "<dt>To try</dt>" in diagnosis_html(made, heads)


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
    said = f"{as_text(made)}{diagnosis_text(made, diagnose(made))}"
    assert "2 × 48 × 8 × 8" in said  # what ran
    assert re.search(r"^ *> +\d+ +return x \+ self\.pos$", said, re.M)  # the line, between its neighbours
    assert re.search(r"^ +\d+ +def place", said, re.M)
    assert made.failure is not None
    assert made.failure.message in said
    assert MISTAKES["positions-of-another-resolution"] in said
    html = diagnosis_html(made, diagnose(made))
    assert 'data-cause="positions-of-another-resolution"' in html

    make, shape = next((make, shape) for name, make, shape in models.ELSEWHERE if name == "mlp typo")
    made = ledger(make, shape)
    assert UNTOLD in diagnosis_text(made, None)
    assert UNTOLD in diagnosis_html(made, None)
