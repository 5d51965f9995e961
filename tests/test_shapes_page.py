"""The Shapes page: its ledger against independent counts, differences recomputed, links, impossible sizes, undo."""

import json
import re
import subprocess
import sys
from html import unescape
from math import prod
from typing import Any

import pytest
import torch
from streamlit.testing.v1 import AppTest
from torchinfo import summary

from explainer.app import kept, session
from explainer.app.shapes.history import MOST, History
from explainer.shapes import config_ledger
from explainer.shapes.catalogue import CATALOGUE, Setting, changes_between
from explainer.shapes.entries.amounts import bytes_text, count_text
from explainer.shapes.entries.differences import differences
from explainer.shapes.second_opinion import second_opinion
from explainer.stages import STAGES
from vit_core import PRESETS, VisionTransformer, ViTConfig, count_multiply_adds, count_parameters

FRAME = "../pages/frame.py"
SMALL = ViTConfig(image_size=32, patch_size=8, num_layers=3, hidden_size=48, mlp_size=96, num_heads=4, num_classes=5)


def app(**query: str) -> AppTest:
    at = AppTest.from_file(FRAME, default_timeout=300)
    for name, value in query.items():
        at.query_params[name] = value
    at.run()
    at.switch_page("shapes.py").run()
    return check(at)


def check(at: AppTest) -> AppTest:
    assert not at.exception, [element.message for element in at.exception]
    return at


def move(at: AppTest, name: str, value: int) -> AppTest:
    return check(at.select_slider(key=f"shapes_slider_{name}").set_value(value).run())


def link(at: AppTest) -> dict[str, str]:
    """The address: the harness gives a list of values for what it was opened with."""
    return {name: value if isinstance(value, str) else value[0] for name, value in at.query_params.items()}


def table(at: AppTest) -> str:
    """The HTML of the ledger as it was sent."""
    sent: list[str] = []
    for element in at.main.get("bidi_component"):
        if element.proto.json and "vit-ledger" in element.proto.json:
            sent.append(json.loads(element.proto.json)["html"])
    assert len(sent) == 1
    return sent[0]


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def page(at: AppTest) -> str:
    """All that the page says in words."""
    texts = [element.value for element in (*at.main.markdown, *at.main.warning, *at.main.caption)]
    return "\n".join([*map(str, texts), *(words(element.proto.body) for element in at.main.get("html"))])


# The catalogue


@pytest.mark.parametrize("name", PRESETS)
def test_the_catalogue_has_every_preset_and_says_where_it_is_from(name: str) -> None:
    entry = CATALOGUE[name]
    assert entry.config == ViTConfig.named(name)
    papers = {"B/16", "B/32", "L/16", "L/32", "H/14"}
    assert (entry.source == "arXiv 2010.11929, Table 1") is (name in papers)


def test_the_largest_has_the_parameters_that_its_paper_prints() -> None:
    """arXiv 2302.05442, Table 1: 21743 M, which is 12 D^2 L: the matrices of all blocks."""
    config = CATALOGUE["22B"].config
    blocks = count_parameters(config)["attention"] + count_parameters(config)["mlp"]
    biases = config.num_layers * (3 * config.hidden_size + config.hidden_size + config.mlp_size + config.hidden_size)
    assert round((blocks - biases) / 1e6) == 21743


@pytest.mark.parametrize("text", ["B/16", "B/32,patch_size=16,batch=8", "22B,num_layers=2", "checkpoint,num_heads=2"])
def test_a_setting_is_read_as_it_is_written(text: str) -> None:
    assert str(Setting.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("B/16,colour=3", "unknown size 'colour'"),
        ("B/16,batch=-1", "batch must be a whole number, got '-1'"),
        ("B/16,batch=１", "batch must be a whole number"),
        ("B/16,batch", "batch must be a whole number, got ''"),
    ],
)
def test_a_setting_that_cannot_be_read_is_refused_in_one_sentence(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        Setting.parse(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("B/17", "unknown model 'B/17', known are Mini/8"),
        ("B/16,patch_size=15", "224 is not a multiple of patch_size 15"),
        ("B/16,num_heads=7", "hidden_size 768 is not a multiple of num_heads 7"),
        ("B/16,num_layers=0", "num_layers must be between 1 and 256, got 0"),
        ("B/16,image_size=4096,patch_size=1,batch=65536,num_heads=768", "more than PyTorch can count"),
    ],
)
def test_sizes_that_do_not_fit_are_refused_in_one_sentence(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        Setting.parse(text).config()


@pytest.mark.parametrize("config", [SMALL, ViTConfig.named("H/14", image_size=518), ViTConfig(representation_size=64)])
def test_any_sizes_have_a_text_that_gives_them_back(config: ViTConfig) -> None:
    assert Setting.parse(str(Setting.of(config, 3))).config() == (config, 3)


def test_the_largest_that_is_allowed_still_has_a_ledger() -> None:
    config, batch = Setting.parse("B/16,image_size=4096,patch_size=1,num_layers=1,batch=256").config()
    assert config_ledger(config, batch).failure is None


# Differences


def test_differences_are_what_the_two_models_differ_by() -> None:
    """Tokens, work and memory worked out from the sizes alone, without a ledger."""
    old, new = ViTConfig.named("B/32"), ViTConfig.named("B/16")
    found = {total.name: total for total in differences(config_ledger(old, 2), config_ledger(new, 2)).totals}
    assert (found["tokens"].before, found["tokens"].after) == (7 * 7 + 1, 14 * 14 + 1)
    for when, config in (("before", old), ("after", new)):
        assert getattr(found["multiply-adds"], when) == 2 * count_multiply_adds(config)["total"]
        assert getattr(found["parameters"], when) == count_parameters(config)["total"]
        weights = 4 * 2 * config.num_layers * config.num_heads * config.num_tokens**2
        assert getattr(found["attention weights"], when) == weights
        assert getattr(found["largest tensor"], when) == 4 * 2 * config.num_tokens * config.mlp_size
    assert found["attention weights"].factor == (197 / 50) ** 2


def test_what_moves_is_marked_and_nothing_else() -> None:
    """Another number of classes moves the last layer alone; another batch everything that is computed."""
    before = config_ledger(SMALL)
    more = config_ledger(Setting.of(SMALL).with_(SMALL, num_classes=9).config(SMALL)[0])
    moved = differences(before, more).moved
    assert [change.after.module for change in moved if change.after] == ["head.linear"]
    assert moved[0].before is not None and moved[0].before.outputs[0].sizes == (1, 5)
    assert moved[0].after is not None and moved[0].after.outputs[0].sizes == (1, 9)
    batched = differences(before, config_ledger(SMALL, 2))
    # The class token is repeated for the pictures; parameters move nowhere.
    assert len(batched.moved) == len(batched.changes)
    assert {total.name for total in batched.totals if not total.size} == {"tokens", "parameters"}


def test_more_layers_are_the_same_lines_more_often() -> None:
    deeper = ViTConfig(**{**SMALL.__dict__, "num_layers": 5})
    found = differences(config_ledger(SMALL), config_ledger(deeper))
    assert {(change.repeats_before, change.repeats_after) for change in found.changes} == {(1, 1), (3, 5)}
    assert all(change.before and change.after for change in found.changes)
    assert all(change.moved is (change.repeats_after == 5) for change in found.changes)


def test_an_operation_that_only_one_has_is_new_or_gone() -> None:
    with_hidden = ViTConfig(**{**SMALL.__dict__, "representation_size": 16})
    new = [
        each.after.name
        for each in differences(config_ledger(SMALL), config_ledger(with_hidden)).changes
        if each.before is None and each.after
    ]
    gone = [
        each.before.name
        for each in differences(config_ledger(with_hidden), config_ledger(SMALL)).changes
        if each.after is None and each.before
    ]
    assert new == gone == ["linear", "tanh"]


def test_the_same_has_no_differences() -> None:
    found = differences(config_ledger(SMALL), config_ledger(SMALL))
    assert found.moved == () and found.sentence == "Nothing has moved."


def test_the_sentence_begins_with_what_has_moved_most() -> None:
    found = differences(config_ledger(ViTConfig.named("B/32")), config_ledger(ViTConfig.named("B/16")))
    assert found.sentence.startswith("Attention weights × 15.5 (1.44 MB → 22.4 MB)")
    assert "tokens × 3.94 (50 → 197)" in found.sentence


def test_changes_are_said_in_the_papers_letters() -> None:
    old, new = ViTConfig.named("S/16"), ViTConfig.named("B/32")
    assert changes_between((old, 1), (new, 8))[:3] == ("P from 16 to 32", "D from 384 to 768", "k from 6 to 12")
    assert "B from 1 to 8" in changes_between((old, 1), (new, 8))


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (9_999, "9,999"),
        (10_000, "10 k"),
        (999_499, "999 k"),
        (999_500, "1 M"),
        (86_567_656, "86.6 M"),
        (17_563_828_224, "17.6 G"),
        (10**21, "1,000 E"),
    ],
)
def test_counts_are_written_for_reading(count: int, text: str) -> None:
    assert count_text(count) == text
    assert bytes_text(count) == (text + "B" if text[-1].isalpha() else text + " B")


# torchinfo


@pytest.mark.parametrize(("config", "batch"), [(SMALL, 1), (SMALL, 3), (ViTConfig.named("B/32"), 2)])
def test_torchinfo_agrees_on_parameters_and_on_the_output_of_every_module(config: ViTConfig, batch: int) -> None:
    """Compared here once more without our own comparison: module by module."""
    ledger = config_ledger(config, batch)
    said = second_opinion(config, batch, ledger)
    assert said.agrees and said.differing == ()
    assert said.counted_their_way == said.their_multiply_adds
    assert said.multiply_adds == batch * count_multiply_adds(config)["total"]
    with torch.device("meta"):
        model = VisionTransformer(config).eval()
    size = config.image_size
    theirs = summary(model, input_size=(batch, 3, size, size), device="meta", verbose=0)
    assert ledger.parameters == theirs.total_params == count_parameters(config)["total"]
    names = {id(module): name for name, module in model.named_modules()}
    leaves = [layer for layer in theirs.summary_list if layer.is_leaf_layer and layer.module is not model]
    assert len(leaves) == said.shapes
    for layer in leaves:
        made = [each.outputs[0].sizes for each in ledger.operations if each.module == names[id(layer.module)]]
        assert tuple(layer.output_size) in made


def test_a_disagreement_would_be_seen() -> None:
    """The ledger of another model is held against torchinfo's summary."""
    wrong = second_opinion(SMALL, 1, config_ledger(ViTConfig(**{**SMALL.__dict__, "mlp_size": 80})))
    assert not wrong.agrees
    assert "blocks.0.mlp.expand" in wrong.differing


OPINION_OF = """
import resource, sys
from explainer.shapes import config_ledger
from explainer.shapes.catalogue import Setting
from explainer.shapes.second_opinion import second_opinion
peaks = []
for text in sys.argv[1:]:
    config, batch = Setting.parse(text).config()
    assert second_opinion(config, batch, config_ledger(config, batch)).agrees
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print((peaks[-1] - peaks[0]) // 1024)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the unit of ru_maxrss differs between systems")
def test_no_size_of_the_pages_ranges_makes_torchinfo_take_memory() -> None:
    """Its pictures are on meta, as the model is; one process that has asked about small ones takes little more."""
    many = ["num_layers=1,batch=6000", "num_layers=1,batch=65536", "num_layers=2,image_size=4096,patch_size=32,batch=8"]
    sizes = ["B/16,num_layers=1", *(f"B/16,{each}" for each in many), "H/14,num_layers=1,batch=65536"]
    done = subprocess.run(
        [sys.executable, "-c", OPINION_OF, *sizes], capture_output=True, text=True, check=True, timeout=300
    )
    assert int(done.stdout) < 100  # MB; 6,000 pictures as numbers would be 3,613


# The page


def test_the_page_shows_the_ledger_of_the_sidebars_checkpoint() -> None:
    at = app()
    config = session.load_model("embedded")[0].config
    text = words(table(at))
    assert f"1 × {config.num_tokens} × {3 * config.hidden_size}" in text
    assert f"blocks.0–{config.num_layers - 1} × {config.num_layers}" in text
    said = page(at)
    total = count_parameters(config)["total"]
    assert f"| parameters | {total:,} | {total:,} |" in said
    assert f"| multiply-adds | {count_multiply_adds(config)['total']:,} |" in said
    assert "✓ **Both agree**" in said
    assert "sizes" not in link(at)


def test_every_operation_is_in_the_table_once() -> None:
    at = app(sizes="B/16")
    ledger = config_ledger(ViTConfig())
    rows = re.findall(r'<tr role="row"[^>]*><th role="rowheader"', table(at))
    assert len(rows) == len(ledger.inputs) + sum(len(row.operations) for row in ledger.rows())
    assert table(at).count("<details") == 1
    # Every line of the code that an equation is named for is the line of that equation in model.py.
    linked = set(re.findall(r'<a href="(\w+)" data-equation="(\d)"', table(at)))
    assert {number for _, number in linked} == set("12345678")
    assert {("embedding", "1"), ("attention", "6"), ("head", "4")} <= linked
    assert all(int(number) in STAGES[stage].equation_numbers for stage, number in linked)


def test_a_slider_moves_a_row_and_the_address() -> None:
    at = move(app(sizes="B/32"), "patch_size", 16)
    assert link(at)["sizes"] == "B/32,patch_size=16"
    assert "<del>50</del>→<ins>197</ins>" in table(at)
    assert "P from 32 to 16:" in page(at) and "tokens × 3.94 (50 → 197)" in page(at)
    again = app(sizes="B/32,patch_size=16")
    assert again.select_slider(key="shapes_slider_patch_size").value == 16
    assert "<del>" not in table(again)  # who opens the link has seen nothing before


def test_undo_redo_and_reset() -> None:
    at = move(move(app(sizes="B/16"), "num_layers", 2), "batch", 8)
    assert link(at)["sizes"] == "B/16,num_layers=2,batch=8"
    check(at.button(key="shapes_undo").click().run())
    assert link(at)["sizes"] == "B/16,num_layers=2"
    assert at.select_slider(key="shapes_slider_batch").value == 1
    check(at.button(key="shapes_redo").click().run())
    assert link(at)["sizes"] == "B/16,num_layers=2,batch=8"
    check(at.button(key="shapes_reset").click().run())
    assert link(at)["sizes"] == "B/16" and at.button(key="shapes_reset").disabled


def test_impossible_sizes_are_one_sentence_and_the_last_ledger_stays() -> None:
    at = app(sizes="B/16,num_layers=1")
    before = words(table(at))
    move(at, "patch_size", 12)
    assert [each.value for each in at.warning] == [
        "These sizes do not fit together: picture 224 is not a multiple of patch P 12: 224 = 18 x 12 + 8. "
        "Below you still see B/16, layers 1."
    ]
    assert words(table(at)) == before
    assert link(at)["sizes"] == "B/16,patch_size=12,num_layers=1"
    move(at, "image_size", 96)
    assert not at.warning and "1 × 65 × 768" in words(table(at)).replace("197 → ", "")


def test_an_impossible_link_shows_the_model_it_begins_with() -> None:
    at = app(sizes="B/32,num_heads=7", against="nothing")
    assert "hidden size D 768 is not a multiple of heads k 7" in at.warning[0].value
    assert "1 × 50 × 768" in words(table(at))


@pytest.mark.parametrize("link", ["B/17", "B/16,depth=3", "B/16,batch=x", "<b>", ""])
def test_a_link_that_makes_no_sense_is_one_sentence(link: str) -> None:
    at = app(sizes=link)
    assert len(at.warning) == (1 if link else 0)
    assert all("You see the checkpoint of the sidebar" in each.value for each in at.warning)
    assert table(at)


def test_remembered_sizes_stay_the_ones_compared_with() -> None:
    at = app(sizes="B/32")
    check(at.button(key="shapes_remember").click().run())
    assert link(at)["against"] == "B/32"
    move(move(at, "patch_size", 16), "batch", 2)
    assert "P from 32 to 16, B from 1 to 2:" in page(at)
    assert "tokens 50 197 × 3.94" in page(at)
    check(at.selectbox(key="shapes_against").select("nothing").run())
    assert "<del>" not in table(at) and link(at)["against"] == "nothing"
    check(at.selectbox(key="shapes_against").select("before").run())
    assert "against" not in link(at)


def test_exact_numbers() -> None:
    at = app(sizes="B/16,num_layers=1")
    check(at.segmented_control(key="shapes_kind").set_value("Exact numbers").run())
    check(at.number_input(key="shapes_number_num_classes").set_value(37).run())
    assert link(at)["sizes"] == "B/16,num_layers=1,num_classes=37"
    assert "1 × 37" in words(table(at)).replace("1000 → ", "")


def test_the_largest_model_answers_without_memory() -> None:
    at = app(sizes="22B")
    assert "21.8 G" in page(at)
    assert "arXiv 2302.05442" in page(at)
    assert "✓ **Both agree**" in page(at)


def test_the_page_keeps_at_most_what_its_store_may() -> None:
    """An operation is counted with what it takes; many settings push out the oldest."""
    assert kept._large.limit == 64 * kept.MEGABYTE
    app(sizes="B/16,num_layers=2")
    assert kept._large.nbytes > 0


def test_the_commands_on_the_page_are_those_that_work() -> None:
    from explainer.commands import shapes as command

    line = command.command_of(ViTConfig.named("B/32", image_size=64, num_heads=6), 4)
    assert line == ["python", "-m", "explainer", "shapes", "B/32", "--image-size", "64", "--heads", "6", "--batch", "4"]
    options = command._parser().parse_args(line[4:])
    config, batch, _ = command._config(options.model, {"image_size": 64, "num_heads": 6, "batch": 4})
    assert (config, batch) == (ViTConfig.named("B/32", image_size=64, num_heads=6), 4)


def test_the_three_lines_of_python_run(monkeypatch: pytest.MonkeyPatch) -> None:
    from explainer.app.shapes.own import PYTHON

    class MyModel(torch.nn.Sequential):
        def __init__(self) -> None:
            super().__init__(torch.nn.Conv2d(3, 8, 16, 16), torch.nn.Flatten(), torch.nn.Linear(8 * 14 * 14, 10))

    names: dict[str, Any] = {"MyModel": MyModel}
    *statements, last = [line for line in PYTHON.splitlines() if line]
    exec("\n".join(statements), names)
    made = eval(last.partition("#")[0], names)
    assert made.failure is None and made.outputs[0].sizes == (1, 10)
    assert made.parameters == sum(prod(each.shape) for each in MyModel().parameters())


def test_history_is_bounded_and_forgets_what_was_undone() -> None:
    steps = History()
    for i in range(MOST + 20):
        steps = steps.changed(f"mask={i + 1}")
    assert len(steps.past) == MOST
    assert steps.changed(steps.present) is steps  # no step that changes nothing
    back = steps.undone().undone()
    assert back.redone().redone() == steps
    assert not back.changed("blur=1").future
    assert History().undone() == History().redone() == History()


def test_shapes_wear_the_colours_of_what_they_are() -> None:
    """The tensors of the paper as its symbols elsewhere; a model with other names has none."""
    from explainer.shapes import ledger
    from explainer.shapes.rendering.html import quantity_of

    made = {(each.name, each.module): quantity_of(each) for each in config_ledger(SMALL).operations}
    attention = "blocks.0.attention"
    assert made["softmax", attention] == "A"
    assert made["linear", f"{attention}.qkv"] is None  # three of them in one
    assert (made["div", attention], made["transpose", attention]) == ("q", "k")
    assert made["linear", "blocks.0.mlp.expand"] == "mlp" and made["linear", "head.linear"] == "y"
    assert made["conv2d", "patch_projection"] == "E" and made["expand", ""] == "class_token"
    assert made["linear", f"{attention}.projection"] == "v" and made["add", "blocks.0"] == "z"
    other = ledger(torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Softmax(-1)), (2, 3), device="meta")
    assert {quantity_of(each) for each in other.operations} == {None}
