"""The same picture through a run's saved epochs: views as the stages have them, a frame for each epoch.

What is drawn on one scale has the same one in every frame, so that frames can be compared by eye. Two runs stand side
by side on the same scales; where one has ended, it stays as it was in the end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from torch import Tensor

from explainer.experiments.recordings import Recording, Snapshot
from explainer.notation.wording import number, percent
from explainer.origins import Origin, on_side, one_each, worked_out
from explainer.panels import Frames, Picture, Plot, Series, Tiles, View, plain
from explainer.views import attention, embedding, lens, patches
from explainer.views.arrays import as_values, float_values
from explainer.views.compose import view
from explainer.views.course.charts import LINE_COLOURS, over_epochs, share_bars
from explainer.views.course.scenes import (
    NAME,
    Scene,
    Scenes,
    at_epoch,
    every_snapshot,
    frames_of,
    frames_of_runs,
    label_of,
    line_of,
    named,
    side_of,
)
from explainer.views.scales import from_zero, symmetric
from vit_core.logit_lens import most_probable

CLASS_COLOURS = ("y", "q", "k", "v", "E_pos")  # told apart by colour; the line's label says the class
MOST_FILTERS = 48
# The learned matrices whose movement is drawn: symbol, colour, field of a snapshot, all numbers of it in the model
LEARNED = (
    ("E", "E", "projection_matrix", Origin("patch_projection.weight", ("*",) * 4)),
    ("E_{pos}", "E_pos", "position_embedding", Origin("position_embedding", ("*", "*"))),
)


def bar(scenes: Scenes) -> Frames:
    """The slider over the epochs, and how often each run was right after each."""
    return frames_of(scenes, lambda epoch: View((), alt=f"{label_of(scenes, epoch)}."), has_bar=True)


def curves(scenes: Scenes) -> Frames:
    """Loss and accuracy of the runs with the epoch marked; a click moves to another.

    Raises:
        ValueError: if none of the runs has measured anything.
    """
    plots = []
    for title, y_label, fields in (
        ("Loss", "cross-entropy", (("loss", "held out"), ("train_loss", "training"))),
        ("Accuracy", "share right", (("top1", "held out"), ("train_top1", "training"))),
    ):
        lines = [
            Series(named(scenes, scene, label), float_values(epochs), float_values(values), colour)
            for scene, colour in zip(scenes, LINE_COLOURS, strict=False)
            for field, label in fields
            for epochs, values in [scene.recording.curve(field)]
            if epochs
        ]
        if lines:
            plots.append(over_epochs(title, y_label, lines, pick=NAME, start=0.0))
    if not plots:
        raise ValueError("none of these runs has measured anything yet")

    def make(epoch: int) -> View:
        marked = tuple(replace(plot, selected_x=float(epoch)) for plot in plots)
        return view(f"{label_of(scenes, epoch)}, marked on the curves of loss and accuracy.", marked)

    return frames_of(scenes, make)


def prediction(scenes: Scenes) -> Frames:
    """How probable the classes are that win in the end: after this epoch, and over all epochs."""
    high = 1.05 * max(float(now.probabilities[scene.classes].max()) for scene, now in every_snapshot(scenes))

    def make(scene: Scene, now: Snapshot) -> View:
        recording, classes = scene.recording, scene.classes
        names = tuple(recording.labels[c] for c in classes)
        first = most_probable(now.probabilities, 1)[0]
        bars = share_bars(
            "Prediction",
            names,
            as_values(now.probabilities[classes]),
            origin=Origin("trace.probabilities", ("listed",), listed=tuple(classes)),
            caption="The classes that win in the end, in that order.",
        )
        lines = [
            line_of(
                recording,
                name,
                [float(snapshot.probabilities[c]) for snapshot in recording.snapshots],
                colour,
                Origin("trace.probabilities", (c,)),
            )
            for c, name, colour in zip(classes, names, CLASS_COLOURS, strict=False)
        ]
        plot = at_epoch("Their probability", "probability", lines, now, min(1.0, high), quantity="y")
        return view(
            f"It predicts {recording.labels[first]} with {percent(now.probabilities[first])}; {names[0]}, which wins "
            f"in the end, has {percent(now.probabilities[classes[0]])}.",
            (bars, plot),
        )

    return frames_of_runs(scenes, make)


def positions(scenes: Scenes) -> Frames:
    """Cosine similarity of the position embeddings; the scale is always that of the cosine."""

    def make(scene: Scene, now: Snapshot) -> View:
        return embedding.position_similarity(now.position_embedding, scene.token)

    return frames_of_runs(scenes, make)


def filters(scenes: Scenes, *, shared: bool) -> Frames:
    """E's filters: those that are largest in the end, always in that order.

    Args:
        scenes: one run or two.
        shared: one scale for all filters and epochs, instead of each filter's own in each epoch.
    """
    chosen = {scene: _largest_filters(scene.final.projection_matrix) for scene in scenes}
    scale = symmetric(*(now.projection_matrix[:, chosen[scene]] for scene, now in every_snapshot(scenes)))

    def make(scene: Scene, now: Snapshot) -> View:
        config, columns = scene.recording.config, now.projection_matrix.T[chosen[scene]]
        moved = columns - scene.recording.snapshots[0].projection_matrix.T[chosen[scene]]
        caption = (
            f"One scale for all filters and epochs: black is {number(scale.low)}, grey 0, white {number(scale.high)}."
            if shared
            else "Each filter from its own smallest weight, black, to its own largest, white, in each epoch anew."
        )
        tiles = Tiles(
            title=f"{len(columns)} of the {config.hidden_size} filters of E",
            quantity="E",
            columns=12,
            tile_size=96,
            pixels=patches.as_pictures(columns, config, scale if shared else None),
            labels=tuple(f"filter {c}" for c in chosen[scene].tolist()),
            origin=Origin(
                "patch_projection.weight", ("listed", 0, "row", "column"), listed=tuple(chosen[scene].tolist())
            ),
            caption=caption,
        )
        return view(
            f"{len(columns)} filters of E, the largest in the end; together they have length "
            f"{number(columns.norm())} and are {number(moved.norm())} away from where they began.",
            (tiles,),
        )

    return frames_of_runs(scenes, make)


def attention_maps(scenes: Scenes, *, shared: bool) -> Frames:
    """Where the chosen token looks in the chosen layer: the chosen head, and all.

    Args:
        scenes: one run or two.
        shared: one scale for all heads and epochs, instead of one for every map.
    """
    looks = [now.attention_weights[scene.layer - 1][:, scene.token, 1:] for scene, now in every_snapshot(scenes)]
    scale = from_zero(*looks)
    caption = f"One scale for all heads and epochs{' of both runs' if len(scenes) > 1 else ''}."

    def make(scene: Scene, now: Snapshot) -> View:
        weights, pixels = now.attention_weights[scene.layer - 1], scene.recording.pixels
        large = attention.over_picture(weights, scene.head, scene.token, pixels)
        all_heads = attention.heads(weights, scene.token, pixels, scene.head)
        picture, tiles = large.panels[1], all_heads.panels[0]
        assert isinstance(picture, Picture) and isinstance(tiles, Tiles)
        title = f"Layer {scene.layer}, head {scene.head}"
        picture = replace(picture, title=title, weight=0.7, caption="On its own scale.")
        columns = min(tiles.columns, 3 if tiles.columns < 8 else 4)  # beside the picture
        tiles = replace(tiles, title=f"All {len(weights)} heads", columns=columns)
        if shared:
            picture = replace(picture, scale=scale, caption=caption)
            tiles = replace(tiles, scales=(scale,), caption=caption)
        return view(all_heads.alt, (picture, tiles))

    return frames_of_runs(scenes, make)


def logit_lens(scenes: Scenes) -> Frames:
    """The prediction read off after every layer, for the classes that win in the end."""
    high = 1.05 * max(float(now.lens[:, scene.classes].max()) for scene, now in every_snapshot(scenes))

    def make(scene: Scene, now: Snapshot) -> View:
        made = lens.read_off(now.lens, scene.recording.labels, scene.layer, scene.classes)
        plot, bars = made.panels
        assert isinstance(plot, Plot)
        return view(made.alt, (replace(plot, low=0.0, high=min(1.0, high), caption=""), bars))

    return frames_of_runs(scenes, make)


def movement(scenes: Scenes) -> Frames:
    """How far the heads of the chosen layer look, and, from the second epoch on, how far E and E_pos moved."""
    farthest = 1.05 * max(float(now.distances[scene.layer - 1].max()) for scene, now in every_snapshot(scenes))
    moves = {scene: _moves(scene.recording) for scene in scenes}
    longest = max((length for of_run in moves.values() for lengths in of_run.values() for length in lengths), default=0)
    have_moved = all(len(scene.recording.snapshots) > 1 for scene in scenes)

    def make(scene: Scene, now: Snapshot) -> View:
        looks, where = _distances(scene, now, farthest)
        if not have_moved:
            return view(where, (looks,))
        change = _changes(scene, now, moves[scene], 1.05 * longest or 1.0)
        return view(f"{where} {plain(change.caption)}", (looks, change))

    return frames_of_runs(scenes, make)


def _distances(scene: Scene, now: Snapshot, high: float) -> tuple[Plot, str]:
    recording, layer, head = scene.recording, scene.layer, scene.head
    of_layer = [snapshot.distances[layer - 1] for snapshot in recording.snapshots]
    lines = [
        line_of(
            recording,
            f"head {h}",
            [float(distances[h - 1]) for distances in of_layer],
            "A" if h == head else "image",
            Origin("block.attention_distance", (h - 1,), layer),
        )
        for h in range(1, recording.config.num_heads + 1)
    ]
    here, start, end = (
        float(distances[head - 1]) for distances in (now.distances[layer - 1], of_layer[0], of_layer[-1])
    )
    plot = at_epoch(
        f"Mean attention distance in layer {layer}",
        "pixels",
        lines,
        now,
        high,
        quantity="A",
        caption=f"Head {head}: {number(here)} of {recording.config.image_size} pixels.",
    )
    return plot, (
        f"In layer {layer} head {head} looks {number(here)} pixels far on average; at the start it was "
        f"{number(start)}, in the end it is {number(end)}."
    )


def _changes(scene: Scene, now: Snapshot, moves: Mapping[str, Sequence[float]], high: float) -> Plot:
    snapshots = scene.recording.snapshots
    epochs = float_values(snapshot.epoch for snapshot in snapshots[1:])
    lines = [
        Series(symbol, epochs, float_values(moves[symbol]), colour, origin=_apart(scene, whole))
        for symbol, colour, _, whole in LEARNED
    ]
    caption, index = "Nothing has moved yet.", snapshots.index(now)
    if index:
        before, parts = snapshots[index - 1], []
        for symbol, _, field, _ in LEARNED:
            moved = moves[symbol][index - 1]
            share = percent(moved / float(getattr(before, field).norm()))
            parts.append(f"{symbol} by {number(moved)}, {share} of its length")
        caption = f"Since {f'epoch {before.epoch}' if before.epoch else 'the start'}: {'; '.join(parts)}."
    label = "length (norm) of the difference"
    return at_epoch("Change from epoch to epoch", label, lines, now, high, quantity="E", caption=caption)


def _apart(scene: Scene, whole: Origin) -> Origin:
    """How far a learned matrix is after each snapshot from where it was after the one before."""
    sides = [side_of(scene.recording, snapshot) for snapshot in scene.recording.snapshots]
    return one_each(
        *(worked_out("apart", on_side(whole, now), on_side(whole, before)) for before, now in pairwise(sides))
    )


def _largest_filters(projection_matrix: Tensor) -> Tensor:
    return projection_matrix.norm(dim=0).argsort(descending=True, stable=True)[:MOST_FILTERS]


def _moves(recording: Recording) -> dict[str, list[float]]:
    """Of each learned matrix the lengths of its differences from each snapshot to the next."""
    return {
        symbol: [
            float((getattr(now, field) - getattr(before, field)).norm())
            for before, now in pairwise(recording.snapshots)
        ]
        for symbol, _, field, _ in LEARNED
    }
