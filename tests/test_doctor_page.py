"""The doctor's page: whatever is brought, one report; what opens is a checkpoint like every other."""

import io
import os
import re
import threading
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load as read_safetensors
from streamlit.proto.SelectWidgetFilterMode_pb2 import SelectWidgetFilterMode

from explainer.app.doctor import files as doctor_files
from explainer.app.doctor.files import converted, examination_of, keep_file, open_file, path_of, why_not
from explainer.app.foreign import plain
from explainer.doctor.examples import EXAMPLES
from explainer.doctor.html import findings_html, names_html, sizes_html, tensors_html, verdict_html
from explainer.doctor.name_table import TITLES, name_table
from tests.hostile_files import HOSTILE, torch_bytes
from tests.same_weights import MODELS, Weights, google_arrays, logits_of
from tests.test_pages import app, markup
from vit_core import ViTConfig, load
from vit_core.examination import Examination, examine
from vit_core.examination.findings import Finding
from vit_core.weights.conversion import FORMATS, names_of
from vit_core.weights.own_files import make_room, opened_checkpoint, opened_folder

pytestmark = pytest.mark.usefixtures("own_folders")

EMBEDDED_SOURCES = [name for name in EXAMPLES if name in FORMATS]


@pytest.mark.parametrize("name", EMBEDDED_SOURCES)
def test_the_embedded_model_under_every_name_opens_and_is_the_same_model(name: str) -> None:
    model, checkpoint = load(path_of(f"example-{name}"), norm_eps=1e-6, gelu="none")
    assert checkpoint.source == name and checkpoint.config.num_heads == 4
    image = torch.randn(3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert torch.equal(model(image), load("embedded")[0](image))


@pytest.mark.parametrize(
    ("name", "opens", "words"),
    [
        ("training", True, ("last.pth opens here", "2 sets of weights", "epoch (12)", "model_ema")),
        (
            "damaged",
            False,
            (
                "1 tensor is missing: encoder.layers.encoder_layer_2.ln_1.bias",
                "transposed",
                "(5 NaN)",
                "heads.extra.weight",
            ),
        ),
        ("cut", False, ("cut_off.safetensors is no intact safetensors file",)),
        ("deit", False, ("a distillation token", "DeiT, distilled, whose own code opens them")),
        ("command", False, ("command.pth holds more than tensors", "which is never run")),
    ],
)
def test_an_example_of_everything_that_happens(name: str, opens: bool, words: tuple[str, ...]) -> None:
    at = app("doctor", file=f"example-{name}")
    said = markup(at)
    assert all(word in said for word in words), said[-4000:]
    assert bool([button for button in at.button if button.key == "doctor_open"]) == opens
    assert not at.warning and not at.error


def test_a_file_is_opened_and_is_a_checkpoint_on_every_page() -> None:
    at = app("doctor", file="example-course")
    said = markup(at)
    assert "Recognised as the course (Learn PyTorch, chapter 08)" in said
    assert "patch_embedding.<wbr>patcher.<wbr>weight" in said and "not stored: usual for this family" in said
    chooser = at.selectbox(key=f"doctor_heads_{path_of('example-course')}")
    assert chooser.value == 4  # the likely one, which nobody has said
    assert any("k = 4 is likely, but no file states it" in caption.value for caption in at.caption)
    assert "your choice" not in said and "not stored: a guess" in said
    chooser.set_value(2).run()
    assert "your choice" in markup(at)
    at.selectbox(key=chooser.key).set_value(4).run()
    assert "your choice" in markup(at) and not any("is likely, but" in caption.value for caption in at.caption)
    at.button(key="doctor_open").click().run()
    assert not at.exception
    name = at.session_state["checkpoint"]
    assert re.fullmatch("file:[0-9a-f]{16}", name)
    options = at.selectbox(key="checkpoint_choice").options
    assert "vit_from_the_course.pth · your file" in options
    at.switch_page("encoder.py").run()
    assert not at.exception and at.session_state["checkpoint"] == name
    again = app("attention", checkpoint=name)  # the link
    assert again.session_state["checkpoint"] == name and not again.warning
    config = opened_checkpoint(name).config
    assert (config.norm_eps, config.num_heads, config.num_classes) == (1e-5, 4, 298)


def test_a_link_to_a_file_that_is_gone_says_so() -> None:
    at = app("overview", checkpoint="file:0123456789abcdef")
    assert plain("there is no opened file 'file:0123456789abcdef' on this server") in at.warning[0].value
    at = app("doctor", file="upload-" + "0" * 24)
    assert "no longer on this server" in at.warning[0].value
    at = app("doctor", file="example-../../etc")
    assert "no longer on this server" in at.warning[0].value


def test_the_number_of_heads_is_chosen_and_changes_what_opens() -> None:
    key = keep_file("mine.pth", torch_bytes(MODELS["timm"](Weights()).state_dict()))
    at = app("doctor", file=key)
    assert "how many heads share D = 48 cannot be read from the file" in markup(at)
    chooser = at.selectbox(key=f"doctor_heads_{path_of(key)}")
    assert chooser.value is None and len(chooser.options) == 10
    chooser.set_value(3).run()
    assert "mine.pth opens here" in markup(at)
    at.button(key="doctor_open").click().run()
    assert opened_checkpoint(at.session_state["checkpoint"]).config.num_heads == 3


def test_a_number_of_heads_that_nobody_said_stays_a_guess() -> None:
    at = app("doctor", file="example-course")
    at.button(key="doctor_open").click().run()
    checkpoint = opened_checkpoint(at.session_state["checkpoint"])
    assert checkpoint.config.num_heads == 4 and "does not state the number of heads" in checkpoint.description


def test_the_first_of_the_list_that_begins_with_what_is_typed_is_that_number(tmp_path: Path) -> None:
    """The list keeps what begins with the typed text, in its order."""
    config = ViTConfig(
        image_size=8, patch_size=8, num_layers=1, hidden_size=768, mlp_size=8, num_heads=1, num_classes=3
    )
    state = {name: torch.randn(shape) for name, shape in names_of("timm", config).items()}
    key = keep_file("mine.pth", torch_bytes(state))
    at = app("doctor", file=key)
    chooser = at.selectbox(key=f"doctor_heads_{path_of(key)}")
    assert chooser.value == 12 and chooser.proto.filter_mode == SelectWidgetFilterMode.FILTER_MODE_PREFIX
    for number in ("1", "12", "2", "3", "24", "128"):
        assert next(label for label in chooser.options if label.startswith(number)).split()[0] == number


def test_examinations_of_different_files_do_not_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on, is_busy = threading.Event(), threading.Event()
    slow, quick = (path_of(keep_file(f"{name}.pth", torch_bytes({name: torch.ones(1)}))) for name in ("slow", "quick"))

    def examine_slowly(path: Path, **given: Any) -> Examination:
        if path == slow:
            is_busy.set()
            assert goes_on.wait(60)
        return examine(path, **given)

    monkeypatch.setattr(doctor_files, "examine", examine_slowly)
    thread = threading.Thread(target=examination_of, args=(slow, None, None))
    thread.start()
    assert is_busy.wait(60)
    other = threading.Thread(target=examination_of, args=(quick, None, None))
    other.start()
    other.join(30)  # a guard against waiting for ever
    is_done = not other.is_alive()
    goes_on.set()
    thread.join(60)
    assert is_done


def test_which_of_several_models_is_chosen() -> None:
    at = app("doctor", file="example-training")
    path = path_of("example-training")
    at.selectbox(key=f"doctor_part_{path}").set_value("model_ema.module").run()
    assert "under 'model_ema' in the file" in unescape(markup(at))
    ema = open_file(path, examination_of(path, "model_ema.module", 4))
    plain = open_file(path, examination_of(path, None, None))
    assert ema != plain
    ours = load("embedded")[0].norm.weight
    assert torch.equal(load(opened_checkpoint(ema).path)[0].norm.weight, ours * 0.999)


@pytest.mark.parametrize("source", list(FORMATS))
def test_downloads_are_the_same_weights(source: str, tmp_path: Path) -> None:
    w = Weights(qkv_bias=source != "lucidrains")
    path = path_of(keep_file("mine.pth", torch_bytes(MODELS["course"](w).state_dict())))
    examination = examination_of(path, None, 3)
    assert why_not(path, examination, source) == ""
    images = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    for suffix in FORMATS[source]:
        (again := tmp_path / f"again{suffix}").write_bytes(converted(path, examination, source, suffix))
        model, checkpoint = load(again, num_heads=3, norm_eps=1e-5, gelu="none")
        assert checkpoint.source == source
        expected = logits_of(MODELS["course"](w), images)
        assert torch.allclose(model(images), expected, atol=1e-5)  # the sums are taken in another order


def test_what_a_family_cannot_hold_is_said_instead_of_a_download() -> None:
    at = app("doctor", file="example-timm")
    at.selectbox(key="doctor_to").set_value("lucidrains").run()
    said = at.warning[0].value
    assert "That cannot be written: vit-pytorch (lucidrains) has no place for blocks.0.attention.qkv.bias" in said
    at.selectbox(key="doctor_to").set_value("google").run()
    assert "GELU is computed with tanh, these weights expect erf" in at.warning[0].value


@pytest.mark.parametrize("name", ["bomb.npz", "deep.safetensors", "stride-0.pth", "text.pth", "overlapping.npz"])
def test_a_hostile_file_leaves_the_session_as_it_was(name: str, tmp_path: Path) -> None:
    what, said = HOSTILE[name]
    path = tmp_path / name
    path.write_bytes(what) if isinstance(what, bytes) else what(path)
    key = keep_file(name, path.read_bytes())
    at = app("doctor", file=key, token="12")
    assert re.search(said, unescape(markup(at)))
    at.switch_page("overview.py").run()
    assert not at.exception and at.session_state["token"] == 12 and at.session_state["checkpoint"] == "embedded"


def test_names_of_files_do_no_harm() -> None:
    for name in ("../../../etc/x.pth", "a" * 300 + ".pth", "~.pth", ".pth.pth", "ü b<script>.safetensors"):
        path = path_of(keep_file(name, name.encode()))
        assert path.parent.parent == doctor_files._folder() and path.suffix in (".pth", ".safetensors")
    with pytest.raises(ValueError, match="is no weights file that is known"):
        keep_file("weights.exe", b"x")


def test_what_stands_in_a_file_is_text_on_the_page() -> None:
    evil = "<img src=x onerror=alert(1)>"
    finding = Finding("error", "left over", f"1 tensor is left over: {evil}.", (evil,))
    examination = Examination(
        name=evil,
        file_bytes=9,
        kind="PyTorch file",
        family=evil,
        problem=evil,
        tensors=((evil, (1,), "float32"),),
        findings=(finding,),
    )
    for html in (verdict_html(examination), findings_html(examination), tensors_html(examination)):
        assert "<img" not in html and "&lt;img" in html


def test_the_tables_hold_what_was_found(tmp_path: Path) -> None:
    np.savez(path := tmp_path / "vit.npz", **google_arrays(Weights()))
    html = sizes_html(examine(path))
    assert html.count("<tr>") == 8 and "embedding/<wbr>kernel</code> [8, 8, 3, 48]" in html
    rows = name_table(ViTConfig.named("B/16"), "qkv")
    html = names_html(rows, ["timm", "lucidrains"])
    assert TITLES["timm"] in html and TITLES["google"] not in html and "<i>none</i>" in html


def test_the_table_of_names_on_the_page() -> None:
    at = app("doctor", doctor_search="encoder_layer_7 in_proj_weight")
    assert "1 of 20 parameters, each with its shape for B/16." in [caption.value for caption in at.caption]
    assert "Transformer/<wbr>encoderblock_#/<wbr>MultiHeadDotProductAttention_0/<wbr>query/<wbr>kernel" in markup(at)
    at.selectbox(key="doctor_sizes").set_value("L/16").run()
    assert "[3072, 1024]" in markup(at)
    at.text_input(key="doctor_search").set_value("quetzal").run()
    assert "No family has a name or a shape with “quetzal”" in at.info[0].value


def test_what_has_not_been_used_for_longest_makes_room(tmp_path: Path) -> None:
    for number in range(4):
        (path := tmp_path / f"{number}.safetensors").write_bytes(bytes(100))
        path.with_suffix(".json").write_text("{}")
        os.utime(path, (number, number))
    make_room(tmp_path, 150, 400)
    assert sorted(path.name for path in tmp_path.glob("*.safetensors")) == ["2.safetensors", "3.safetensors"]
    assert sorted(path.name for path in tmp_path.glob("*.json")) == ["2.json", "3.json"]
    with pytest.raises(ValueError, match=r"at most 0.0 GB of files are kept here"):
        make_room(tmp_path, 500, 400)


def test_nothing_unfinished_stays() -> None:
    name = open_file(path := path_of("example-google"), examination_of(path, None, None))
    assert name.removeprefix("file:") in {each.stem for each in opened_folder().glob("*.safetensors")}
    assert not list(opened_folder().glob("*.partial"))
    weights = read_safetensors((opened_folder() / f"{name.removeprefix('file:')}.safetensors").read_bytes())
    assert weights.keys() == load("embedded")[0].state_dict().keys()
    assert io.BytesIO(path.read_bytes()).getbuffer().nbytes == path.stat().st_size
