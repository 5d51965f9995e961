"""Training a Vision Transformer: recipes, pictures, schedule, loop, runs that can be interrupted, export."""

from vit_core.training.config import RECIPES, TrainingConfig
from vit_core.training.data.pictures import Loaders, Pictures, find_pictures, load_pictures
from vit_core.training.loop import evaluate, fit, train_epoch
from vit_core.training.schedule import learning_rate
from vit_core.training.start import Beginning, begin
from vit_core.training.state import EpochRecord, Evaluation, History

__all__ = [
    "RECIPES",
    "Beginning",
    "EpochRecord",
    "Evaluation",
    "History",
    "Loaders",
    "Pictures",
    "TrainingConfig",
    "begin",
    "evaluate",
    "find_pictures",
    "fit",
    "learning_rate",
    "load_pictures",
    "train_epoch",
]
