"""The exercises compute what they say: PyTorch's encoder, counts, vit.py alone in a process, clipping, short runs."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from explainer.app.exercises import short_runs
from explainer.course.exercises import (
    clip,
    compare_encoder,
    compare_layer,
    count,
    count_b16,
    count_b16_block,
    give_parameters,
    gradients,
    norms_by_part,
    pytorch_encoder,
    pytorch_layer,
)
from explainer.course.short_training import CONFIG, STEPS, Switches, cut_out, photographs, train
from explainer.export import one_file as generator
from explainer.export.one_file import one_file, open_module
from explainer.panels import Bars, Plot
from explainer.views.course import exercises as views
from tests.conftest import randomised
from tests.test_pages import app, markup
from vit_core import CHECKPOINTS, ForwardTrace, VisionTransformer, ViTConfig
from vit_core.training.data.foodvision import FOODVISION
from vit_core.training.schedule import learning_rate

pytestmark = pytest.mark.usefixtures("own_folders")

# Single precision: sums of up to 40 products of numbers near one, rounded in another order, through three layers.
ROUNDING = 5e-5


# Exercise 1


@pytest.mark.parametrize("layer", [1, 2, 3])
def test_pytorchs_layer_is_our_block(tiny_model: VisionTransformer, tiny_trace: ForwardTrace, layer: int) -> None:
    found = compare_layer(tiny_model.block(layer), tiny_model.config, tiny_trace.hidden_states[layer - 1])
    assert found.holds
    assert found.single < ROUNDING and found.fused is not None and found.fused < ROUNDING
    assert found.default_eps > 0
    assert found.count == tiny_trace.hidden_states[layer].numel()
    assert found.ours == found.theirs


def test_a_wrong_order_of_the_norms_does_not_hold(tiny_model: VisionTransformer, tiny_trace: ForwardTrace) -> None:
    """The default of PyTorch, LayerNorm after the sum, is told apart from rounding."""
    layer = pytorch_layer(tiny_model.config)
    give_parameters(layer, tiny_model.block(1))
    layer.norm_first = False
    with torch.no_grad():
        z = tiny_trace.hidden_states[0]
        assert float((layer(z) - tiny_trace.hidden_states[1]).abs().max()) > 1e-2


@pytest.mark.parametrize("changes", [{"gelu": "tanh"}, {"num_heads": 3}, {"norm_eps": 1e-5}])
def test_other_configurations_hold(tiny_config: ViTConfig, changes: dict[str, str | int | float]) -> None:
    config = replace(tiny_config, **changes)  # type: ignore[arg-type]
    model = randomised(VisionTransformer(config))
    z = torch.randn(config.num_tokens, config.hidden_size, generator=torch.Generator().manual_seed(3))
    found = compare_layer(model.block(2), config, z)
    assert found.holds
    assert (found.fused is None) == (changes.get("gelu") == "tanh" or changes.get("num_heads") == 3)
    if "norm_eps" in changes:
        assert found.default_eps == found.single


def test_the_whole_encoder_is_ours(tiny_model: VisionTransformer, tiny_trace: ForwardTrace) -> None:
    differences = compare_encoder(tiny_model, tiny_trace)
    assert len(differences) == tiny_model.config.num_layers
    with torch.no_grad():
        at_once = pytorch_encoder(tiny_model)(tiny_trace.hidden_states[0][None])[0]
    assert float((at_once - tiny_trace.hidden_states[-1]).abs().max()) < ROUNDING
    assert max(differences) < ROUNDING


def test_parameters_are_shared_not_copied(tiny_model: VisionTransformer) -> None:
    ours, theirs = tiny_model.block(1), pytorch_encoder(tiny_model).layers[0]
    assert isinstance(theirs, nn.TransformerEncoderLayer)
    assert theirs.linear1.weight.data_ptr() == ours.mlp.expand.weight.data_ptr()
    assert not theirs.linear1.weight.is_meta


# A thousand classes


def test_counts_are_the_courses_and_torchvisions() -> None:
    thousand, three = count_b16(1000), count_b16(3)
    assert thousand.ours == thousand.torchvision == 86_567_656
    assert (three.ours, three.torchvision, three.trainable) == (85_800_963, 85_800_963, 2_307)
    assert thousand.ours - thousand.head == three.ours - three.head == 85_798_656
    assert count_b16_block() == (7_087_872, 7_087_872)
    hidden, mlp = 768, 3072
    assert count_b16_block()[0] == 4 * hidden**2 + 4 * hidden + 2 * hidden * mlp + mlp + hidden + 4 * hidden


# Exercise 2


def test_vit_py_works_alone(tiny_model: VisionTransformer, tiny_image: Tensor, tmp_path: Path) -> None:
    """In a process of its own, in another folder, without this repository on its path: the same logits to the bit."""
    (tmp_path / "vit.py").write_text(one_file(tiny_model.config), encoding="utf-8")
    torch.save({"state": tiny_model.state_dict(), "image": tiny_image}, tmp_path / "given.pt")
    program = (
        "import sys, torch\n"
        "from vit import ViT\n"
        "given = torch.load('given.pt', weights_only=True)\n"
        "model = ViT().eval()\n"
        "model.load_state_dict(given['state'])\n"
        "with torch.no_grad():\n"
        "    torch.save(model(given['image']), 'logits.pt')\n"
        "assert not [name for name in sys.modules if name.split('.')[0] in ('vit_core', 'explainer', 'pages')]\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, check=True, timeout=120)
    logits = torch.load(tmp_path / "logits.pt", weights_only=True)
    with torch.no_grad():
        assert torch.equal(logits, tiny_model(tiny_image))


def test_vit_py_names_what_it_was_made_with(tiny_config: ViTConfig) -> None:
    source = one_file(tiny_config)
    module = open_module(source)
    assert module.ViTConfig(**vars(tiny_config)) == module.CONFIG
    assert "vit_core" not in source.split('"""', 2)[2]  # the docstring alone says where it comes from
    with torch.device("meta"):
        assert count(module.ViT(module.ViTConfig.named("B/16", num_classes=3))) == 85_800_963


def test_two_modules_with_one_name_are_refused(monkeypatch: pytest.MonkeyPatch, tiny_config: ViTConfig) -> None:
    monkeypatch.setattr(generator, "MODULES", (*generator.MODULES, generator.MODULES[0]))
    with pytest.raises(ValueError, match="defined in more than one module: Size, ViTConfig"):
        one_file(tiny_config)


# Exercises 3 and 4


def test_the_links_name_what_exists() -> None:
    assert "foodvision-20" in FOODVISION
    assert CHECKPOINTS["torchvision/B/16-swag-e2e"].config.num_tokens == 577


# Exercise 5


def test_gradients_are_those_of_backward(tiny_model: VisionTransformer, tiny_image: Tensor) -> None:
    found = gradients(tiny_model, tiny_image, 2)
    assert all(parameter.grad is None for parameter in tiny_model.parameters())  # the shared model stays as it was
    copy = VisionTransformer(tiny_model.config).eval()
    copy.load_state_dict(tiny_model.state_dict())
    torch.autograd.backward(nn.functional.cross_entropy(copy(tiny_image[None]), torch.tensor([2])))
    for name, parameter in copy.named_parameters():
        assert parameter.grad is not None
        # one picture with and without a batch axis: matrix products in another order
        torch.testing.assert_close(found[name], parameter.grad, rtol=1e-4, atol=1e-5)
    norm = nn.utils.clip_grad_norm_(copy.parameters(), 0.5)
    clipped, before = clip(found, 0.5)
    assert before == pytest.approx(float(norm), rel=1e-4)
    for name, parameter in copy.named_parameters():
        assert parameter.grad is not None
        # PyTorch adds 1e-6 to the norm before it divides
        torch.testing.assert_close(clipped[name], parameter.grad, rtol=1e-4, atol=1e-5)
    assert float(nn.utils.get_total_norm(clipped.values())) == pytest.approx(0.5, rel=1e-5)


def test_parts_are_all_of_the_gradient(tiny_model: VisionTransformer, tiny_image: Tensor) -> None:
    found = gradients(tiny_model, tiny_image, 0)
    parts = norms_by_part(found)
    assert sum(norm**2 for norm in parts.values()) == pytest.approx(clip(found, 1.0)[1] ** 2, rel=1e-5)
    assert all(norm > 0 for norm in parts.values())
    unchanged, norm = clip(found, 1e9)
    assert norm < 1e9 and all(torch.equal(unchanged[name], found[name]) for name in found)
    with pytest.raises(ValueError, match="parameters of no part: stranger"):
        norms_by_part({**found, "stranger": torch.ones(1)})


def test_a_short_training_repeats_and_differs_only_by_its_switches() -> None:
    steps = 6
    off, again = list(train(Switches(), steps)), list(train(Switches(), steps))
    assert off == again and len(off) == steps + 1
    clipped = list(train(Switches(clip=True), steps))
    assert clipped[0]["loss"] == off[0]["loss"]  # the same first weights, the same crops
    assert clipped[0]["gradient_norm"] == off[0]["gradient_norm"] > 1.0
    assert clipped[2]["loss"] != off[2]["loss"]
    warm = Switches(warm_up=True, decay="cosine")
    rates = [line["learning_rate"] for line in list(train(warm, steps))[:-1]]
    assert rates == [learning_rate(step, STEPS, warm.recipe) for step in range(steps)]
    assert 0.0 <= off[-1]["share_right"] <= 1.0


def test_cut_outs_of_both_parts_do_not_overlap() -> None:
    learned, held_out = photographs()
    assert len(learned) == len(held_out) == CONFIG.num_classes
    for left, right in zip(learned, held_out, strict=True):
        assert min(left.shape[1:]) >= CONFIG.image_size and min(right.shape[1:]) >= CONFIG.image_size
    images, labels = cut_out(learned, 16, torch.Generator().manual_seed(0))
    assert images.shape == (16, 3, 32, 32) and int(labels.max()) < CONFIG.num_classes


def test_switches_are_checked() -> None:
    assert Switches.from_fields({"optimizer": "adam", "clip": True}) == Switches("adam", clip=True)
    with pytest.raises(ValueError, match="unknown switches"):
        Switches.from_fields({"optimizer": "lion"})
    assert Switches().title == "all off"
    assert Switches(warm_up=True, decay="linear", clip=True).title == "warm-up, linear decay, clipping"


def finish(run: short_runs.ShortRun) -> None:
    for _ in range(600):
        if run.is_over:
            return
        short_runs.threading.Event().wait(0.1)
    raise AssertionError(run)


def program(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_short_runs_are_queued_once_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process is any that writes the lines of a training; what is tested is who starts it, and how often."""
    lines = [json.dumps({"step": 1, "loss": 2.0, "learning_rate": 0.3, "gradient_norm": 1.0})]
    lines += [json.dumps({"share_right": 0.5, "test_loss": 1.0})]
    monkeypatch.setattr(short_runs, "_runs", {})
    monkeypatch.setattr(short_runs, "arguments", lambda switches: program(f"print({chr(10).join(lines)!r})"))
    first = short_runs.ask_for(Switches("adam"))
    assert short_runs.ask_for(Switches("adam")) is first
    finish(first)
    assert (first.status, len(first.steps), first.result["share_right"]) == ("finished", 1, 0.5)
    assert short_runs.find(Switches("adam")) is first and short_runs.find(Switches("sgd", clip=True)) is None
    assert short_runs.all_runs() == [first]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("raise SystemExit('no memory')", "no memory"),
        ("print('{\"step\": 1}')", "ended with code 0 before its last step"),
        ("print('nonsense')", "Expecting value"),
    ],
)
def test_a_short_run_that_breaks_off_says_so_and_can_be_tried_again(
    monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    monkeypatch.setattr(short_runs, "_runs", {})
    monkeypatch.setattr(short_runs, "arguments", lambda switches: program(text))
    run = short_runs.ask_for(Switches())
    finish(run)
    assert run.status == "failed" and said in run.problem
    again = short_runs.ask_for(Switches())
    assert again is not run
    finish(again)  # or the worker would start a real training when this test has ended


# Views


def test_views_show_the_numbers() -> None:
    plot = views.encoder_differences((1e-6, 3e-6), 2).panels[0]
    assert isinstance(plot, Plot) and plot.series[0].y == pytest.approx([1.0, 3.0])
    recipe = Switches(warm_up=True, decay="linear").recipe
    plot = views.schedules({"one": recipe}, 50).panels[0]
    assert isinstance(plot, Plot)
    assert plot.series[0].y == pytest.approx([learning_rate(step, 50, recipe) for step in range(50)])
    before, after = views.clipping({"a": 3.0, "b": 4.0}, {"a": 0.6, "b": 0.8}, 5.0, 1.0).panels
    assert isinstance(before, Bars) and isinstance(after, Bars) and before.high == after.high == 4.0
    assert before.caption == "All together: 5."
    steps = [{"step": n, "loss": float(n), "gradient_norm": 1.0} for n in (1, 2, 3, 4)]
    loss, norm = views.short_trainings({"all off": steps}, {}, average=2).panels
    assert isinstance(loss, Plot) and isinstance(norm, Plot)
    assert loss.series[0].y == pytest.approx([1.0, 1.5, 2.5, 3.5])
    assert np.all(norm.series[0].y == 1.0)
    assert len(views.short_trainings({"all off": steps}, {"all off": {"share_right": 0.5}}).panels) == 3


# The page


def test_page_shows_what_was_computed() -> None:
    at = app("exercises", layer="3")
    shown = markup(at)
    assert "equals block 3" in shown and "vit.py gives the logits of this page" in shown
    assert "7,087,872, 7,087,872" in shown
    assert "| **1,000** | 86,567,656 | ✓ 86,567,656 |" in shown and "| 3 | 85,800,963 | ✓ 85,800,963 |" in shown
    assert "577 tokens are 24 × 24 patches" in shown
    at.number_input(key="exercise_classes").set_value(10).run()
    assert not at.exception and "| **10** | 85,806,346 | ✓ 85,806,346 |" in markup(at)
    at.toggle(key="exercise_warm_up").set_value(False).run()
    at.button_group(key="exercise_answer").set_value("believed most").run()
    assert not at.exception and "If the right answer were" in markup(at)


def test_the_button_trains_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """One step and the end stand for the training, whose process is tested above."""
    text = 'print(\'{"step": 1, "loss": 2, "learning_rate": 1, "gradient_norm": 1}\\n{"share_right": 0.25}\')'
    monkeypatch.setattr(short_runs, "_runs", {})
    monkeypatch.setattr(short_runs, "arguments", lambda switches: program(text))
    at = app("exercises")
    assert at.button(key="exercise_train").label == "Train: all off and clipping"
    at.button(key="exercise_train").click().run()
    for run in short_runs.all_runs():
        finish(run)
    at.run()
    assert not at.exception and at.button(key="exercise_train").disabled
    assert "| all off | 2.000 | 2.000 | 1.00 | 25.0 % |" in markup(at)
