"""What is estimated before it is taken: memory against measured peaks, refusals in words, clicks before dear work."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
import torch
from PIL import Image

from explainer.app import session
from explainer.app.server.slots import ForwardSlots
from explainer.experiments import resize_positions
from vit_core import VisionTransformer, ViTConfig
from vit_core.allowance import MEMORY, MODELS, RUNS, TRAINING_HOURS, TRAINING_MEMORY, Limit, NotAllowedError
from vit_core.cost import count_multiply_adds
from vit_core.estimates import forward_bytes, trace_bytes, weights_bytes
from vit_core.training.config import RECIPES
from vit_core.training.runs import control as runs
from vit_core.training.runs import listing
from vit_core.training.runs.estimate import DECODE_SECONDS, PROCESS_BYTES, RATE, estimate_training
from vit_core.training.start import sizes
from vit_core.weights.checkpoints import CHECKPOINTS

WAIT = 20.0  # seconds that guard against a hang; nothing here takes one
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells the peak of a stretch")

# Models of each shape of cost: attention over many patches, a wide MLP, and an ordinary one.
MODELS_OF = {
    "many patches": ViTConfig(
        image_size=64,
        patch_size=1,
        num_channels=1,
        num_layers=1,
        hidden_size=16,
        mlp_size=32,
        num_heads=2,
        num_classes=3,
    ),
    "wide": ViTConfig(
        image_size=64, patch_size=2, num_layers=1, hidden_size=256, mlp_size=8192, num_heads=1, num_classes=3
    ),
    "L/16": replace(ViTConfig.named("L/16"), num_layers=2),
}
PEAK_OF = """
import sys, torch
from vit_core import VisionTransformer, ViTConfig
def status(name):
    return 1024 * int(open("/proc/self/status").read().split(name + ":")[1].split()[0])
torch.set_num_threads(1)
config, pictures = eval(sys.argv[1]), int(sys.argv[2])
model, batch = VisionTransformer(config).eval(), torch.zeros(pictures, config.num_channels, *2 * (config.image_size,))
with torch.no_grad():
    model(batch[: pictures // 4 or 1])  # what torch and its libraries keep for matrices of this width is not the pass's
    open("/proc/self/clear_refs", "w").write("5")  # the highest point so far is forgotten
    before = status("VmRSS")
    model(batch)
print(status("VmHWM") - before)
"""


@LINUX
@pytest.mark.parametrize(("name", "pictures"), [("many patches", 1), ("wide", 4), ("L/16", 16)])
def test_a_forward_pass_takes_what_was_estimated(name: str, pictures: int) -> None:
    """The peak of a process of its own lies within a third of the estimate: allocators keep and reuse blocks."""
    config = MODELS_OF[name]
    command = [sys.executable, "-c", PEAK_OF, repr(config), str(pictures)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert 0.67 < int(done.stdout) / forward_bytes(config, pictures) < 1.33


def test_weights_and_traces_are_counted() -> None:
    model, record = session.load_model("embedded")
    assert weights_bytes(record.config) == sum(4 * each.numel() for each in model.parameters())
    kept = session.trace("embedded", "cat").nbytes
    assert 0.9 < kept / trace_bytes(record.config) < 1.1


@pytest.mark.parametrize("limit", [MODELS, MEMORY], ids=["weights", "trace"])
def test_a_model_that_is_too_large_is_refused_in_a_sentence(limit: Limit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(limit.variable, "1")
    with pytest.raises(NotAllowedError) as refused:
        session.check_memory(CHECKPOINTS["embedded"])
    said = str(refused.value)
    assert "would take about" in said and "at most 1 MB are allowed here" in said and said.endswith(".")
    assert limit.variable in said


@torch.no_grad()
def test_positions_for_a_grid_that_takes_too_much_are_refused() -> None:
    """Patches of one pixel, twice as many a side: 2,065 MB with one head, from a file of 582 kB."""
    config = MODELS_OF["many patches"]
    model = VisionTransformer(replace(config, num_heads=1)).eval()
    trace = VisionTransformer(replace(config, image_size=4)).eval().trace(torch.zeros(1, 4, 4))
    with pytest.raises(NotAllowedError, match=r"a forward pass with 128 x 128 patches would take about 2,\d\d\d MB"):
        resize_positions(model, trace, ("a", "b", "c"), 128)


# Whose turn it is


def _started(work: Callable[[], None]) -> threading.Event:
    """Run ``work`` in a thread; the event says that it has ended."""
    ended = threading.Event()

    def run() -> None:
        work()
        ended.set()

    threading.Thread(target=run, daemon=True).start()
    return ended


def _until(condition: Callable[[], bool]) -> None:
    """Wait for something that another thread does at once."""
    pause = threading.Event()
    for _ in range(int(WAIT / 0.01)):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("it never happened")


def test_dear_work_leaves_a_slot_to_clicks() -> None:
    slots = ForwardSlots(2)
    slots.dear.acquire()
    other = _started(lambda: (slots.dear.acquire(), slots.dear.release())[0])
    _until(lambda: len(slots.dear._waiting) == 1)
    assert slots.acquire(timeout=WAIT)  # at once, although two pieces of dear work are under way
    slots.release()
    assert not other.is_set()
    slots.dear.release()
    assert other.wait(WAIT)


def test_a_click_waits_for_one_batch_and_goes_before_all_dear_work() -> None:
    """On one core: six pieces of work wait, the click came last and is next."""
    slots, order = ForwardSlots(1), list[str]()

    def take(name: str, slot: object) -> Callable[[], None]:
        def run() -> None:
            with slot:  # type: ignore[attr-defined]
                order.append(name)

        return run

    slots.dear.acquire()
    waiting = []
    for number in range(6):
        waiting.append(_started(take(f"dear {number}", slots.dear)))
        _until(lambda: len(slots.dear._waiting) == len(waiting))
    click = _started(take("click", slots))
    _until(lambda: slots._clicks == 1)
    slots.dear.release()
    assert click.wait(WAIT) and all(each.wait(WAIT) for each in waiting)
    assert order == ["click", *(f"dear {number}" for number in range(6))]


def test_dear_work_takes_turns_batch_by_batch() -> None:
    slots, order = ForwardSlots(2), list[int]()

    def work(number: int) -> Callable[[], None]:
        def run() -> None:
            for batch in range(3):
                with slots.dear:
                    order.append(number)
                    # Whoever else has batches left asks for its turn before this one is over.
                    _until(lambda: len(slots.dear._waiting) == 1 or sum(each != number for each in order) == 3)
                    assert batch < 3

        return run

    both = [_started(work(number)) for number in range(2)]
    assert all(each.wait(WAIT) for each in both)
    assert order in ([0, 1] * 3, [1, 0] * 3)


def test_slots_are_not_given_back_twice() -> None:
    slots = ForwardSlots(1)
    with slots:
        pass
    with pytest.raises(ValueError, match="nobody has taken"):
        slots.release()
    assert not [slots.acquire(timeout=1), slots.acquire(timeout=0.01)][1]


# A training, before it starts


STEP_PEAK = """
import json, sys, torch, torchvision  # which PROCESS_BYTES counts: a training imports it before there is a model
from vit_core.training.config import RECIPES
from vit_core.training.loop import Forward, Setup, evaluate, train_step
from vit_core.training.optimizers import make_optimizers
from vit_core.training.start import begin
from vit_core.training.state import TrainingState
def status(name):
    return 1024 * int(open("/proc/self/status").read().split(name + ":")[1].split()[0])
torch.set_num_threads(1)
recipe = RECIPES[sys.argv[1]].with_values(json.loads(sys.argv[2]))
before = status("VmRSS")
model, preprocess = begin(recipe, 3)
optimizers, generator = make_optimizers(model, recipe), torch.Generator()
state = TrainingState(model, None, optimizers, generator, epoch_start=generator.get_state())
setup, size = Setup(recipe, preprocess, Forward(model), 2), model.config.image_size
batch = torch.zeros(recipe.batch_size, 3, size, size, dtype=torch.uint8), torch.zeros(recipe.batch_size).long()
model.train()
for _ in range(2):
    train_step(state, batch, setup, recipe.batch_size, recipe.batch_size)
    state.step += 1
print(status("VmHWM") - before)
"""


@LINUX
@pytest.mark.parametrize(
    ("recipe_name", "changes"),
    [
        ("scratch-small", {"batch_size": 64}),
        ("scratch-small", {"model": "B/16", "batch_size": 2, "optimizer": "sgd"}),
        ("course", {"model": "S/16", "batch_size": 4}),  # with dropout
    ],
    ids=["activations", "weights", "dropout"],
)
def test_a_training_takes_the_memory_that_was_estimated(recipe_name: str, changes: dict[str, object]) -> None:
    """Two real steps, in a process of their own: at most a quarter over the estimate, at least 60 % of it."""
    done = subprocess.run(
        [sys.executable, "-c", STEP_PEAK, recipe_name, json.dumps(changes)],
        capture_output=True,
        text=True,
        check=True,
        timeout=500,
    )
    recipe = RECIPES[recipe_name].with_values(changes)
    # No picture is measured: what is compared is the step alone, without the process that is there before it.
    estimated = estimate_training(sizes(recipe, 3), recipe, 1000, 0).memory - PROCESS_BYTES
    assert 0.6 < int(done.stdout) / estimated < 1.25


def test_epochs_pictures_and_weights_are_counted() -> None:
    recipe = RECIPES["scratch-small"].with_values({"epochs": 4})
    config = sizes(recipe, 3)
    takes = estimate_training(config, recipe, 100, 20)
    assert takes.seconds == pytest.approx(
        4 * (3 * 100 + 20) * count_multiply_adds(config)["total"] / RATE + DECODE_SECONDS * 4 * 120
    )
    weights = weights_bytes(config)
    assert takes.disk == 5 * weights // 2 + 2 * 3 * weights  # five epochs in half precision; the state, twice
    longer = estimate_training(config, recipe.with_values({"epochs": 10**6}), 100, 20)
    assert longer.memory == takes.memory and longer.disk < 66 / 2 * weights + 6 * weights + 1
    assert longer.seconds == pytest.approx(takes.seconds * 10**6 / 4)


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two classes of three pictures each, and no runs."""
    monkeypatch.setenv("VIT_EXPLAINER_RUNS", str(tmp_path / "runs"))
    for split, name, number in product(("train", "test"), ("bright", "dark"), range(3)):
        folder = tmp_path / "pictures" / split / name
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (16, 16), (200 if name == "bright" else 20,) * 3).save(folder / f"{number}.png")
    return tmp_path / "pictures"


@pytest.mark.parametrize(
    ("limit", "value", "changes", "said"),
    [
        (TRAINING_MEMORY, "900", {"model": "L/16", "epochs": 1}, "MB of memory, and at most 900 MB"),
        (TRAINING_HOURS, "1", {"epochs": 999_999}, "h of computing, and at most 1 h"),
        (RUNS, "50", {"model": "Mini/8", "epochs": 9}, "MB with what is kept already, and at most 50 MB"),
    ],
    ids=["memory", "time", "disk"],
)
def test_a_training_that_takes_too_much_is_not_started(
    limit: Limit, value: str, changes: dict[str, object], said: str, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever button or link asks for it: nothing is left of it, and no slot is held."""
    monkeypatch.setenv(limit.variable, value)
    with pytest.raises(NotAllowedError, match=said):
        runs.start_run("large", [pictures], "scratch-small", changes)
    assert listing.list_runs() == [] and not (listing.runs_folder() / "large").exists()


def test_a_run_that_takes_too_much_does_not_go_on(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = listing.runs_folder() / "stopped"
    folder.mkdir(parents=True)
    start = {"recipe_name": "scratch-small", "changes": {"epochs": 999_999}, "data": [str(pictures)], "started": 1.0}
    (folder / "start.json").write_text(json.dumps(start))
    with pytest.raises(NotAllowedError, match="h of computing"):
        runs.resume_run(listing.open_run("stopped"))
    assert not listing.open_run("stopped").is_alive
