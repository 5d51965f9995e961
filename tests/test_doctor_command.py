"""``python -m explainer doctor``: what it prints, what it writes, its exit codes; and the table of names."""

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision.models import VisionTransformer as TorchvisionViT

from explainer.__main__ import main
from explainer.doctor.name_table import TITLES, name_table
from explainer.doctor.report import as_text, bytes_text
from tests.hostile_files import HOSTILE
from tests.same_weights import MODELS, Weights, logits_of, save
from vit_core import ViTConfig, load
from vit_core.examination import examine
from vit_core.weights.conversion import names_of
from vit_core.weights.sources import SOURCES

ROOT = Path(__file__).parents[1]


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = main(["doctor", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def test_the_report_of_a_file_that_opens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = save("course", Weights(), tmp_path)
    code, out, err = run(capsys, path, "--heads", "3")
    assert (code, err) == (0, "")
    assert out.startswith("course.pth opens here.\nRecognised as the course (Learn PyTorch, chapter 08) · PyTorch file")
    for line in (
        "  patch P        8   patch_embedding.patcher.weight [48, 3, 8, 8]",
        "No shape shows the number of heads",
        "LayerNorm's epsilon",
        "1e-05 (not stored: usual for this family)",
    ):
        assert line in out
    assert out.rstrip("\n") == as_text(examine(path, num_heads=3))


def test_the_report_of_one_that_does_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = save("timm", Weights(), tmp_path)
    code, out, _ = run(capsys, path)
    assert code == 1
    assert "does not open here: how many heads share D = 48 cannot be read from the file" in out.splitlines()[0]
    what, _ = HOSTILE["deep.safetensors"]
    (bad := tmp_path / "deep.safetensors").write_bytes(what)
    code, out, _ = run(capsys, bad)
    assert code == 1
    assert out.startswith("deep.safetensors is no intact safetensors file: its header is nested too deeply.")


def test_json_is_for_a_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, save("google", Weights(), tmp_path), "--json")
    said = json.loads(out)
    assert code == 0 and said["opens"] is True and said["source"] == "google"
    assert said["config"]["num_heads"] == 3 and said["heads"][0]["num_heads"] == 3
    assert {"name": "cls", "shape": [1, 1, 48], "type": "float32"} in said["tensors"]
    assert said["problem"] == "" and said["findings"] == []


def test_a_conversion_and_its_card(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    w, path = Weights(), save("torchvision", Weights(), tmp_path)
    target = tmp_path / "out.safetensors"
    code, out, _ = run(capsys, path, "--heads", "3", "--to", "timm", "--output", target)
    assert code == 0 and "timm.models.VisionTransformer(img_size=32, patch_size=8" in out
    images = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    expected = logits_of(MODELS["timm"](w), images)
    assert torch.allclose(load(target, num_heads=3)[0](images), expected, atol=1e-5)  # sums in another order
    ours = tmp_path / "mine.safetensors"
    assert run(capsys, path, "--heads", "3", "--epsilon", "0.001", "--to", "ours", "--output", ours)[0] == 0
    assert load(ours)[1].config == ViTConfig(
        image_size=32,
        patch_size=8,
        num_layers=3,
        hidden_size=48,
        mlp_size=96,
        num_heads=3,
        num_classes=7,
        norm_eps=1e-3,
    )


def test_a_file_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No folder; and a disk that is full after 4096 bytes: one sentence, exit code 2, and no half of a file."""
    path = save("timm", Weights(), tmp_path)
    code, out, err = run(capsys, path, "--heads", "3", "--to", "timm", "--output", tmp_path / "none" / "x.pth")
    assert (code, out) == (2, "") and err.count("\n") == 1 and "there is no folder" in err
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    for name in ("x.pth", "x.safetensors"):
        target = tmp_path / name
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
        try:
            code, _, err = run(capsys, path, "--heads", "3", "--to", "timm", "--output", target)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert code == 2 and err.count("\n") == 1 and f"{name} cannot be written: " in err
        assert err.count("cannot be written") == 1 and "[" not in err
        assert not target.exists()


def test_a_guess_and_what_the_reader_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    torch.save(TorchvisionViT(32, 8, 1, 4, 64, 96, num_classes=5).state_dict(), path := tmp_path / "model.pth")
    code, out, _ = run(capsys, path, "--to", "huggingface", "--output", tmp_path / "a.pth")
    assert code == 0 and "1 (not stored: a guess: D_h = 64, as nearly all ViTs have)" in out
    assert "k is a guess: give --heads K" in out and "from_pretrained(FOLDER)" in out
    assert "and 1 more divisor of D" in out
    code, out, _ = run(capsys, path, "--heads", "4", "--epsilon", "0.001")
    assert code == 0 and "4 (from your choice)" in out and "0.001 (from your choice)" in out
    assert "k = 4, D_h = 16  possible (your choice)" in out and "a guess" not in out


def test_bytes_in_words() -> None:
    assert [bytes_text(count) for count in (1, 48, 480_100)] == ["1 byte", "48 bytes", "480.1 kB"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "which file"),
        (["gone.pth"], "there is no file gone.pth"),
        (["FILE", "--heads", "0"], "--heads must be at least 1"),
        (["FILE", "--heads", "many"], "invalid int value"),
        (["FILE", "--to", "timm"], "--to and --output belong together"),
        (["FILE", "--to", "keras", "--output", "a.pth"], "unknown family 'keras', known are ours, torchvision"),
        (["FILE", "--to", "google", "--output", "a.pth"], "google is written as .npz, not as a.pth"),
        (["FILE", "--to", "timm", "--output", "FILE"], "nothing is written over"),
        (["FILE", "--heads", "3", "--to", "lucidrains", "--output", "NEW"], "has no place for"),
        (["--names", "quetzal"], "no family has a name with 'quetzal'"),
        (["FILE", "--nonsense"], "unrecognized arguments"),
    ],
)
def test_questions_that_make_no_sense(
    arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save("course", Weights(), tmp_path)
    places = {"FILE": str(path), "NEW": str(tmp_path / "new.pth")}
    code, _, err = run(capsys, *(places.get(each, each) for each in arguments))
    assert code == 2
    assert sentence in err and err.count("\n") == 1
    assert not (tmp_path / "new.pth").exists()


def test_as_a_command_of_the_shell(tmp_path: Path) -> None:
    path = save("google", Weights(), tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "explainer", "doctor", str(path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and "google.npz opens here." in done.stdout


# The table of names --------------------------------------------------------------------------------------------------


def test_every_parameter_of_every_family_is_in_the_table_once() -> None:
    config = ViTConfig.named("B/16", num_layers=1)
    rows = name_table(config)
    for source in SOURCES:
        table = {name.replace("#", "0"): row.cells[source].shape for row in rows for name in row.cells[source].names}
        assert table == names_of(source, config)
    assert len(rows) == len(names_of("ours", config)) and TITLES.keys() == SOURCES.keys()
    symbols = [row.symbol for row in rows]
    assert len(set(symbols)) == len(symbols) and symbols[0] == "E"


def test_the_search_of_names() -> None:
    config = ViTConfig.named("L/16")

    def found(search: str) -> list[str]:
        return [row.symbol for row in name_table(config, search)]

    assert (
        found("blocks.7.attn.qkv.weight")
        == found("in_proj_weight")
        == found("encoder_layer_11 in_proj_weight")
        == ["U_qkv"]
    )
    assert found("POS_EMBED") == ["E_pos"]
    assert found("[1, 577") == []
    assert found("quetzal") == []
    assert len(found("")) == len(name_table(config))


def test_a_hidden_layer_of_the_head_is_a_row_that_not_all_have() -> None:
    rows = {row.symbol: row for row in name_table(ViTConfig.named("B/16", representation_size=768))}
    cells: dict[str, Any] = rows["MLP head, hidden layer"].cells
    assert cells["torchvision"].names == ("heads.pre_logits.weight",) and cells["google"].shape == (768, 768)
    assert cells["course"].names == cells["huggingface"].names == ()
