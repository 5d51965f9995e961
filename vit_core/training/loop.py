"""Training and measuring: one epoch, all epochs, and the accuracy over pictures."""

import copy
from collections.abc import Callable
from math import ceil
from time import perf_counter

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy

from vit_core.model import VisionTransformer
from vit_core.training.augment import augment, normalise
from vit_core.training.config import TrainingConfig
from vit_core.training.data import Loaders, Pictures
from vit_core.training.schedule import learning_rate
from vit_core.training.state import (
    Checkpoints,
    EpochRecord,
    Evaluation,
    History,
    StepRecord,
    TrainingState,
    make_optimizer,
)


def fit(
    model: VisionTransformer,
    loaders: Loaders,
    recipe: TrainingConfig,
    *,
    generator: Generator,
    on_epoch: Callable[[EpochRecord], None] | None = None,
    checkpoints: Checkpoints | None = None,
) -> History:
    """Train ``model`` by ``recipe``; it ends with the weights that were measured last: the average where there is one.

    All randomness comes from ``generator``: the same state gives the same history. With ``checkpoints`` the run is
    saved on the way, and one that was interrupted goes on at its last saved step to the same weights.
    """
    averaged = copy.deepcopy(model).requires_grad_(False) if recipe.ema_decay is not None else None
    state = TrainingState(model, averaged, make_optimizer(model, recipe), generator, epoch_start=generator.get_state())
    if checkpoints:
        checkpoints.restore(state)
    while state.step < recipe.total_steps(len(loaders.train)) or state.seen:
        train_loss = train_epoch(state, loaders.train, recipe, checkpoints.after_step if checkpoints else None)
        state.history += (finish_epoch(state, train_loss, loaders, recipe),)
        if on_epoch:
            on_epoch(state.history[-1])
        if checkpoints:  # last: what is saved has been told
            checkpoints.save(state)
    model.load_state_dict(state.best.state_dict())
    return state.history


def train_epoch(
    state: TrainingState,
    pictures: Pictures,
    recipe: TrainingConfig,
    after_step: Callable[[TrainingState, StepRecord], None] | None = None,
) -> float:
    """Train on all pictures once, or on what an interrupted epoch has left; the mean loss over its pictures."""
    total_steps = recipe.total_steps(len(pictures))
    now = state.generator.get_state()
    if state.seen:  # the order was drawn when the epoch began: draw it again, then go on where it stopped
        state.generator.set_state(state.epoch_start)
    state.epoch_start = state.generator.get_state()
    order = torch.randperm(len(pictures), generator=state.generator)
    if state.seen:
        state.generator.set_state(now)
    state.model.train()
    for pixels, labels in pictures.batches(order, recipe.batch_size, first=ceil(state.seen / recipe.batch_size)):
        if state.step >= total_steps:
            break
        began = perf_counter()
        rate = learning_rate(state.step, total_steps, recipe)
        loss = train_step(state, pixels, labels, recipe, rate, progress=state.step / total_steps)
        state.seen += len(labels)
        state.loss_sum += loss * len(labels)
        state.step += 1
        state.seconds += perf_counter() - began
        if after_step:
            after_step(state, StepRecord(state.step, loss, rate, len(labels)))
    return state.loss_sum / state.seen


def train_step(
    state: TrainingState,
    pixels: UInt8[Tensor, "batch channels height width"],
    labels: Int64[Tensor, " batch"],
    recipe: TrainingConfig,
    rate: float,
    progress: float,
) -> float:
    """One step of the optimiser on one batch; the loss before it.

    Raises:
        FloatingPointError: if the loss is not finite: the weights are left as they were.
    """
    model, generator = state.model, state.generator
    images = augment(pixels, recipe, generator)
    num_patches = model.config.num_patches
    drop = recipe.patch_drop if progress < recipe.patch_drop_until else 0.0
    kept = draw_patches(len(images), num_patches, num_patches - int(drop * num_patches), generator) if drop else None
    with torch.random.fork_rng(devices=[]), autocast(recipe):
        # nn.Dropout takes no generator, only torch's own: seed that one from ours, for this step alone.
        torch.manual_seed(int(torch.randint(2**31, (), generator=generator)))
        logits = forward_kept(model, images, kept) if kept is not None else model(images)
        loss = cross_entropy(logits.float(), labels, label_smoothing=recipe.label_smoothing)
    if not loss.isfinite():
        raise FloatingPointError(
            f"the loss of step {state.step + 1} is {loss.item()}: lower the learning rate or clip the gradients"
        )
    state.optimizer.zero_grad()
    torch.autograd.backward(loss)
    if recipe.clip_norm is not None:
        nn.utils.clip_grad_norm_(model.parameters(), recipe.clip_norm)
    for group in state.optimizer.param_groups:
        group["lr"] = rate
    state.optimizer.step()
    if state.averaged is not None and recipe.ema_decay is not None:
        update_average(state.averaged, model, min(recipe.ema_decay, (1 + state.step) / (10 + state.step)))
    return loss.item()


def draw_patches(count: int, num_patches: int, kept: int, generator: Generator) -> Int64[Tensor, "batch kept"]:
    """For each picture the numbers of ``kept`` different patches, from 0."""
    return torch.rand(count, num_patches, generator=generator).argsort(1)[:, :kept]


def forward_kept(
    model: VisionTransformer,
    images: Float[Tensor, "batch channels height width"],
    kept: Int64[Tensor, "batch kept"],
) -> Float[Tensor, "batch classes"]:
    """The logits when the model sees only the ``kept`` patches of each picture, every one with its own position.

    As in arXiv 2212.00794: positions are added first, and the class token always stays.
    """
    z = model.embed(model.embed_patches(images))
    tokens = torch.cat([kept.new_zeros(len(kept), 1), kept + 1], dim=1)
    return model.classify(model.encode(z.gather(1, tokens[..., None].expand(-1, -1, z.shape[-1]))))


@torch.no_grad()
def update_average(averaged: nn.Module, model: nn.Module, decay: float) -> None:
    """averaged = decay * averaged + (1 - decay) * model, parameter by parameter."""
    torch._foreach_lerp_(list(averaged.parameters()), list(model.parameters()), 1.0 - decay)


@torch.no_grad()
def evaluate(model: VisionTransformer, pictures: Pictures, recipe: TrainingConfig, batch_size: int = 250) -> Evaluation:
    """Loss and accuracy over pictures: every picture counts the same, however many the last batch holds.

    Raises:
        ValueError: if there are no pictures.
    """
    if not len(pictures):
        raise ValueError("there are no pictures to evaluate on")
    was_training = model.training
    model.eval()
    loss, top1, top5 = 0.0, 0, 0
    for pixels, labels in pictures.batches(torch.arange(len(pictures)), batch_size):
        logits = model(normalise(pixels, recipe))
        loss += cross_entropy(logits, labels, reduction="sum").item()
        ranked = logits.topk(min(5, logits.shape[-1])).indices == labels[:, None]
        top1 += int(ranked[:, 0].sum())
        top5 += int(ranked.sum())
    model.train(was_training)
    count = len(pictures)
    return Evaluation(loss / count, top1 / count, top5 / count, count)


def finish_epoch(state: TrainingState, train_loss: float, loaders: Loaders, recipe: TrainingConfig) -> EpochRecord:
    """Measure the model and begin the next epoch's sums."""
    rate = learning_rate(state.step - 1, recipe.total_steps(len(loaders.train)), recipe)
    validation = evaluate(state.best, loaders.validation, recipe)
    record = EpochRecord(len(state.history) + 1, state.step, train_loss, rate, validation, state.seconds)
    state.seen, state.loss_sum, state.seconds = 0, 0.0, 0.0
    return record


def autocast(recipe: TrainingConfig) -> torch.autocast:
    """Matrix products in the recipe's precision; weights, sums along the skip path and the loss stay float32."""
    return torch.autocast("cpu", torch.bfloat16, enabled=recipe.precision == "bfloat16")
