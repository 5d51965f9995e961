"""The palette as matplotlib wants it, and values turned into colours."""

from dataclasses import dataclass

import numpy as np
from matplotlib.colors import Colormap, LinearSegmentedColormap, to_rgb
from numpy.typing import NDArray
from PIL import Image

from explainer import palette
from explainer.panels import Pixels, Scale, Values

Colours = NDArray[np.float64]  # [height, width, 3], 0..1


@dataclass(frozen=True)
class Theme:
    """The palette in one scheme, as matplotlib wants it."""

    scheme: palette.Scheme

    @property
    def background(self) -> str:
        """What everything stands on."""
        return palette.BACKGROUND[self.scheme]

    @property
    def ink(self) -> str:
        """The colour of text."""
        return self.colour("y")

    @property
    def muted(self) -> tuple[float, ...]:
        """The colour of captions and axes: ink, a third of the way to the background."""
        return tuple(0.66 * i + 0.34 * b for i, b in zip(to_rgb(self.ink), to_rgb(self.background), strict=True))

    def colour(self, quantity: str) -> str:
        """The colour of a quantity."""
        return palette.QUANTITIES[quantity].colour(self.scheme)

    def colour_map(self, quantity: str, scale: Scale) -> Colormap:
        """The colours of a scale."""
        stops = palette.diverging(self.scheme) if scale.diverging else palette.sequential(quantity, self.scheme)
        return LinearSegmentedColormap.from_list(quantity, stops)

    def paint(self, values: Values, scale: Scale, quantity: str) -> Colours:
        """Values as colours."""
        return np.asarray(self.colour_map(quantity, scale)(_share(values, scale)))[..., :3]

    def overlaid(
        self, pixels: Pixels, overlay: Values, scale: Scale, quantity: str, mode: str = "heat", smooth: bool = False
    ) -> Colours:
        """The picture lit by the overlay, or the overlay's colours over the picture in grey."""
        side = max(pixels.shape[0], 4 * overlay.shape[0])
        picture = np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC)) / 255.0
        method = Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST
        share = np.asarray(Image.fromarray(_share(overlay, scale)).resize((side, side), method)).clip(0, 1)[..., None]
        if mode == "spotlight":
            return picture * share
        grey = np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2)
        colours = np.asarray(self.colour_map(quantity, scale)(share[..., 0]))[..., :3]
        strength = np.abs(2 * share - 1) if scale.diverging else share
        faint = 0.45 * grey + 0.55 * np.array(to_rgb(self.background))
        return faint * (1 - 0.85 * strength) + colours * 0.85 * strength


def _share(values: Values, scale: Scale) -> Values:
    """Where the values lie between the ends of the scale, 0..1."""
    return ((values - scale.low) / np.float32(scale.high - scale.low)).clip(0, 1).astype(np.float32)
