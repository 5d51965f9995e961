"""What the documents point at is there, and what they show runs."""

import re
from pathlib import Path

import pytest

from vit_core import allowance

ROOT = Path(__file__).parents[1]
PATTERNS = ("*.md", "docs/*.md", "benchmarks/*.md", "assets/*/README.md")
DOCUMENTS = [path for pattern in PATTERNS for path in ROOT.glob(pattern)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", document.read_text(encoding="utf-8"))
    missing = [each for each in targets if "://" not in each and not (document.parent / each).exists()]
    assert missing == []


def test_the_readmes_example_predicts(capsys: pytest.CaptureFixture[str]) -> None:
    example = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    exec(example[1], {})
    shape, classes = capsys.readouterr().out.splitlines()
    assert shape == "torch.Size([4, 65, 64])"  # heads, tokens, head size of the embedded model
    assert len(re.findall(r"'[^']+'", classes)) == 5


def test_every_setting_is_written_down_with_its_default() -> None:
    written = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(VIT_EXPLAINER_\w+)` \| (.+?) \|", written, re.MULTILINE)
    limits = [each for each in vars(allowance).values() if isinstance(each, allowance.Limit)]
    assert len(limits) > 10
    for limit in limits:
        default = f"{limit.default:.0f}"
        expected = "two thirds of the machine's" if limit is allowance.TRAINING_MEMORY else default
        assert dict(rows)[limit.variable] == expected
    folders = (ROOT / name for name in ("vit_core", "explainer", "pages"))
    code = "".join(path.read_text(encoding="utf-8") for folder in folders for path in folder.rglob("*.py"))
    assert {name for name, _ in rows} == set(re.findall(r"VIT_EXPLAINER_[A-Z_]+", code))
