"""Data: pictures per class and split, a sheet of them, what a transform makes of one, and a batch."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int64, UInt8
from PIL import Image, ImageOps
from torch import Tensor

from explainer.panels import Picture, Pixels, Tiles, View
from explainer.views.arrays import as_values
from explainer.views.compose import view
from explainer.views.course.charts import count_bars, shrunk, stacked
from explainer.views.scales import from_zero, symmetric

MOST_BARS = 40  # classes or batches; more are not drawn
SHEET_SIZE = 112  # pixels a side of a picture on the sheet
SHOWN_SIZE = 192  # of a larger tile: what is drawn of it anyway
MOST_TILES = 32  # pictures of a batch
SPLIT_COLOURS = {"train": "z", "test": "q"}


def counts(by_split: Mapping[str, Sequence[int]], class_names: Sequence[str]) -> View:
    """Pictures per class and split as bars.

    Args:
        by_split: for "train" and "test", the pictures of each class.
        class_names: in the same order.
    """
    totals = np.sum([list(row) for row in by_split.values()], axis=0)
    shown = np.sort(np.argsort(-totals, kind="stable")[:MOST_BARS])  # the largest, in the order of the labels
    bars = stacked(
        "Images per class",
        (class_names[index] for index in shown),
        {f"{split} {sum(row):,}": [row[index] for index in shown] for split, row in by_split.items()},
        [SPLIT_COLOURS[split] for split in by_split],
        "image",
        totals=tuple(f"{totals[index]:,}" for index in shown),
        caption=f"The {len(shown)} largest of {len(class_names)} classes." if len(shown) < len(class_names) else "",
    )
    summary = "; ".join(
        f"{split}: "
        + ", ".join(f"{row[index]:,} {class_names[index]}" for index in shown[:10])
        + (" and more" if len(class_names) > 10 else "")
        for split, row in by_split.items()
    )
    return view(f"{totals.sum():,} images of {len(class_names)} classes. {summary}.", (bars,))


def sheet(pictures: Iterable[Image.Image], labels: Sequence[str], numbers: Sequence[int], chosen: int) -> View:
    """Some pictures side by side, cut to squares; a click chooses one.

    Args:
        pictures: RGB, of any sizes; taken one after another, so that no two large ones need be in memory.
        labels: the class of each.
        numbers: which picture of the data set each is; a click picks it as ``{"shown": number}``.
        chosen: the number of the chosen picture, outlined if it is on the sheet.
    """
    square = (SHEET_SIZE, SHEET_SIZE)
    tiles = Tiles(
        title="A random sheet",
        quantity="image",
        columns=9,
        tile_size=SHEET_SIZE,
        labels=tuple(labels),
        pixels=np.stack([np.asarray(ImageOps.fit(picture, square, Image.Resampling.LANCZOS)) for picture in pictures]),
        picks=tuple({"shown": number} for number in numbers),
        selected=numbers.index(chosen) if chosen in numbers else None,
        caption="Cropped to squares for this sheet only. Click one to see below what training makes of it.",
    )
    found = ", ".join(f"{count} {name}" for name, count in Counter(labels).most_common(8))
    return view(f"{len(labels)} images drawn at random: {found}.", (tiles,))


def transformed(
    picture: Image.Image,
    drawn: Sequence[UInt8[Tensor, "channels height width"]],
    evaluated: UInt8[Tensor, "channels height width"],
    label: str,
) -> View:
    """The picture as it is on disk, as the training transform draws it several times, and as evaluation sees it."""
    size = evaluated.shape[-1]
    is_random = any(not bool((draw == drawn[0]).all()) for draw in drawn)
    small = "" if size <= SHOWN_SIZE else f", shown at {SHOWN_SIZE}"
    before = Picture(
        title="On disk",
        quantity="image",
        pixels=shrunk(picture, 460),
        caption=f"{label}, {picture.width} x {picture.height} pixels",
    )
    draws = Tiles(
        title="For training",
        quantity="image",
        columns=4,
        tile_size=112,
        weight=2.0,
        pixels=np.stack([_pixels(draw) for draw in drawn]),
        labels=tuple(f"draw {number}" for number in range(1, len(drawn) + 1)),
        caption=f"{size} x {size} pixels{small}. "
        + ("Every epoch draws anew." if is_random else "Nothing in this recipe is random: all draws are equal."),
    )
    after = Tiles(
        title="For evaluation",
        quantity="image",
        columns=1,
        tile_size=236,
        pixels=_pixels(evaluated)[None],
        labels=("always the same",),
        caption=f"{size} x {size} pixels{small}",
    )
    return view(
        f"An image of {label}, {picture.width} by {picture.height} pixels; {len(drawn)} draws of the training "
        f"transform at {size} by {size}, {'all different' if is_random else 'all equal'}; and the evaluation "
        "transform.",
        (before, draws, after),
    )


def channels(image: Float[Tensor, "channels height width"], label: str) -> View:
    """One picture as the model reads it: three matrices of numbers."""
    values = as_values(image)
    scale = symmetric(values) if values.min() < 0 else from_zero(values)
    tiles = Tiles(
        title=f"x: {' x '.join(map(str, image.shape))} numbers",
        quantity="image",
        columns=3,
        tile_size=300,
        values=values,
        scales=(scale,),
        labels=("red", "green", "blue"),
    )
    return view(
        f"The three channels of an image of {label}, from {values.min():.3g} to {values.max():.3g}, "
        f"mean {values.mean():.3g}.",
        (tiles,),
    )


def batch(
    pixels: UInt8[Tensor, "batch channels height width"], labels: Int64[Tensor, " batch"], class_names: Sequence[str]
) -> View:
    """The pictures of a batch in their order, and how many of each class chance has put into it."""
    shown = pixels[:MOST_TILES]
    tiles = Tiles(
        title="One batch",
        quantity="image",
        columns=8,
        tile_size=84,
        weight=1.7,
        pixels=np.stack([_pixels(picture, 96) for picture in shown]),
        labels=tuple(map(str, labels[:MOST_TILES].tolist())),
        caption=f"The first {len(shown)} of {len(pixels)}." if len(shown) < len(pixels) else "",
    )
    by_class = Counter(labels.tolist())
    present = sorted(by_class, key=lambda label: (-by_class[label], label))[:MOST_BARS]
    present = present if len(class_names) > MOST_BARS else list(range(len(class_names)))
    bars = count_bars(
        "Its labels",
        (f"{label} {class_names[label]}" for label in present),
        (by_class[label] for label in present),
    )
    summary = ", ".join(f"{by_class[label]} {class_names[label]}" for label in present[:10])
    return view(f"A batch of {len(pixels)} images: {summary}.", (tiles, bars))


def batches(sizes: Sequence[int]) -> View:
    """How many pictures each batch of an epoch has.

    Args:
        sizes: one per batch; at most the first ``MOST_BARS - 1`` and the last are drawn.
    """
    shown = list(range(len(sizes)))
    if len(sizes) > MOST_BARS:
        shown = [*range(MOST_BARS - 1), len(sizes) - 1]
    bars = count_bars(
        "Batches of an epoch",
        (f"batch {index + 1}" for index in shown),
        (sizes[index] for index in shown),
        "image",
        caption=f"{len(sizes) - len(shown)} batches of the same size are left out." if len(shown) < len(sizes) else "",
    )
    return view(f"{len(sizes)} batches in an epoch: the first has {sizes[0]} images, the last {sizes[-1]}.", (bars,))


def _pixels(picture: UInt8[Tensor, "channels height width"], side: int = SHOWN_SIZE) -> Pixels:
    return shrunk(Image.fromarray(picture.permute(1, 2, 0).contiguous().numpy()), side)
