"""Experiments with one image: each asks one question, measures, and states what it measured in a sentence.

Nothing of the model is changed. ``progress`` gets the share of the work that is done, from 0 to 1; an exception that it
raises ends the experiment.
"""

from explainer.experiments.heads import KnockedOut, knock_out
from explainer.experiments.prediction import ROUNDING, Prediction
from explainer.experiments.resizing import Resized, ResizedPositions, resize_positions
from explainer.experiments.scaling import Unscaled, unscale
from explainer.experiments.shuffling import Shuffled, shuffle_patches

__all__ = [
    "ROUNDING",
    "KnockedOut",
    "Prediction",
    "Resized",
    "ResizedPositions",
    "Shuffled",
    "Unscaled",
    "knock_out",
    "resize_positions",
    "shuffle_patches",
    "unscale",
]
