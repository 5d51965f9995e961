"""``python -m explainer shapes``: formats, own models, what makes no sense, and how it looks in a terminal."""

import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from explainer.__main__ import COMMANDS, main
from explainer.commands.shapes import _parser
from explainer.shapes import config_ledger
from explainer.shapes.entries.differences import differences
from explainer.shapes.rendering.text_table import _COLUMNS, as_text, painted
from tests import silent_models
from tests.conftest import randomised
from vit_core import VisionTransformer, ViTConfig, count_multiply_adds, count_parameters

ROOT = Path(__file__).parents[1]
SMALL = ViTConfig(image_size=32, patch_size=8, num_layers=3, hidden_size=64, mlp_size=96, num_heads=4, num_classes=5)

CODE = """\
import torch
from torch import nn


class MyModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 64, 16, 16)
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        tokens = self.patches(x)
        tokens = tokens.flatten(2)
        return self.head(tokens).mean(1)


class Repaired(MyModel):
    def forward(self, x):
        return self.head(self.patches(x).flatten(2).transpose(1, 2)).mean(1)


class Reads(Repaired):
    def forward(self, x):
        return super().forward(x) if x.sum().item() > -1 else x


class Silent(nn.Module):  # attends to the other pictures, not to the other patches
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 64, 16, 16)
        self.attend = nn.MultiheadAttention(64, 4)
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        return self.head((tokens + self.attend(tokens, tokens, tokens)[0]).mean(1))


class Mixed(Repaired):
    def forward(self, x):
        return super().forward(x.double())


class Misspelt(Repaired):
    def forward(self, x):
        return self.haed(x)


def make():
    return Repaired()


def refuses():
    raise OSError("no weights here")


model = Repaired()
number = 3
"""


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "my_model.py"
    file.write_text(CODE, encoding="utf-8")
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "my_model", raising=False)
    return file


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(["shapes", *arguments])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_text(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "B/16", "--image-size", "384")
    config = ViTConfig.named("B/16", image_size=384)
    assert (status, err) == (0, "")
    assert out.splitlines()[0] == "B/16,image_size=384: [1 × 3 × 384 × 384] → [1 × 1000]"
    assert "blocks.0–11 × 12" in out and "1 × 577 × 2304" in out and "B × k × N+1 × N+1" in out
    assert f"{count_parameters(config)['total']:,} parameters" in out
    assert f"{count_multiply_adds(config)['total']:,} multiply-adds" in out
    assert "\033" not in out  # nobody's terminal


def test_every_size_is_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    sizes = {
        "--image-size": 32,
        "--patch-size": 8,
        "--layers": 3,
        "--hidden-size": 64,
        "--mlp-size": 96,
        "--heads": 4,
        "--classes": 5,
    }
    words = [word for option, size in sizes.items() for word in (option, str(size))]
    status, out, _ = run(capsys, "B/16", *words, "--batch", "2", "--format", "json")
    content = json.loads(out)
    assert status == 0
    assert content["parameters"] == count_parameters(SMALL)["total"]
    assert str(ROOT) not in out  # a file from a server says nothing of the server
    assert content["outputs"][0]["sizes"] == [2, 5]


def test_csv_has_every_operation_of_every_block(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "B/32", "--layers", "2", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    ledger = config_ledger(ViTConfig.named("B/32", num_layers=2))
    assert len(rows) == len(ledger.operations)
    assert sum(int(row["parameters"]) for row in rows) == ledger.parameters
    assert sum(int(row["multiply_adds"]) for row in rows) == ledger.multiply_adds
    scores = next(row for row in rows if row["module"] == "blocks.1.attention" and row["operation"] == "softmax")
    assert (scores["shape"], scores["axes"], scores["equation"]) == ("1x12x50x50", "B × k × N+1 × N+1", "6")
    assert "scores.softmax(-1)" in scores["code"] and scores["file"] == "vit_core/model.py"


def test_against(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "B/16", "--against", "B/32")
    assert "50→197" in out and "Attention weights × 15.5" in out
    _, table, _ = run(capsys, "B/16", "--against", "B/32", "--format", "csv")
    moved = {row["operation"] for row in csv.DictReader(io.StringIO(table)) if row["moved"] == "yes"}
    assert "conv2d" in moved and "expand" not in moved


def test_html_into_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "shapes.html"
    status, out, _ = run(capsys, "Ti/16", "--format", "html", "--output", str(file))
    text = file.read_text(encoding="utf-8")
    assert (status, out) == (0, "")
    assert text.startswith("<!doctype html>") and "<details" in text
    assert "http" not in text and "<script" not in text  # complete in itself


def test_all_unfolds(capsys: pytest.CaptureFixture[str]) -> None:
    _, folded, _ = run(capsys, "B/16", "--layers", "3")
    _, unfolded, _ = run(capsys, "B/16", "--layers", "3", "--all")
    assert "blocks.2" not in folded and len(re.findall("^ *softmax ", folded, re.MULTILINE)) == 1
    assert unfolded.count("softmax blocks.") == 3


def test_a_weights_file_and_a_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.safetensors"
    save_file(randomised(VisionTransformer(SMALL)).state_dict(), file)
    status, out, _ = run(capsys, str(file), "--heads", "4", "--batch", "2", "--format", "json")
    assert status == 0
    assert json.loads(out)["parameters"] == count_parameters(SMALL)["total"]
    status, out, _ = run(capsys, "embedded", "--format", "json")
    assert status == 0 and json.loads(out)["parameters"] > 0


@pytest.mark.parametrize("name", ["Repaired", "make", "model"])
@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_your_own_model(name: str, device: str, code: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, f"{code}:{name}", "--input", "2,3,64,64", "--expect", "2,10", "--device", device)
    assert (status, err) == (0, "")
    assert "2 × 16 × 10" in out and "my_model.py:19" in out


def test_your_own_model_by_the_name_of_its_module(
    code: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(code.parent)
    status, out, _ = run(capsys, "my_model:Repaired", "--input", "1,3,32,32")
    assert status == 0 and "1 × 4 × 10" in out


def test_when_it_breaks_the_line_and_the_mistake_are_shown(code: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, f"{code}:MyModel", "--input", "1,3,224,224", "--expect", "1,10")
    assert status == 1
    assert re.search(r"conv2d patches\s.*1 × 64 × 14 × 14", out)  # what ran before stays on the screen
    assert "  >    14  return self.head(tokens).mean(1)" in out
    assert "       13  tokens = tokens.flatten(2)" in out
    assert "RuntimeError: " in out
    assert "Likely mistake: " in out and "flatten(2)" in out.partition("Likely mistake")[2]


def test_the_answer_is_in_every_format(code: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = (f"{code}:MyModel", "--input", "1,3,224,224", "--expect", "1,10", "--format")
    status, out, err = run(capsys, *arguments, "json")
    content = json.loads(out)
    assert status == 1 and "Likely mistake: " in err
    assert content["failure"]["line"]["number"] == 14 and content["diagnosis"]["cause"] == "missing-permute"
    _, page, _ = run(capsys, *arguments, "html")
    assert '<span class="vit-ledger-it"><i>14</i>return self.head(tokens).mean(1)' in page
    assert 'data-cause="missing-permute"' in page


def test_it_says_what_was_checked_and_that_the_meaning_was_not(
    tmp_path: Path, code: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = (f"{code}:Repaired", "--input", "2,3,64,64")
    status, out, _ = run(capsys, *arguments, "--expect", "2,10")
    end = " ".join(out.partition("Checked: ")[2].split())
    assert status == 0 and "the output is [2 × 10], as expected;" in end
    assert "Not checked: what the numbers mean." in end
    assert "[2 × 10] (no expected shape was given)" in " ".join(run(capsys, *arguments)[1].split())
    for kind in ("json", "csv", "html"):  # the answer is on the screen wherever the ledger goes
        file = tmp_path / f"shapes.{kind}"
        _, out, err = run(capsys, *arguments, "--format", kind, "--output", str(file))
        assert "Not checked: " in err and out == ""
        assert kind == "csv" or "LayerNorm keeps every shape" in file.read_text(encoding="utf-8")
    assert "Checked: " not in run(capsys, f"{code}:MyModel", "--input", "1,3,224,224")[1]
    assert "all is well" not in _parser().format_help()


@pytest.mark.parametrize("name", silent_models.WRONG)
def test_a_silently_wrong_model_is_not_called_right(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Its numbers are others, its shapes are those of the right model: no more than these is vouched for."""
    torch.manual_seed(0)
    right = silent_models.Right().eval()
    wrong = getattr(silent_models, name)().eval()
    wrong.load_state_dict(right.state_dict())
    pictures = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert (right(pictures) - wrong(pictures)).abs().max() > 1e-3  # rounding of so small a model is 1e-6
    status, out, _ = run(capsys, f"{silent_models.__name__}:{name}", "--input", "2,3,32,32", "--expect", "2,5")
    said = " ".join(out.split())
    assert status == 0 and "as expected" in said and "Not checked: what the numbers mean." in said
    assert ("Worth a look: softmax" in said) == ("Softmax" in name)


def test_another_shape_than_expected(code: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, f"{code}:Repaired", "--input", "2,3,64,64", "--expect", "2,11")
    assert status == 1 and "Expected [2 × 11], got [2 × 10]." in out


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Silent", "Likely mistake: Attention runs over the batch."),
        ("Mixed", "This is not a shape error: numbers of type float32 and float64 meet."),
        ("Misspelt", "This is not a shape error: the code itself raised it, not an operation of torch."),
    ],
)
def test_what_is_silent_and_what_is_no_error_of_shapes(
    name: str, says: str, code: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = run(capsys, f"{code}:{name}", "--input", "2,3,64,64")
    assert status == 1 and says in out


def test_the_weight_that_decides_the_number_of_classes(code: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, f"{code}:Repaired", "--input", "2x3x64x64", "--expect", "2,1000")
    assert status == 1
    assert "The last axis is 10 because head.weight is [10 × 64]: for 1000 it needs as many rows." in out


def test_what_needs_numbers_is_told_to_use_the_processor(code: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, f"{code}:Reads", "--input", "1,3,32,32")
    assert status == 1 and "try --device cpu" in out
    assert run(capsys, f"{code}:Reads", "--input", "1,3,32,32", "--device", "cpu")[0] == 0


def test_a_model_that_cannot_be_built(code: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, f"{code}:refuses", "--input", "1,3,32,32")
    assert status == 1 and "OSError: no weights here" in out and 'raise OSError("no weights here")' in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "the following arguments are required: model"),
        (["B/17"], "'B/17' is no size, checkpoint, file or code: sizes are Mini/8"),
        (["B/16", "--patch-size", "15"], "image_size 224 is not a multiple of patch_size 15: 224 = 14 x 15 + 14"),
        (["B/16", "--heads", "7"], "hidden_size 768 is not a multiple of num_heads 7"),
        (["B/16", "--heads", "x"], "argument --heads: expected a whole number, got 'x'"),
        (["B/16", "--layers", "100000"], "num_layers must be between 1 and 256, got 100,000"),
        (["B/16,depth=3"], "unknown size 'depth'"),
        (["B/16", "--against", "B/33"], "'B/33' is no size"),
        (["B/16", "--input", "1,3,224,224"], "--input is for your own code"),
        (["B/16", "--format", "pdf"], "invalid choice: 'pdf'"),
        (["nowhere.py:Model", "--input", "1,3"], "there is no file nowhere.py"),
        (["no_such_module_here:Model", "--input", "1,3"], "the module no_such_module_here cannot be imported"),
        (["my_model.py:MyModel"], "the shape of the input is missing: give it, for example --input 1,3,224,224"),
        (["my_model.py:Missing", "--input", "1,3"], "my_model has no 'Missing'; it has MyModel"),
        (["my_model.py:number", "--input", "1,3"], "number in my_model is a int: expected a model"),
        (["my_model.py:MyModel", "--input", "1,3,a"], "expected a whole number, got 'a'"),
        (["my_model.py:MyModel", "--input", "1,3", "--heads", "3"], "num_heads cannot be given for your own code"),
        (["broken.py:MyModel", "--input", "1,3"], "broken.py cannot be run: NameError: name 'nowhere' is not defined"),
        (["typo.py:MyModel", "--input", "1,3"], "typo.py cannot be run: invalid syntax in line 2"),
        (["notes.txt"], "notes.txt"),
        (["B/16", "--output", "no/such/folder/file.txt"], "cannot be written: No such file or directory"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(
    arguments: list[str], says: str, code: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(code.parent)
    Path("broken.py").write_text("import torch\nnowhere()\n", encoding="utf-8")
    Path("typo.py").write_text("import torch\nclass MyModel(\n", encoding="utf-8")
    Path("typo.py").write_text("x = 1\nclass class\n", encoding="utf-8")
    Path("notes.txt").write_text("not weights", encoding="utf-8")
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert says in err and err.count("\n") == 1 and "Traceback" not in err


def test_an_unknown_command_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["shape"]) == 2
    assert "unknown command 'shape'" in capsys.readouterr().err
    assert main([]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in COMMANDS)
    assert main(["shapes", "--help"]) == 0
    assert "python -m explainer shapes B/16 --image-size 384" in capsys.readouterr().out


@pytest.mark.parametrize("width", [200, 120, 80, 50])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    ledger = config_ledger(ViTConfig.named("B/16"))
    compared = differences(config_ledger(ViTConfig.named("B/32")), ledger)
    said = as_text(ledger, compared, width=width)
    table, _, rest = said.partition("\n\n")
    assert max(map(len, table.splitlines())) <= width
    assert width < 80 or max(map(len, said.splitlines())) <= width  # the totals of two models need 60
    assert "1 × 50→197 × 768" in table  # what matters most is always there
    assert "Differences" in rest
    # What is not there is said to be left out.
    heads = table.splitlines()[1]
    left_out = re.search(r"left out to fit the width: ((?:.|\n  )*?)\n\d", said)
    missing = left_out[1].replace("\n  ", " ").split(", ") if left_out else []
    whole = as_text(ledger, compared).splitlines()[1]
    assert {name for name in _COLUMNS if name in whole} == {name for name in _COLUMNS if name in heads} | set(missing)


def test_a_pipe_gets_lines_that_can_be_read(code: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (("B/16",), ("22B",), (f"{code}:Silent", "--input", "2,3,64,64")):
        assert max(map(len, run(capsys, *arguments)[1].splitlines())) <= 120


def test_both_ends_of_a_long_cell_stay() -> None:
    ledger = config_ledger(ViTConfig.named("B/16"))
    whole = max(map(len, as_text(ledger).splitlines()))
    codes = {each.line.text for each in ledger.operations if each.line}
    shortened = [line for line in as_text(ledger, width=whole - 20).splitlines() if "…" in line[-50:]]
    assert shortened
    for line in shortened:
        start, _, end = re.split(r"model\.py:\d+ +", line)[1].partition("…")
        assert min(len(start), len(end)) >= 10
        assert any(code.startswith(start) and code.endswith(end) for code in codes), line


def test_colours_are_for_terminals() -> None:
    """Colours change nothing but the colour."""
    ledger = config_ledger(SMALL)
    coloured = as_text(ledger, paint=painted)
    assert "\033[1m" in coloured
    assert re.sub(r"\033\[\d+m", "", coloured) == as_text(ledger)


def test_in_a_process_of_its_own_in_a_terminal() -> None:
    """A real terminal of 100 columns: its width is kept, and NO_COLOR is respected."""
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "OMP_NUM_THREADS": "1"}
    master, slave = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "explainer", "shapes", "B/16", "--layers", "1"],
        stdout=slave,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env=environment,
        timeout=300,
        check=False,
    )
    os.close(slave)
    said = os.read(master, 1 << 20).decode()
    os.close(master)
    assert (done.returncode, done.stderr) == (0, b"")
    lines = said.replace("\r", "").splitlines()
    assert "\033" not in said
    assert max(map(len, lines)) <= 100


def test_a_wrong_option_is_answered_before_torch_is_loaded() -> None:
    script = (
        "import sys; from explainer.__main__ import main; code = main(['shapes', 'B/16', '--heads', 'x']); "
        "assert 'torch' not in sys.modules; sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, timeout=60, check=False)
    assert done.returncode == 2
