"""Training: the recipes' numbers, the schedule, the pictures, patch dropping, learning, interruption, export."""

import json
import math
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Generator, Tensor
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from explainer.course import data_steps
from vit_core import VisionTransformer, ViTConfig, load
from vit_core.preprocess import normalise
from vit_core.training import (
    RECIPES,
    History,
    Loaders,
    TrainingConfig,
    checkpointing,
    evaluate,
    find_pictures,
    fit,
    learning_rate,
    load_pictures,
)
from vit_core.training.__main__ import main
from vit_core.training.checkpointing import RunFolder
from vit_core.training.data.pictures import broken_pictures
from vit_core.training.data.transforms import evaluation_transform, training_transform
from vit_core.training.disk import process_lock
from vit_core.training.loop import draw_patches, forward_kept, update_average
from vit_core.training.optimizers import make_optimizers
from vit_core.training.runs.files import EPOCHS, METRICS, STATE
from vit_core.training.state import StepRecord, TrainingState

SMALL = ViTConfig(image_size=16, patch_size=4, num_layers=2, hidden_size=32, mlp_size=64, num_heads=4, num_classes=3)
LABELS = ("columns", "none", "rows")
TOY = TrainingConfig(  # everything switched on, so that the tests of repetition cover all of it
    model="Mini/8",
    image_size=16,
    epochs=3,
    batch_size=16,
    learning_rate=3e-3,
    weight_decay=0.05,
    clip_norm=1.0,
    warmup_steps=5,
    patch_drop=0.5,
    patch_drop_until=0.7,
    crop_scale=(0.6, 1.0),
    flip=True,
    colour_jitter=0.1,
    ema_decay=0.9,
)


def stripes(folder: Path, count: int, generator: Generator) -> None:
    """Noisy 16x16 pictures of three classes: horizontal stripes, vertical stripes, none, each of a random colour."""
    labels = torch.arange(count) % 3
    wave = 90 * torch.sin(torch.arange(16) * math.pi / 2 + math.pi / 4)
    waves = torch.stack([wave[:, None].expand(16, 16), wave[None].expand(16, 16), torch.zeros(16, 16)])
    colour = torch.rand(count, 3, 1, 1, generator=generator)
    noise = 20 * torch.randn(count, 3, 16, 16, generator=generator)
    pixels = (128 + waves[labels][:, None] * colour + noise).clamp(0, 255).to(torch.uint8)
    for number, (picture, label) in enumerate(zip(pixels, labels.tolist(), strict=True)):
        path = folder / LABELS[label] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture.permute(1, 2, 0).numpy()).save(path)


@pytest.fixture(scope="session")
def striped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of stripes: 75 to learn from (4 batches of 16 and one of 11) and 40 to measure on."""
    folder, generator = tmp_path_factory.mktemp("striped"), Generator().manual_seed(1)
    stripes(folder / "train", 75, generator)
    stripes(folder / "test", 40, generator)
    return folder


def loaders_of(folder: Path, recipe: TrainingConfig = TOY) -> Loaders:
    return load_pictures(find_pictures([folder]), recipe, recipe.preprocess)


def new_model(config: ViTConfig = SMALL) -> VisionTransformer:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return VisionTransformer(config)


def weights(model: VisionTransformer) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


# --- recipes -------------------------------------------------------------------------------------------------------


def test_recipe_of_table_3() -> None:
    """arXiv 2010.11929, Table 3, last row, and its caption."""
    recipe = RECIPES["paper-imagenet"]
    assert (recipe.epochs, recipe.learning_rate, recipe.schedule) == (300, 3e-3, "cosine")
    assert (recipe.weight_decay, recipe.dropout, recipe.batch_size) == (0.3, 0.1, 4096)
    assert (recipe.warmup_steps, recipe.clip_norm, recipe.preprocess.image_size) == (10_000, 1.0, 224)
    assert (recipe.beta1, recipe.beta2) == (0.9, 0.999)  # section 4.1


@pytest.mark.parametrize(
    ("name", "steps", "rates"),
    [
        ("fine-tune-imagenet", 20_000, {0.003, 0.01, 0.03, 0.06}),
        ("fine-tune-cifar", 10_000, {0.001, 0.003, 0.01, 0.03}),
        ("fine-tune", 500, {0.001, 0.003, 0.01, 0.03}),
        ("fine-tune-vtab", 2_500, {0.01}),
    ],
)
def test_recipes_of_table_4(name: str, steps: int, rates: set[float]) -> None:
    """arXiv 2010.11929, Table 4 and its caption."""
    recipe = RECIPES[name]
    assert recipe.total_steps(num_pictures=1000) == steps
    assert recipe.learning_rate in rates
    assert (recipe.optimizer, recipe.momentum, recipe.batch_size) == ("sgd", 0.9, 512)
    assert (recipe.schedule, recipe.weight_decay, recipe.clip_norm) == ("cosine", 0.0, 1.0)
    assert recipe.preprocess.image_size == 384


def test_recipe_of_the_course() -> None:
    """Chapter 08, 9.1: Adam(lr=3e-3, betas=(0.9, 0.999), weight_decay=0.3), coupled and on every parameter."""
    recipe = RECIPES["course"]
    (optimizer,) = make_optimizers(new_model(), recipe)
    assert type(optimizer) is torch.optim.Adam
    (group,) = optimizer.param_groups
    assert (group["lr"], group["betas"], group["weight_decay"]) == (3e-3, (0.9, 0.999), 0.3)
    assert recipe.total_steps(num_pictures=225) == 10 * 8  # its eight batches an epoch, the last of one picture


def test_weight_decay_on_matrices_spares_the_rest() -> None:
    model = new_model()
    (optimizer,) = make_optimizers(model, TOY)
    spared, decayed = sorted(optimizer.param_groups, key=lambda group: group["weight_decay"])
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    assert {names[id(p)].rpartition(".")[2] for p in decayed["params"]} == {"weight"}
    spared_names = {names[id(p)] for p in spared["params"]}
    assert {"class_token", "position_embedding", "norm.weight", "head.linear.bias"} <= spared_names
    assert len(decayed["params"]) + len(spared_names) == len(names)
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.05, 0.0)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 0),
        ("batch_size", 0),
        ("learning_rate", 0.0),
        ("patch_drop", 1.0),
        ("schedule", "steps"),
        ("crop_scale", (0.5, 0.2)),
        ("std", (0.5, 0.5, 0.0)),
        ("ema_decay", 1.0),
        ("warmup_steps", -1),
        ("layer_decay", 0.0),
    ],
)
def test_impossible_values_are_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        TOY.with_values({field: value})
    with pytest.raises(ValueError, match="no field 'learning'"):
        TOY.with_values({"learning": 1.0})


# --- schedule ------------------------------------------------------------------------------------------------------


def test_schedule_at_known_points() -> None:
    recipe = TrainingConfig(learning_rate=2.0, warmup_steps=10, schedule="cosine")
    rates = [learning_rate(step, 110, recipe) for step in range(110)]
    assert_close(rates[:10], [0.2 * step for step in range(1, 11)], atol=1e-12, rtol=0)  # one rounding each
    assert rates[10] == 2.0
    assert_close(rates[60], 1.0, atol=1e-12, rtol=0)  # half of the way after warm-up: half of the rate
    assert_close(rates[35], 1.0 + math.sqrt(0.5), atol=1e-12, rtol=0)  # a quarter: (1 + cos 45 degrees) / 2
    linear = replace(recipe, schedule="linear")
    assert_close([learning_rate(s, 110, linear) for s in (10, 35, 85)], [2.0, 1.5, 0.5], atol=1e-12, rtol=0)
    cooldown = replace(recipe, schedule="cooldown", cooldown=0.5)
    assert_close([learning_rate(s, 110, cooldown) for s in (10, 60, 85)], [2.0, 2.0, 1.0], atol=1e-12, rtol=0)
    assert {learning_rate(s, 110, replace(recipe, schedule="constant")) for s in range(10, 110)} == {2.0}


@pytest.mark.parametrize("schedule", ["linear", "cosine", "cooldown"])
def test_schedule_falls_to_zero_just_after_the_last_step(schedule: str) -> None:
    recipe = TrainingConfig(learning_rate=1.0).with_values({"schedule": schedule})
    rates = [learning_rate(step, 50, recipe) for step in range(50)]
    assert rates == sorted(rates, reverse=True)
    assert 0.0 < rates[-1] < 0.1
    with pytest.raises(ValueError, match=r"step must be in 0\.\.49"):
        learning_rate(50, 50, recipe)


def test_cosine_is_that_of_pytorch() -> None:
    recipe = TrainingConfig(learning_rate=1.0, schedule="cosine")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 50)
    for step in range(50):
        # theirs is computed from step to step: fifty roundings
        assert_close(learning_rate(step, 50, recipe), optimizer.param_groups[0]["lr"], atol=1e-9, rtol=0)
        optimizer.step()
        theirs.step()


# --- pictures ------------------------------------------------------------------------------------------------------


def paint(path: Path, colour: tuple[int, int, int], size: tuple[int, int] = (16, 16)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


@pytest.fixture
def two_roots(tmp_path: Path) -> list[Path]:
    """``foods`` without splits and ``things`` with a table of names; both have ice cream."""
    for number in range(4):
        paint(tmp_path / "foods" / "ice_cream" / f"{number}.png", (250, 10 * number, 0))
        paint(tmp_path / "foods" / "apple_pie" / f"{number}.png", (0, 10 * number, 250))
        paint(tmp_path / "things" / "n01" / f"a{number}.png", (0, 250, 10 * number))
        paint(tmp_path / "things" / "n02" / f"b{number}.png", (120, 120, 10 * number))
    (tmp_path / "things" / "classes.tsv").write_text("n01\tice cream, icecream\nn02\tbeacon, lighthouse\n")
    return [tmp_path / "foods", tmp_path / "things"]


def test_roots_become_one_label_space(two_roots: list[Path]) -> None:
    files = find_pictures(two_roots, held_out=1, names={"beacon": "lighthouse"})
    loaders = load_pictures(files, TOY, TOY.preprocess)
    assert loaders.train.class_names == ("apple pie", "ice cream", "lighthouse")
    assert (len(loaders.train), len(loaders.validation)) == (12, 4)  # one held out of each of four folders
    assert sorted(loaders.validation.labels.tolist()) == [0, 1, 1, 2]
    assert len(loaders.validation.from_root(0)) == len(loaders.validation.from_root(1)) == 2
    reds = {0: 0, 2: 120}
    for pixels, labels in loaders.validation.batches([[0], [1], [2], [3]]):
        assert int(pixels[0, 0, 0, 0]) == reds.get(int(labels), int(pixels[0, 0, 0, 0]))
    assert not set(loaders.train.files) & set(loaders.validation.files)


def test_held_out_pictures_do_not_depend_on_the_others(two_roots: list[Path]) -> None:
    """The rule is a hash of the file name: more pictures of a class move at most the newcomer into the test split."""
    before = {file.path for file in find_pictures(two_roots, held_out=2) if file.split == "test"}
    paint(two_roots[0] / "apple_pie" / "new.png", (1, 2, 3))
    after = {file.path for file in find_pictures(two_roots, held_out=2) if file.split == "test"}
    assert len(before - after) <= 1
    assert {path.name for path in after - before} <= {"new.png"}


def test_splits_on_disk_are_kept(tmp_path: Path) -> None:
    """``train`` and ``test`` folders, as the course's pictures come."""
    for split, count in (("train", 3), ("test", 2)):
        for number in range(count):
            paint(tmp_path / split / "pizza" / f"{split}{number}.png", (200, 0, 0))
    splits = [(file.split, file.class_name) for file in find_pictures([tmp_path], held_out=1)]
    assert sorted(splits) == [("test", "pizza")] * 2 + [("train", "pizza")] * 3


def test_pictures_are_measured_as_they_will_be_used(tmp_path: Path) -> None:
    """torchvision's transforms and ``Preprocess`` see the same pixels, whatever the size and the way to resize."""
    wide = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8))
    for changes in ({}, {"keep_aspect": False}, {"interpolation": "bilinear"}):
        recipe = replace(TOY, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4)).with_values(changes)
        pixels = evaluation_transform(recipe.preprocess)(wide)
        # the same bytes; one division and one subtraction in float32, in the same order
        assert_close(normalise(pixels[None], recipe.preprocess)[0], recipe.preprocess(wide), atol=1e-6, rtol=0)


def test_pictures_are_trained_with_as_the_weights_of_every_recipe_want_them() -> None:
    """TensorFlow's way to resize, which PIL does not have, too: the paper's own weights were trained with it."""
    wide = Image.fromarray(np.random.default_rng(0).integers(0, 256, (400, 600, 3), dtype=np.uint8))
    ways = {name: data_steps.preprocess_of(recipe) for name, recipe in RECIPES.items()}
    assert ways["fine-tune"].interpolation == "bilinear-no-antialias"
    for name, preprocess in ways.items():
        pixels = evaluation_transform(preprocess)(wide)
        drawn = training_transform(RECIPES[name], preprocess)(wide)
        assert drawn.shape == pixels.shape and drawn.dtype == pixels.dtype == torch.uint8
        # PIL's bytes are the same. Torchvision interpolates bytes with whole numbers, which costs up to a step.
        step = 1.01 / 255 / min(preprocess.std) if preprocess.interpolation == "bilinear-no-antialias" else 0.0
        assert_close(normalise(pixels[None], preprocess)[0], preprocess(wide), atol=step + 1e-6, rtol=0)


def test_bad_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not a folder"):
        find_pictures([tmp_path / "nowhere"])
    with pytest.raises(ValueError, match="holds no images"):
        find_pictures([tmp_path])
    paint(tmp_path / "class" / "whole.png", (1, 2, 3))
    with pytest.raises(ValueError, match="only one class, class"):
        load_pictures(find_pictures([tmp_path], 1), TOY, TOY.preprocess)
    (tmp_path / "class" / "broken.png").write_bytes(b"no picture")
    paint(tmp_path / "other" / "whole.png", (1, 2, 3))
    files = find_pictures([tmp_path], 2)
    ((path, reason),) = broken_pictures(files).items()
    assert path.name == "broken.png" and "not an image that can be read" in reason
    with pytest.raises(ValueError, match="train split is empty"):
        load_pictures(files, TOY, TOY.preprocess)
    loaders = load_pictures(
        [file._replace(split=split) for split in ("train", "test") for file in files], TOY, TOY.preprocess
    )
    with pytest.raises(ValueError, match=r"broken\.png cannot be read"):
        list(loaders.validation.batches([[0, 1, 2]]))


def test_hidden_files_and_folders_are_no_pictures(tmp_path: Path) -> None:
    """What a Mac leaves in a zip: ``._`` beside each picture, a folder ``__MACOSX``."""
    paint(tmp_path / "pizza" / "1.png", (1, 2, 3))
    for path in ("pizza/._1.png", "__MACOSX/1.png", ".cache/1.png"):
        paint(tmp_path / "other.png", (1, 2, 3))
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / "other.png").rename(tmp_path / path)
    assert [file.path.name for file in find_pictures([tmp_path])] == ["1.png"]


# --- augmentation --------------------------------------------------------------------------------------------------


def test_a_picture_is_changed_by_its_seed_and_number_alone(striped: Path) -> None:
    """Not by the process that decodes it, nor by the order: this is what makes any number of processes one run."""
    pictures = replace(loaders_of(striped).train, seed=7)
    forwards = torch.cat([pixels for pixels, _ in pictures.batches([[0, 1, 2], [3]])])
    torch.rand(5)
    before = torch.random.get_rng_state()
    backwards = torch.cat([pixels for pixels, _ in pictures.batches([[3, 2], [1, 0]])])
    assert torch.equal(torch.random.get_rng_state(), before)  # nor does it disturb what others draw
    assert torch.equal(forwards, backwards.flip(0))
    beside = torch.cat([pixels for pixels, _ in pictures.batches([[0, 1, 2], [3]], workers=2)])
    assert torch.equal(forwards, beside)
    assert not torch.equal(forwards, torch.cat([p for p, _ in replace(pictures, seed=8).batches([[0, 1, 2], [3]])]))


def test_no_augmentation_is_what_is_measured() -> None:
    wide = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8))
    plain = replace(TOY, crop_scale=None, flip=False, colour_jitter=0.0)
    assert torch.equal(training_transform(plain, plain.preprocess)(wide), evaluation_transform(plain.preprocess)(wide))
    jittered = training_transform(replace(plain, colour_jitter=0.3), plain.preprocess)(wide)
    assert not torch.equal(jittered, evaluation_transform(plain.preprocess)(wide))


@pytest.mark.parametrize("auto_augment", ["trivial", "rand"])
def test_automatic_augmentation_keeps_the_size(auto_augment: str) -> None:
    wide = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8))
    recipe = TOY.with_values({"auto_augment": auto_augment})
    drawn = [training_transform(recipe, recipe.preprocess)(wide) for _ in range(8)]
    assert {(each.dtype, tuple(each.shape)) for each in drawn} == {(torch.uint8, (3, 16, 16))}


# --- patch dropping ------------------------------------------------------------------------------------------------


def test_dropped_patches_leave_class_token_and_positions_right() -> None:
    """By hand for each picture: class token with position 0, patch n with position n + 1, the others gone."""
    model = new_model().eval()
    torch.nn.init.normal_(model.head.linear.weight, generator=Generator().manual_seed(2))  # it starts as zero
    torch.nn.init.normal_(model.class_token, generator=Generator().manual_seed(3))
    images = torch.randn(3, 3, 16, 16, generator=Generator().manual_seed(4))
    kept = draw_patches(3, 16, 8, Generator().manual_seed(5))
    assert all(len(set(row.tolist())) == 8 for row in kept)
    with torch.no_grad():
        logits = forward_kept(model, images, kept)
        for image, row, ours in zip(images, kept, logits, strict=True):
            patches = model.embed_patches(image)
            rows = [model.class_token[0] + model.position_embedding[0]]
            rows += [patches[n] + model.position_embedding[n + 1] for n in row.tolist()]
            expected = model.classify(model.encode(torch.stack(rows)))
            assert_close(ours, expected, atol=1e-5, rtol=0)  # a batch of three sums in another order than one
        everything = torch.arange(16).expand(3, 16)
        assert_close(forward_kept(model, images, everything), model(images), atol=1e-6, rtol=0)  # the same sums


# --- learning ------------------------------------------------------------------------------------------------------


def test_a_tiny_model_learns_what_can_be_learned(striped: Path) -> None:
    """Stripes of random colour: a constant predictor cannot get below ln 3 nor above a third of the pictures."""
    recipe = replace(TOY, epochs=40, patch_drop=0.25, crop_scale=None, flip=False)
    model = new_model()
    loaders = loaders_of(striped, recipe)
    history = fit(model, loaders, recipe, generator=Generator().manual_seed(0))
    assert_close(history[0].train_loss, math.log(3), atol=0.1, rtol=0)  # the head starts as zero: all classes alike
    assert history[-1].train_loss < 0.5 * math.log(3)
    assert history[-1].validation.top1 > 0.9
    assert history[-1].validation == evaluate(model, loaders.validation, recipe.preprocess)  # as it is left


def test_same_seed_same_curve_whatever_torch_drew_before(striped: Path) -> None:
    """All randomness is the generator's, that of dropout too."""
    config = replace(SMALL, dropout=0.1)
    curves = []
    for seed, noise in ((0, 3), (0, 5), (1, 3)):
        torch.rand(noise)
        recipe, generator = replace(TOY, epochs=2), Generator().manual_seed(seed)
        history = fit(new_model(config), loaders_of(striped), recipe, generator=generator)
        curves.append([(record.train_loss, record.validation) for record in history])
    assert curves[0] == curves[1]
    assert curves[0] != curves[2]


def test_accuracy_counts_pictures_not_batches(striped: Path) -> None:
    """Forty pictures are a batch of 32 and one of 8: in the course's mean, those of the second weigh four times."""
    model = new_model().eval()
    torch.nn.init.normal_(model.head.linear.weight, generator=Generator().manual_seed(0))
    pictures = loaders_of(striped).validation
    (pixels, labels), *_ = pictures.batches([list(range(40))])
    with torch.no_grad():
        logits = model(normalise(pixels, TOY.preprocess))
    guesses, right = logits.argmax(1), (logits.argmax(1) == labels).double()
    measured = evaluate(model, pictures, TOY.preprocess, batch_size=7)
    assert 0 < right.sum() < 40
    assert (measured.top1, measured.top5, measured.pictures) == (right.mean(), 1.0, 40)  # 3 classes: all in the top 5
    assert measured.batch_mean_top1 == (right[:32].mean() + right[32:].mean()) / 2 != measured.top1
    assert measured.predicted == tuple(guesses.bincount(minlength=3).tolist())
    assert measured.confusion is not None
    for true, row in enumerate(measured.confusion):
        assert list(row) == guesses[labels == true].bincount(minlength=3).tolist()
    assert_close(measured.loss, cross_entropy(logits, labels).item(), atol=0, rtol=1e-6)  # another order of sums
    with pytest.raises(ValueError, match="no images"):
        evaluate(model, replace(pictures, files=()), TOY.preprocess)


def test_average_of_weights() -> None:
    model, averaged = new_model(), new_model()
    for parameter in model.parameters():
        torch.nn.init.constant_(parameter, 1.0)
    for parameter in averaged.parameters():
        torch.nn.init.constant_(parameter, 3.0)
    update_average(averaged, model, 0.75)
    assert torch.equal(weights(averaged), torch.full_like(weights(averaged), 2.5))


def test_a_loss_that_is_not_finite_stops_the_run(striped: Path) -> None:
    model = new_model()
    torch.nn.init.constant_(model.head.linear.bias, math.inf)
    with pytest.raises(FloatingPointError, match="step 1"):
        fit(model, loaders_of(striped), TOY, generator=Generator())


# --- interruption --------------------------------------------------------------------------------------------------


class PulledPlug(Exception):
    """The power fails."""


class Interrupted(RunFolder):
    """A run that is killed after a step, before or after that step is saved."""

    def __init__(self, path: Path, recipe: TrainingConfig, at_step: int, save: bool) -> None:
        super().__init__(path, recipe, LABELS, recipe.preprocess, save_seconds=math.inf, log_steps=1)
        self.at_step, self.save_then = at_step, save

    def after_step(self, state: TrainingState, record: StepRecord) -> None:
        super().after_step(state, record)
        if record.step == self.at_step:
            if self.save_then:
                self.save(state)
            raise PulledPlug


# 15 steps in 3 epochs of 5: in the middle, on an epoch's last step before it was measured, without any save, at the end
@pytest.mark.parametrize(("at_step", "save"), [(7, True), (10, True), (8, False), (15, True)])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "muon"])
def test_an_interrupted_run_ends_in_the_same_bits(
    tmp_path: Path, striped: Path, at_step: int, save: bool, optimizer: str
) -> None:
    recipe = TOY.with_values({"optimizer": optimizer})
    config = replace(SMALL, dropout=0.1)
    whole, loaders = new_model(config), loaders_of(striped)
    run = RunFolder(tmp_path / "whole", recipe, LABELS, recipe.preprocess, log_steps=1)
    expected = fit(whole, loaders, recipe, generator=Generator().manual_seed(0), checkpoints=run)

    broken = Interrupted(tmp_path / "broken", recipe, at_step, save)
    with pytest.raises(PulledPlug):
        fit(new_model(config), loaders, recipe, generator=Generator().manual_seed(0), checkpoints=broken)
    resumed = new_model(config)
    run = RunFolder(tmp_path / "broken", recipe, LABELS, recipe.preprocess, log_steps=1)
    history = fit(resumed, loaders, recipe, generator=Generator().manual_seed(99), checkpoints=run)

    assert torch.equal(weights(resumed), weights(whole))
    timeless = [[record._replace(seconds=0.0) for record in each] for each in (history, expected)]
    assert timeless[0] == timeless[1]

    def told(folder: str) -> Iterator[tuple[int, float | None, float | None]]:
        for line in (tmp_path / folder / METRICS).read_text().splitlines():
            record = json.loads(line)
            yield record["step"], record.get("loss"), record.get("train_loss")

    assert list(told("broken")) == list(told("whole"))  # no line twice, none missing
    kept = [sorted(path.name for path in (tmp_path / each / EPOCHS).iterdir()) for each in ("whole", "broken")]
    assert kept[0] == kept[1] and len(kept[0]) == 2 * 4  # weights and card before training and after each epoch
    for name in kept[0][1::2]:
        one, other = (load_file(tmp_path / each / EPOCHS / name) for each in ("whole", "broken"))
        assert all(torch.equal(tensor, other[key]) for key, tensor in one.items())


def test_a_run_goes_on_only_with_its_own_recipe(tmp_path: Path, striped: Path) -> None:
    recipe, loaders = replace(TOY, epochs=1), loaders_of(striped)

    def train(recipe: TrainingConfig, labels: tuple[str, ...] = LABELS) -> History:
        run = RunFolder(tmp_path, recipe, labels, recipe.preprocess)
        return fit(new_model(), loaders, recipe, generator=Generator(), checkpoints=run)

    train(recipe)
    with pytest.raises(ValueError, match=r"learning_rate 0\.003, now it is 0\.0001"):
        train(replace(recipe, learning_rate=1e-4))
    with pytest.raises(ValueError, match="other classes"):
        train(recipe, ("a", "b", "c"))
    longer = replace(recipe, epochs=2)  # how long may be decided later
    assert len(train(longer)) == 2
    (tmp_path / STATE).write_bytes(b"\x10" + bytes(40))
    with pytest.raises(ValueError, match="is damaged or not of a run"):
        train(longer)


def test_a_long_run_keeps_its_epochs_thinned_out(
    tmp_path: Path, striped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpointing, "MOST_EPOCHS", 4)
    recipe = replace(TOY, epochs=9, batch_size=75)
    run = RunFolder(tmp_path, recipe, LABELS, recipe.preprocess)
    fit(new_model(), loaders_of(striped), recipe, generator=Generator(), checkpoints=run)
    kept = sorted(path.stem for path in (tmp_path / EPOCHS).glob("*.safetensors"))
    assert kept == ["epoch-0000", "epoch-0004", "epoch-0008", "epoch-0009"]
    assert sorted(path.stem for path in (tmp_path / EPOCHS).glob("*.json")) == kept


def test_two_processes_cannot_train_in_one_folder(tmp_path: Path) -> None:
    with process_lock(tmp_path), pytest.raises(ValueError, match="another process is training"), process_lock(tmp_path):
        pass
    with process_lock(tmp_path):  # given back
        assert json.loads((tmp_path / "process.json").read_text()) == {"pid": os.getpid()}


# --- command line --------------------------------------------------------------------------------------------------


def test_train_and_export_by_command(tmp_path: Path, two_roots: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    data, run = [str(root) for root in two_roots], str(tmp_path / "run")
    train = [
        "--recipe",
        "mini",
        "--data",
        *data,
        "--output",
        run,
        "--held-out",
        "1",
        "--steps",
        "4",
        "--image-size",
        "16",
        "--batch-size",
        "6",
        "--warmup-steps",
        "1",
        "--crop-scale",
        "0.5",
        "1",
        "--no-flip",
    ]
    assert main(train) == 0
    assert main(train) == 1
    assert "already holds a run" in capsys.readouterr().err
    assert main([*train, "--resume"]) == 0

    exported = tmp_path / "out" / "toy"
    assert main(["export", run, str(exported), "--data", *data, "--licence", "for this test"]) == 0
    model, checkpoint = load(exported.with_suffix(".safetensors"))
    card = json.loads(exported.with_suffix(".json").read_text())
    assert checkpoint.labels == ("apple pie", "beacon", "ice cream")
    assert (checkpoint.licence, card["recipe"]["steps"], card["recipe"]["flip"]) == ("for this test", 4, False)
    assert checkpoint.config.image_size == checkpoint.preprocess.image_size == 16

    # What the card says of the weights is true of the weights as they are loaded.
    recipe = TrainingConfig().with_values(card["recipe"])
    loaders = load_pictures(find_pictures(two_roots, 1), recipe, recipe.preprocess)
    for name, part in {"all": loaders.validation, "foods": loaders.validation.from_root(0)}.items():
        measured = evaluate(model, part, recipe.preprocess)
        assert [measured.loss, measured.top1, measured.top5] == list(card["metrics"]["validation"][name].values())[:3]
    # Half precision keeps 11 bits: a weight moves by at most 2^-11 of itself.
    state = {n: t for n, t in _tensors(tmp_path / "run").items() if n.startswith("averaged.")}
    for name, tensor in model.state_dict().items():
        assert_close(tensor, state[f"averaged.{name}"], atol=1e-7, rtol=2**-11)


def _tensors(run: Path) -> dict[str, Tensor]:
    from vit_core.training.checkpointing import read_state

    return read_state(run)[0]


def test_epochs_on_the_command_line_replace_the_steps_of_the_recipe(
    tmp_path: Path, two_roots: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--data", *map(str, two_roots), "--held-out", "1", "--batch-size", "8", "--image-size", "16"]
    assert RECIPES["mini"].steps
    assert main(["--recipe", "mini", "--output", str(tmp_path / "run"), "--epochs", "2", *data]) == 0
    assert "12 images to learn from, 4 to measure on, 4 steps of 8" in capsys.readouterr().out


def test_what_is_wrong_is_said_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(tmp_path / "none"), "--output", str(tmp_path / "run")]) == 1
    assert main(["export", str(tmp_path / "none"), str(tmp_path / "out"), "--data", str(tmp_path)]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert "is not a folder" in errors[0] and "holds no run" in errors[1]


# --- the embedded model --------------------------------------------------------------------------------------------

WEIGHTS = Path(__file__).parents[1] / "assets" / "weights"


def test_embedded_model_is_what_its_cards_say() -> None:
    model, checkpoint = load("embedded")
    assert model.config == ViTConfig.named("Mini/8", num_classes=298)
    assert len(set(checkpoint.labels)) == 298
    assert sum(file.stat().st_size for file in WEIGHTS.iterdir()) < 20_000_000
    card, text = json.loads((WEIGHTS / "mini8.json").read_text()), (WEIGHTS / "README.md").read_text()
    for measured in card["metrics"]["validation"].values():
        assert f"| {measured['pictures']:,} | {measured['top1']:.1%} | {measured['top5']:.1%} |" in text
    assert card["metrics"]["validation"]["all"]["top5"] > 5 / 298 + 0.1  # far more than guessing
    assert TrainingConfig().with_values(card["recipe"]) == RECIPES["mini"]  # how it was made can be read in the code


def test_its_fine_tuned_copy_is_what_its_card_says() -> None:
    """All of it has learned, as in the paper, from the embedded model's weights: none is the same, none is far away."""
    (before, _), (model, checkpoint) = load("embedded"), load("embedded-foodvision")
    assert checkpoint.labels == ("pizza", "steak", "sushi")
    assert model.config == ViTConfig.named("Mini/8", num_classes=3)
    for name, tensor in model.state_dict().items():
        if not name.startswith("head."):
            change = (tensor - before.state_dict()[name]).norm() / before.state_dict()[name].norm()
            assert 0 < change < 0.2, name
    card, text = json.loads((WEIGHTS / "foodvision.json").read_text()), (WEIGHTS / "README.md").read_text()
    measured = card["metrics"]["validation"]["all"]
    assert f"| {measured['pictures']:,} | {measured['top1']:.1%} | {measured['top5']:.1%} |" in text
    assert TrainingConfig().with_values(card["recipe"]) == RECIPES["transfer-small"]
