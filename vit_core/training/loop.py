"""Training and measuring: one epoch, all epochs, and the accuracy over pictures."""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf
from time import perf_counter

import torch
from jaxtyping import Float, Int64
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy

from vit_core.model import VisionTransformer
from vit_core.preprocess import Preprocess, normalise
from vit_core.training.checkpointing import RunFolder
from vit_core.training.config import TrainingConfig
from vit_core.training.data.pictures import Batch, Loaders, Pictures
from vit_core.training.distributed import ALONE, World
from vit_core.training.optimizers import learnable, make_optimizers, set_learning_rate
from vit_core.training.precision import autocast
from vit_core.training.schedule import learning_rate
from vit_core.training.state import EpochRecord, Evaluation, History, StepRecord, TrainingState

COURSE_BATCH = 32  # pictures in a batch of the course, over whose accuracies it takes the mean
MOST_CONFUSED = 20  # classes, beyond which a confusion matrix is not kept for every epoch


class Forward(nn.Module):
    """The forward pass of training: ``model`` on all patches, or on those that are kept. Can be wrapped as one."""

    def __init__(self, model: VisionTransformer) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        images: Float[Tensor, "batch channels height width"],
        kept: Int64[Tensor, "batch kept"] | None = None,
    ) -> Float[Tensor, "batch classes"]:
        """The logits of each picture."""
        return self.model(images) if kept is None else forward_kept(self.model, images, kept)


@dataclass(frozen=True)
class Setup:
    """The recipe, and all else that does not change while a model trains."""

    recipe: TrainingConfig
    preprocess: Preprocess
    forward: Callable[..., Tensor]
    total_steps: int
    world: World = ALONE
    workers: int = 0  # other processes that decode pictures


def fit(
    model: VisionTransformer,
    loaders: Loaders,
    recipe: TrainingConfig,
    *,
    generator: Generator,
    on_epoch: Callable[[EpochRecord], None] | None = None,
    checkpoints: RunFolder | None = None,
    preprocess: Preprocess | None = None,
    world: World = ALONE,
    workers: int = 0,
    compiled: bool = False,
) -> History:
    """Train ``model`` by ``recipe``; it ends with the weights that were measured last: the average where there is one.

    All randomness comes from ``generator``: the same state gives the same history. With ``checkpoints`` the run is
    saved on the way, and one that was interrupted goes on at its last saved step to the same weights. ``preprocess`` is
    how the model sees pictures, the recipe's own by default.

    Raises:
        FloatingPointError: if the loss is not finite.
        ValueError: if a picture cannot be read.
    """
    model.to(world.device)
    averaged = copy.deepcopy(model).requires_grad_(False) if recipe.ema_decay is not None else None
    state = TrainingState(model, averaged, make_optimizers(model, recipe), generator, epoch_start=generator.get_state())
    forward: Callable[..., Tensor] = world.wrap(Forward(model))
    if compiled:
        forward = torch.compile(forward)
    total_steps = recipe.total_steps(len(loaders.train))
    setup = Setup(recipe, preprocess or recipe.preprocess, forward, total_steps, world, workers)
    if checkpoints:
        checkpoints.restore(state)
        if not state.step:
            checkpoints.before_training(state)
    while state.step < total_steps or state.seen:
        train_loss = train_epoch(state, loaders.train, setup, checkpoints.after_step if checkpoints else None)
        state.history += (finish_epoch(state, train_loss, loaders, setup),)
        if on_epoch and world.is_first:
            on_epoch(state.history[-1])
        if checkpoints:  # last: what is saved has been reported
            checkpoints.after_epoch(state)
    model.load_state_dict(state.best.state_dict())
    return state.history


def train_epoch(
    state: TrainingState,
    pictures: Pictures,
    setup: Setup,
    after_step: Callable[[TrainingState, StepRecord], None] | None = None,
) -> float:
    """Train on all pictures once, or on what an interrupted epoch has left; the mean loss over its pictures."""
    order, seed = draw_epoch(state, len(pictures))
    size, world = setup.recipe.batch_size, setup.world
    batches = [order[start : start + size] for start in range(state.seen, len(order), size)]
    batches = batches[: setup.total_steps - state.step]
    # A process that gets none of the last few pictures computes with one that does not count: all have to take part.
    mine = [world.part(batch) or batch[:1] for batch in batches]
    counts = [len(world.part(batch)) for batch in batches]
    state.model.train()
    loaded = replace(pictures, seed=seed).batches(mine, setup.workers)
    began = perf_counter()
    for batch, local, (pixels, labels) in zip(batches, counts, loaded, strict=True):
        record = train_step(state, (pixels, labels), setup, local, len(batch))
        state.seen += record.pictures
        state.loss_sum += record.loss * record.pictures
        state.right += record.right
        state.batch_shares += record.right / record.pictures
        state.step += 1
        state.seconds += perf_counter() - began
        if after_step:
            after_step(state, record)
        began = perf_counter()
    return state.loss_sum / state.seen


def draw_epoch(state: TrainingState, count: int) -> tuple[list[int], int]:
    """The order of an epoch's pictures and the seed of their changes; for an interrupted one, those it began with."""
    now = state.generator.get_state()
    if state.seen:
        state.generator.set_state(state.epoch_start)
    state.epoch_start = state.generator.get_state()
    order, seed = shuffled(count, state.generator)
    if state.seen:
        state.generator.set_state(now)
    return order, seed


def shuffled(count: int, generator: Generator) -> tuple[list[int], int]:
    """The first draws of an epoch: the order of its pictures and the seed of their changes."""
    order: list[int] = torch.randperm(count, generator=generator).tolist()
    return order, int(torch.randint(2**62, (), generator=generator))


def train_step(state: TrainingState, batch: Batch, setup: Setup, local: int, total: int) -> StepRecord:
    """One step of the optimiser on ``total`` pictures, of which the first ``local`` of ``batch`` are this process's.

    Raises:
        FloatingPointError: if the loss is not finite: the weights are left as they were.
    """
    recipe, world, generator = setup.recipe, setup.world, state.generator
    images = normalise(batch[0].to(world.device), setup.preprocess)
    labels = batch[1].to(world.device)
    kept = draw_kept(state.model.config.num_patches, total, setup, state)
    with torch.random.fork_rng(devices=[]), autocast(recipe, world.device):
        # nn.Dropout takes no generator, only torch's own: seed that one from ours, for this step alone.
        torch.manual_seed(int(torch.randint(2**31, (), generator=generator)) + world.rank)
        logits = setup.forward(images, kept).float()
    losses = cross_entropy(logits, labels, label_smoothing=recipe.label_smoothing, reduction="none")[:local]
    right = (logits[:local].argmax(1) == labels[:local]).sum()
    sums = world.sum(torch.stack([losses.detach().sum().double(), right.double()]))
    loss = float(sums[0]) / total
    if not abs(loss) < inf:
        raise FloatingPointError(
            f"the loss of step {state.step + 1} is {loss}: lower the learning rate or clip the gradients"
        )
    for optimizer in state.optimizers:
        optimizer.zero_grad()
    # Gradients are averaged over the processes, so each one's sum is divided by its share of the batch's size.
    torch.autograd.backward((losses.sum() + 0.0 * logits.sum()) * world.size / total)
    norm = nn.utils.clip_grad_norm_(learnable(state.optimizers), inf if recipe.clip_norm is None else recipe.clip_norm)
    rate = learning_rate(state.step, setup.total_steps, recipe)
    set_learning_rate(state.optimizers, rate)
    for optimizer in state.optimizers:
        optimizer.step()
    if state.averaged is not None and recipe.ema_decay is not None:
        update_average(state.averaged, state.model, min(recipe.ema_decay, (1 + state.step) / (10 + state.step)))
    return StepRecord(state.step + 1, loss, rate, total, int(sums[1]), float(norm))


def draw_kept(num_patches: int, total: int, setup: Setup, state: TrainingState) -> Int64[Tensor, "batch kept"] | None:
    """The patches that this process's pictures of a batch of ``total`` keep; None if they keep all."""
    recipe, world = setup.recipe, setup.world
    if not recipe.patch_drop or state.step >= recipe.patch_drop_until * setup.total_steps:
        return None
    drawn = draw_patches(total, num_patches, num_patches - int(recipe.patch_drop * num_patches), state.generator)
    mine = drawn[world.rank :: world.size]
    return (mine if len(mine) else drawn[:1]).to(world.device)


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


def finish_epoch(state: TrainingState, train_loss: float, loaders: Loaders, setup: Setup) -> EpochRecord:
    """Measure the model and begin the next epoch's sums."""
    rate = learning_rate(state.step - 1, setup.total_steps, setup.recipe)
    validation = evaluate(state.best, loaders.validation, setup.preprocess, world=setup.world, workers=setup.workers)
    batches = -(-state.seen // setup.recipe.batch_size)
    top1, batch_mean = state.right / state.seen, state.batch_shares / batches
    number = len(state.history) + 1
    record = EpochRecord(number, state.step, train_loss, rate, validation, state.seconds, top1, batch_mean)
    state.seen, state.loss_sum, state.right, state.batch_shares, state.seconds = 0, 0.0, 0, 0.0, 0.0
    return record


@torch.no_grad()
def evaluate(
    model: VisionTransformer,
    pictures: Pictures,
    preprocess: Preprocess,
    *,
    world: World = ALONE,
    workers: int = 0,
    batch_size: int = 250,
) -> Evaluation:
    """Loss and accuracy over pictures: every picture counts the same, however many the last batch holds.

    Raises:
        ValueError: if there are no pictures, or one of them cannot be read.
    """
    count, classes = len(pictures), model.config.num_classes
    if not count:
        raise ValueError("there are no images to evaluate on")
    rows = world.part(list(range(count)))
    results = torch.zeros(3, count, dtype=torch.float64)  # loss, predicted class, whether it is among the first five
    for mine, logits, labels in logits_of(model, pictures, preprocess, rows, world.device, workers, batch_size):
        results[0, mine] = cross_entropy(logits, labels, reduction="none").double()
        ranked = logits.topk(min(5, classes)).indices
        results[1, mine] = ranked[:, 0].double()
        results[2, mine] = (ranked == labels[:, None]).any(1).double()
    loss, predicted, among_five = world.sum(results)
    labels, predictions = pictures.labels, predicted.long()
    right = (predictions == labels).double()
    table = torch.zeros(classes, classes, dtype=torch.int64)
    table.index_put_((labels, predictions), torch.ones_like(labels), accumulate=True)
    return Evaluation(
        loss=float(loss.mean()),
        top1=float(right.mean()),
        top5=float(among_five.mean()),
        pictures=count,
        batch_mean_top1=float(torch.stack([batch.mean() for batch in right.split(COURSE_BATCH)]).mean()),
        predicted=tuple(table.sum(0).tolist()),
        confusion=tuple(map(tuple, table.tolist())) if classes <= MOST_CONFUSED else None,
    )


@torch.no_grad()
def logits_of(
    model: VisionTransformer,
    pictures: Pictures,
    preprocess: Preprocess,
    rows: Sequence[int] | None = None,
    device: torch.device = ALONE.device,
    workers: int = 0,
    batch_size: int = 250,
) -> Iterator[tuple[list[int], Float[Tensor, "batch classes"], Int64[Tensor, " batch"]]]:
    """The numbers of some pictures, their logits and their labels, batch by batch; dropout is off meanwhile."""
    chosen = list(range(len(pictures)) if rows is None else rows)
    batches = [chosen[start : start + batch_size] for start in range(0, len(chosen), batch_size)]
    was_training = model.training
    model.eval()
    for batch, (pixels, labels) in zip(batches, pictures.batches(batches, workers), strict=True):
        yield batch, model(normalise(pixels.to(device), preprocess)).cpu(), labels
    model.train(was_training)
