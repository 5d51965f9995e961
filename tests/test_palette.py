"""Colours that can be read and told apart by everybody, and scales that tell the truth in grey."""

import tomllib
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab

from explainer.palette import BACKGROUND, DIVERGING, QUANTITIES, TEXT, Scheme, diverging, sequential

SCHEMES: tuple[Scheme, ...] = ("light", "dark")

# Machado, Oliveira, Fernandes: "A Physiologically-Based Model for Simulation of Color Vision Deficiency", IEEE TVCG
# 2009, severity 1.0, on linear RGB.
SIGHT = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
LETTERS = ("q", "k", "v", "A", "z", "E", "E_pos", "class_token")
TOGETHER = (("q", "k", "v", "A"), ("z", "E", "E_pos", "class_token"))  # in one equation, Eq. 5-7 and Eq. 1


def linear(colour: str) -> NDArray[np.float64]:
    encoded = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2."""
    return float(linear(colour) @ [0.2126, 0.7152, 0.0722])


def contrast(a: str, b: str) -> float:
    bright, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def seen(colour: str, sight: str) -> NDArray[np.float64]:
    """The colour in CIELAB as it is seen."""
    rgb = np.clip(SIGHT[sight] @ linear(colour), 0, 1)
    return rgb2lab(np.where(rgb <= 0.0031308, 12.92 * rgb, 1.055 * rgb ** (1 / 2.4) - 0.055))


def difference(a: str, b: str, sight: str) -> float:
    return float(deltaE_ciede2000(seen(a, sight), seen(b, sight)))


# Where coloured text stands: the page, a card (3.5 % of the ink on it), a marked line of code (18 % amber on the card).
SURFACES = {"light": ("#ffffff", "#f7f7f8", "#f4e9cb"), "dark": ("#0f1319", "#171b21", "#3c341b")}


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("quantity", QUANTITIES)
def test_every_colour_can_be_read_as_text(quantity: str, scheme: Scheme) -> None:
    assert SURFACES[scheme][0] == BACKGROUND[scheme]
    for surface in SURFACES[scheme]:
        assert contrast(QUANTITIES[quantity].colour(scheme), surface) >= 4.5  # WCAG 2 AA


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("sight", SIGHT)
def test_the_papers_letters_can_be_told_apart(sight: str, scheme: Scheme) -> None:
    """A difference of 2 is just seen side by side; 8 is clear at a glance, 11 across a formula."""
    for a, b in combinations(LETTERS, 2):
        together = any(a in group and b in group for group in TOGETHER)
        apart = difference(QUANTITIES[a].colour(scheme), QUANTITIES[b].colour(scheme), sight)
        assert apart >= (11 if together else 8), (a, b, apart)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("sight", SIGHT)
def test_the_mlp_can_be_told_from_what_stands_beside_it(sight: str, scheme: Scheme) -> None:
    assert difference(QUANTITIES["mlp"].colour(scheme), QUANTITIES["z"].colour(scheme), sight) >= 11  # Eq. 3


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_quantity_keeps_its_hue_in_both_schemes(scheme: Scheme) -> None:
    """Light and dark are two shades of one colour, not two colours."""
    for quantity in LETTERS:
        lab = [seen(QUANTITIES[quantity].colour(each), "normal") for each in SCHEMES]
        hues = [np.degrees(np.arctan2(each[2], each[1])) for each in lab]
        assert abs((hues[0] - hues[1] + 180) % 360 - 180) < 35, quantity


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("quantity", QUANTITIES)
def test_sequential_scales_run_evenly_from_page_to_colour(quantity: str, scheme: Scheme) -> None:
    scale = sequential(quantity, scheme)
    assert scale[-1] == QUANTITIES[quantity].colour(scheme)
    assert contrast(scale[0], BACKGROUND[scheme]) < 1.1  # nothing looks like nothing
    for sight in SIGHT:
        lightness = np.array([seen(colour, sight)[0] for colour in scale])
        steps = np.diff(lightness) * (-1 if scheme == "light" else 1)
        assert (steps > 0).all()  # more is always more, for every eye
    normal = np.abs(np.diff([seen(colour, "normal")[0] for colour in scale]))
    assert normal.max() < 2.5 * normal.min()  # and no step jumps


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("sight", SIGHT)
def test_the_diverging_scale_is_two_arms_around_the_page(sight: str, scheme: Scheme) -> None:
    scale = diverging(scheme)
    middle = len(scale) // 2
    lightness = np.array([seen(colour, sight)[0] for colour in scale])
    away = -1 if scheme == "light" else 1
    assert (np.diff(lightness[middle:]) * away > 0).all()
    assert (np.diff(lightness[middle::-1]) * away > 0).all()
    assert contrast(scale[middle], BACKGROUND[scheme]) < 1.15
    for below, above in zip(scale[:middle], scale[:middle:-1], strict=True):
        assert difference(below, above, sight) > 8  # the sign is seen by every eye, from the first step on


@pytest.mark.parametrize("scheme", SCHEMES)
def test_both_arms_are_equally_dark(scheme: Scheme) -> None:
    """Equal sizes have equal lightness, so that a grey print still tells the size."""
    lightness = [seen(colour, "normal")[0] for colour in DIVERGING[scheme]]
    for below, above in zip(lightness, reversed(lightness), strict=True):
        assert abs(below - above) < 3


def test_what_is_no_quantity_has_no_scale() -> None:
    with pytest.raises(KeyError):
        sequential("nothing", "light")


def test_the_page_has_the_background_and_the_ink_of_the_palette() -> None:
    options = tomllib.loads((Path(__file__).parents[1] / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    for scheme in SCHEMES:
        assert options["theme"][scheme]["backgroundColor"] == BACKGROUND[scheme]
        assert options["theme"][scheme]["textColor"] == TEXT[scheme]
